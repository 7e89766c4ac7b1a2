"""Text on its way to Slack: links and markup of sections, and the bot's own words."""

from __future__ import annotations

import pytest

from adapters.slack.text import mrkdwn, own_words, split

NAMES = ["translate", "help"]


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("**bold** & <b>", "*bold* &amp; &lt;b&gt;"),
        ("[The page](https://example.org/a?b=1) says", "<https://example.org/a?b=1|The page> says"),
        ("[a|b](https://example.org)", "<https://example.org|a¦b>"),
        ("f[i](x)", "f[i](x)"),
        ("[https://bank.example](https://evil.example)", "https://bank.example (https://evil.example)"),
        ("<!channel> @here", "&lt;\u2060!channel&gt; @\u2060here"),
    ],
)
def test_sections_have_slacks_own_markup(markdown: str, shown: str) -> None:
    assert mrkdwn(markdown) == shown


@pytest.mark.parametrize(
    ("words", "here"),
    [
        ("Type /translate or /help.", "Type /parley translate or /parley help."),
        ("- **/chat** Talk with me", "- **/parley** Talk with me"),
        ("Only this server's moderators", "Only this workspace's moderators"),
        ("The model server does not answer.", "The model server does not answer."),
        ("https://example.org/help", "https://example.org/help"),
    ],
)
def test_the_bots_own_words_are_right_on_slack(words: str, here: str) -> None:
    assert own_words(words, NAMES, "/parley") == here


@pytest.mark.parametrize(
    "text", ["```python " + "x = 1; " * 400, "word" * 1000, "```\n" + "a\n" * 2000, "", "~~~\n" * 900]
)
def test_pieces_are_never_too_long_and_lose_nothing(text: str) -> None:
    pieces = split(text, 500)
    assert all(len(piece) <= 500 for piece in pieces)

    def bare(whole: str) -> str:
        return "".join(whole.replace("```", "").replace("~~~", "").replace("python", "").split())

    assert bare("".join(pieces)) == bare(text)
