"""Markdown: nothing in an answer can run or call out, and a stream ends up as the whole would."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.web.markdown import LiveMarkdown, render
from tests.adapters.web.scenes import RICH

ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox)",
    "<javascript:alert(1)>",
    '[x](https://a.example "onmouseover=alert(1)")',
    '[x](https://a.example" onmouseover="alert(1))',
    "![x](https://tracker.example/pixel.png)",
    '![x" onerror="alert(1)](https://a.example)',
    "![x](javascript:alert(1))",
    "<iframe src=https://a.example></iframe>",
    '<a href="x" onclick=alert(1)>y</a>',
    "```<script>\nalert(1)\n```",
    '```"onmouseover=alert(1)\nx\n```',
    "<style>*{display:none}</style>",
    "<form action=https://a.example><input name=x></form>",
    "<math><mtext></mtext><script>alert(1)</script></math>",
    "[x]: javascript:alert(1)\n\n[x]",
    "|a|\n|-|\n|<b onclick=alert(1)>x</b>|",
    "<base href=https://a.example>",
    "<meta http-equiv=refresh content=0;url=https://a.example>",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_runs(attack: str) -> None:
    from html.parser import HTMLParser

    class Strict(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag not in {"script", "img", "svg", "iframe", "form", "input", "style", "base", "meta", "math"}
            for name, value in attrs:
                assert name in {"href", "title", "rel", "target", "data-language", "class", "start"}, (tag, name)
                if name == "href":
                    assert str(value).startswith(("https://", "http://", "mailto:")), value

    Strict().feed("".join(render(attack)))


def test_links_tell_nobody() -> None:
    (html,) = render("[site](https://a.example/x)")
    assert 'rel="noopener noreferrer nofollow"' in html
    assert 'target="_blank"' in html


def test_pictures_become_links() -> None:
    (html,) = render("![a cat](https://a.example/cat.png)")
    assert "<img" not in html
    assert ">a cat</a>" in html


def test_blocks() -> None:
    blocks = render(RICH)
    assert [block.split(">")[0].split(" ")[0] for block in blocks] == ["<p", "<ol", "<table", "<pre", "<blockquote"]
    assert 'class="align-right"' in blocks[2]
    assert 'data-language="python"' in blocks[3]


def test_a_half_written_list_is_no_heading() -> None:
    assert render("Two things:\n-") == ["<p>Two things:<br>\n-</p>"]


def shown(pieces: list[str]) -> list[str]:
    """What the page shows after all pieces, the way its script puts them together."""
    live, blocks = LiveMarkdown(), []
    for piece in pieces:
        first, changed = live.feed(piece)
        assert first <= len(blocks)
        blocks[first:] = changed
    return blocks


@pytest.mark.parametrize("seed", range(20))
def test_a_stream_ends_as_the_whole(seed: int) -> None:
    chance, rest, pieces = random.Random(seed), RICH, []
    while rest:
        size = chance.randint(1, 9)
        pieces.append(rest[:size])
        rest = rest[size:]
    assert shown(pieces) == render(RICH)


def test_finished_blocks_are_left_alone() -> None:
    live = LiveMarkdown()
    assert live.feed("One.\n\nTwo") == (0, ["<p>One.</p>", "<p>Two</p>"])
    assert live.feed(" more.") == (1, ["<p>Two more.</p>"])


@given(st.text(alphabet="ab*_`#->|[]()!~ \n\r\t1.\\\u2028\u000b", max_size=80))
def test_any_text_can_be_streamed(text: str) -> None:
    shown(list(text))
    render(text)


def test_every_kind_of_block_is_kept() -> None:
    text = "# a\n\n- b\n  - c\n\n1. d\n\n> e\n\n---\n\n~~f~~ *g* **h** `i`\n\n    j"
    html = "".join(render(text))
    for tag in ("h1", "ul", "ol", "li", "blockquote", "hr", "s", "em", "strong", "code", "pre"):
        assert f"<{tag}>" in html, tag
