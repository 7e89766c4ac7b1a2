"""A document as read: its plain text in blocks, each under its headings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from bot.safety import readable

Kind = Literal["prose", "code", "heading"]

FENCE = "```"
QUOTES = "'''"
NUMBERING = re.compile(r"^(?:\d+|[A-Z])(?:\.\d+)*\.\s+(?=\S)")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, list item, table row, piece of code or heading. `start` is its offset in the document's text."""

    kind: Kind
    text: str
    headings: tuple[str, ...] = ()
    start: int = 0

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Document:
    """`text` is the blocks joined by empty lines; `path` tells where it came from."""

    title: str
    path: str
    text: str
    blocks: tuple[Block, ...]

    @property
    def words(self) -> int:
        return len(self.text.split())


def document(title: str, path: str, blocks: Iterable[Block]) -> Document:
    """Put the blocks in order under one title and give each its offset. Empty ones are left out, code is fenced."""
    title = " ".join(storable(title).split())
    placed: list[Block] = []
    offset = 0
    for block in blocks:
        text = storable(block.text).strip("\n") if block.kind == "code" else storable(block.text).strip()
        if not text.strip():
            continue
        if block.kind == "code":
            text = f"{FENCE}\n{text.replace(FENCE, QUOTES)}\n{FENCE}"
        headings = block.headings[1:] if block.headings[:1] == (title,) else block.headings
        placed.append(Block(block.kind, text, headings, offset))
        offset += len(text) + 2
    return Document(title, path, "\n\n".join(block.text for block in placed), tuple(placed))


def storable(text: str) -> str:
    """The text without what a database refuses, NUL and halves of characters, or a terminal obeys."""
    return readable(text)


def unnumbered(heading: str) -> str:
    """The heading without the number a book puts in front of it."""
    return NUMBERING.sub("", " ".join(heading.split()))


class Outline:
    """The headings open at one point of a document."""

    def __init__(self) -> None:
        self._open: list[tuple[int, str]] = []

    def enter(self, level: int, heading: str) -> None:
        """A heading of this level begins; those of its level and below end."""
        self._open = [entry for entry in self._open if entry[0] < level]
        self._open.append((level, heading))

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(heading for _, heading in self._open)

    def mark(self) -> list[tuple[int, str]]:
        """The state to come back to with `restore`, for boxes that stand beside the text."""
        return list(self._open)

    def restore(self, mark: list[tuple[int, str]]) -> None:
        self._open = list(mark)
