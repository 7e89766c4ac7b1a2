"""Markdown into blocks, by the CommonMark parser."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.knowledge.document import Block, Document, Outline, document, unnumbered
from bot.knowledge.webpage import html_blocks

FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
STATED_TITLE = re.compile(r"^title:[ \t]*[\"']?(.*?)[\"']?[ \t]*$", re.MULTILINE)
DEEPEST = 40
"""Quotes and lists nested deeper are read as plain text."""


def read_markdown(text: str, path: str, name: str) -> Document:
    """The file as a document. Its title: the front matter's, else the first heading, else `name`."""
    stated = ""
    if matter := FRONT_MATTER.match(text):
        found = STATED_TITLE.search(matter[1])
        stated = found[1] if found else ""
        text = text[matter.end() :]
    blocks = list(_blocks(MarkdownIt("commonmark", {"maxNesting": DEEPEST}).enable("table").parse(text)))
    first = next((block.text for block in blocks if block.kind == "heading"), "")
    return document(stated or first or name, path, blocks)


def _blocks(tokens: Sequence[Token]) -> Iterator[Block]:
    outline, bullet, row, level = Outline(), "", list[str](), 0
    for before, token in zip([None, *tokens], tokens, strict=False):
        match token.type:
            case "heading_open":
                level = int(token.tag[1])
            case "list_item_open":
                bullet = f"{token.info}{token.markup} " if token.info else "- "
            case "tr_close":
                yield Block("prose", " | ".join(row), outline.path)
                row = []
            case "fence" | "code_block":
                yield Block("code", token.content, outline.path)
            case "html_block":
                yield from (Block(block.kind, block.text, outline.path) for block in html_blocks(token.content))
            case "inline":
                words = _inline(token.children or [])
                if level:
                    if heading := unnumbered(words.replace("`", "")):
                        outline.enter(level, heading)
                        yield Block("heading", heading, outline.path)
                    level = 0
                elif before is not None and before.type in {"td_open", "th_open"}:
                    row.append(words)
                else:
                    yield Block("prose", bullet + words, outline.path)
                bullet = ""


def _inline(children: Sequence[Token]) -> str:
    """The words of a line with code in backticks and where links lead outside."""
    parts: list[str] = []
    links: list[tuple[str, int]] = []
    for child in children:
        match child.type:
            case "text" | "text_special":
                parts.append(child.content)
            case "code_inline":
                parts.append(f"`{child.content}`" if "`" not in child.content else child.content)
            case "softbreak" | "hardbreak":
                parts.append(" ")
            case "image":
                parts.append(child.content)
            case "link_open":
                links.append((str(child.attrGet("href") or ""), len(parts)))
            case "link_close" if links:
                address, begin = links.pop()
                if address.startswith(("http://", "https://")) and "".join(parts[begin:]).rstrip("/") not in address:
                    parts.append(f" ({address})")
    return " ".join("".join(parts).split())
