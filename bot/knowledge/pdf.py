"""PDF into blocks: paragraphs by page, under the document's own outline, without running heads."""

from __future__ import annotations

import io
import logging
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pypdf
import pypdf.errors

from bot.errors import UserError
from bot.knowledge.document import Block, Document, document, unnumbered

MOST_PAGES = 2000
MOST_SECONDS = 120.0
LEAST_LETTERS = 20
"""A page with fewer letters, on average, is a picture of a page."""
BROKEN = (
    pypdf.errors.PyPdfError, ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError,
    RecursionError, OSError, ArithmeticError, NotImplementedError, UnicodeError, MemoryError,
)  # fmt: skip
"""What a damaged file makes of the parser, seen and to be expected."""

logging.getLogger("pypdf").setLevel(logging.ERROR)  # it warns of every repaired object


def read_pdf(content: bytes, path: str, name: str) -> Document:
    """The file as a document. Raises UserError for a locked, broken or merely photographed one."""
    try:
        reader = pypdf.PdfReader(io.BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise UserError(f"{name} is locked with a password. Save a copy without one.")
        if len(reader.pages) > MOST_PAGES:
            raise UserError(f"{name} has more than {MOST_PAGES} pages. Split it into parts.")
        pages = _page_texts(reader, name)
        title = str((reader.metadata or {}).get("/Title") or "").strip()
        chapters = _chapters(reader)
    except BROKEN as error:
        raise UserError(f"{name} is a broken PDF, or none at all. Save it anew and add it again.") from error
    if sum(len(re.findall(r"\w", page)) for page in pages) < LEAST_LETTERS * len(pages):
        raise UserError(f"{name} holds pictures of pages and no text. Run it through text recognition (OCR) first.")
    return document(unnumbered(title) or name, path, _blocks(_without_running_heads(pages), chapters))


def _page_texts(reader: pypdf.PdfReader, name: str) -> list[str]:
    until = time.monotonic() + MOST_SECONDS
    pages = []
    for page in reader.pages:
        pages.append(page.extract_text())
        if time.monotonic() > until:
            raise UserError(f"{name} takes too long to read. Split it into parts.")
    return pages


def _chapters(reader: pypdf.PdfReader) -> dict[int, str]:
    """The outline's entry that begins on each page; the last one where several do."""
    found: dict[int, str] = {}
    todo: list[Any] = list(reversed(reader.outline))
    while todo:
        entry = todo.pop()
        if isinstance(entry, list):
            todo.extend(reversed(entry))
        elif (number := reader.get_destination_page_number(entry)) is not None and entry.title:
            found[number] = unnumbered(str(entry.title))
    return found


def _without_running_heads(pages: Sequence[str]) -> list[list[str]]:
    """The pages' lines without those that stand at the top or foot of most pages, whatever their number."""
    lines = [[line.strip() for line in page.splitlines()] for page in pages]
    edges = Counter(mask for page in lines for mask in {_mask(line) for line in _edge(page)})
    often = {mask for mask, count in edges.items() if len(pages) >= 4 and count > len(pages) / 2}
    return [
        [line for line in page if not (_mask(line) in often and line in _edge(page)) and not line.isdecimal()]
        for page in lines
    ]


def _edge(page: Sequence[str]) -> list[str]:
    filled = [line for line in page if line]
    return filled[:2] + filled[-2:]


def _mask(line: str) -> str:
    return re.sub(r"\d+", "#", line)


def _blocks(pages: Sequence[Sequence[str]], chapters: dict[int, str]) -> Iterator[Block]:
    chapter = ""
    for number, lines in enumerate(pages):
        chapter = chapters.get(number, chapter)
        path = (chapter, f"page {number + 1}") if chapter else (f"page {number + 1}",)
        yield from (Block("prose", text, path) for text in _paragraphs(lines))


def _paragraphs(lines: Sequence[str]) -> Iterator[str]:
    """Lines joined again; a paragraph ends at an empty line or at a short one that ends a sentence."""
    width = max((len(line) for line in lines), default=0)
    held = ""
    for line in lines:
        if re.match(r"[•▪◦‣–*-]\s|\d+[.)]\s", line) or not line:
            if held:
                yield held
            held = line
        elif held.endswith("-") and line[:1].islower():
            held = held[:-1] + line
        else:
            held = f"{held} {line}".strip()
        if line and len(line) < 0.7 * width and line.endswith((".", "!", "?", ":")):
            yield held
            held = ""
    if held:
        yield held
