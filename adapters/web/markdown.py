"""Markdown to safe HTML, block by block, also while an answer is still being written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

_ALIGNMENTS = {f"text-align:{side}": f"align-{side}" for side in ("left", "center", "right")}
_TAGS = {
    "a", "blockquote", "br", "code", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s",
    "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip


class _Renderer(RendererHTML):
    """Images become links: a picture would tell its host who reads here."""

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        token = tokens[idx]
        words = self.renderInlineAsText(token.children, options, env) or "picture"
        return f'<a href="{_escaped(str(token.attrs.get("src", "")))}">{_escaped(words)}</a>'

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        words = tokens[idx].info.split()
        language = f' data-language="{_escaped(words[0][:24])}"' if words else ""
        return f"<pre{language}><code>{_escaped(tokens[idx].content)}</code></pre>\n"


# Underlined headings are off: a half-written list would flash up as one.
_parser = MarkdownIt("commonmark", {"html": False, "breaks": True}, renderer_cls=_Renderer)
_parser.enable(["table", "strikethrough"]).disable("lheading")

_cleaner = nh3.Cleaner(
    tags=_TAGS,
    attributes={"a": {"href", "title"}, "ol": {"start"}, "pre": {"data-language"}},
    allowed_classes={"td": set(_ALIGNMENTS.values()), "th": set(_ALIGNMENTS.values())},
    set_tag_attribute_values={"a": {"target": "_blank"}},
    url_schemes={"http", "https", "mailto"},
    url_relative="deny",
    link_rel="noopener noreferrer nofollow",
)


def render(text: str) -> list[str]:
    """`text` as HTML, one string a block. Nothing in it can run, and nothing is fetched by showing it."""
    return [html for _, html in _blocks(text)]


class LiveMarkdown:
    """An answer being written: each `feed` gives the blocks that changed, so that finished ones stay untouched."""

    def __init__(self) -> None:
        self._settled = 0
        self._tail = ""

    def feed(self, delta: str) -> tuple[int, list[str]]:
        """The number of the first changed block, and all blocks from there on."""
        self._tail += delta.replace("\r", "")
        first = self._settled
        blocks = list(_blocks(self._tail))
        if len(blocks) > 1:  # only the last block can still grow
            self._settled += len(blocks) - 1
            self._tail = "\n".join(self._tail.split("\n")[blocks[-1][0] :])
        return first, [html for _, html in blocks]


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    env: dict[str, Any] = {}
    tokens = _parser.parse(text, env)
    start = 0
    for end, token in enumerate(tokens, 1):
        if token.level == 0 and token.nesting <= 0:
            yield _line(tokens[start]), _html(tokens[start:end], env)
            start = end


def _line(token: Token) -> int:
    return token.map[0] if token.map else 0


def _html(tokens: list[Token], env: Mapping[str, Any]) -> str:
    for token in tokens:
        style = token.attrs.pop("style", None)
        if style in _ALIGNMENTS:
            token.attrs["class"] = _ALIGNMENTS[str(style)]
    return _cleaner.clean(_parser.renderer.render(tokens, _parser.options, dict(env))).strip()


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
