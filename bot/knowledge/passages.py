"""Cut a document into passages that are searched and shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.knowledge.document import FENCE, Block, Document
from bot.knowledge.words import UNSPACED

WORDS = 200
STEP = 150
SECTION = 60
LONGEST = 12
"""Letters, on average, from which on something is not words."""
SENTENCE_END = re.compile(r"(?<=[.!?…。！？])[\"'”’)\]]*\s+(?=[\"'“‘(\[`]*[^\W_a-z])|(?<=[。！？])")
"""Between sentences: not before a lower-case letter, so that "e.g. this" stays whole."""


@dataclass(frozen=True, slots=True)
class Passage:
    """`text` is the document's text from `start` to `end`; `headings` the path it begins under."""

    headings: tuple[str, ...]
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Unit:
    start: int
    end: int
    words: int
    headings: tuple[str, ...]
    heading: bool
    opens: bool


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Offsets of the sentences of a paragraph."""
    begin = 0
    for gap in SENTENCE_END.finditer(text):
        if text[begin : gap.end()].strip():
            yield begin, gap.start() + len(gap.group().rstrip())
            begin = gap.end()
    if text[begin:].strip():
        yield begin, len(text)


def passages(document: Document, words: int = WORDS, step: int = STEP) -> list[Passage]:
    """Passages of at most about `words` words, each beginning about `step` words after the one before.

    A section begins a new passage once the running one has SECTION words. Sentences stay whole, and so does
    a piece of code unless it alone is longer than a passage.
    """
    units = list(_units(document.blocks, words))
    found: list[Passage] = []
    begin = 0
    while begin < len(units):
        end = _reach(units, begin, words)
        start, stop = units[begin].start, units[end - 1].end
        found.append(Passage(units[begin].headings, document.text[start:stop], start, stop))
        if end == len(units):
            break
        begin = end if units[end].opens else _back(units, begin, end, words - step)
    return found


def _reach(units: list[_Unit], begin: int, words: int) -> int:
    """The unit that no longer belongs to a passage begun at `begin`."""
    total = 0
    for number in range(begin, len(units)):
        unit = units[number]
        if number > begin and (total + unit.words > words or (unit.opens and total >= SECTION)):
            # A heading alone at the end belongs to what follows it.
            while number - 1 > begin and units[number - 1].heading:
                number -= 1
            return number
        total += unit.words
    return len(units)


def _back(units: list[_Unit], begin: int, end: int, overlap: int) -> int:
    """Where the next passage begins: up to `overlap` words before `end`, never before a heading in between."""
    total, number = 0, end
    while number - 1 > begin and total + units[number - 1].words <= overlap and not units[number].opens:
        number -= 1
        total += units[number].words
    return number


def _units(blocks: tuple[Block, ...], words: int) -> Iterator[_Unit]:
    path: tuple[str, ...] = ()
    for block in blocks:
        opens = block.headings != path
        path = block.headings
        for start, end in _spans(block, words):
            size = _size(block.text[start:end])
            yield _Unit(block.start + start, block.start + end, size, path, block.kind == "heading", opens)
            opens = False


def _size(text: str) -> int:
    """Words; for text without spaces, what would take as long to read."""
    return max(len(text.split()) - text.count(FENCE), len(text) // LONGEST, len(UNSPACED.findall(text)) // 2)


def _spans(block: Block, words: int) -> Iterator[tuple[int, int]]:
    """Offsets of the pieces of a block that are never cut."""
    if block.kind == "prose":
        for start, end in sentences(block.text):
            yield from _fitting(block.text, start, end, words)
    elif block.kind == "code" and _size(block.text) > words:
        yield from _lines(block.text, words)
    else:
        yield 0, len(block.text)


def _fitting(text: str, start: int, end: int, words: int) -> Iterator[tuple[int, int]]:
    """The sentence itself, or pieces of it where it alone is longer than a passage."""
    tokens = list(re.finditer(r"\S+", text[start:end]))
    if len(tokens) <= words and end - start <= words * LONGEST:
        yield start, end
        return
    begin = start
    for count, token in enumerate(tokens, 1):
        # Text without spaces (a long Chinese paragraph, a base64 blob) is cut by length.
        while start + token.end() - begin > words * LONGEST:
            yield begin, begin + words * LONGEST
            begin += words * LONGEST
        if count % words == 0:
            yield begin, start + token.end()
            begin = start + token.end()
    if text[begin:end].strip():
        yield begin, end


def _lines(text: str, words: int) -> Iterator[tuple[int, int]]:
    """Groups of whole lines of about half a passage."""
    begin = offset = total = 0
    for line in text.splitlines(keepends=True):
        total += _size(line)
        offset += len(line)
        if total >= words // 2:
            yield begin, begin + len(text[begin:offset].rstrip())
            begin, total = offset, 0
    if text[begin:].strip():
        yield begin, len(text.rstrip())
