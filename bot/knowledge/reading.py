"""Reading: a file's bytes to a Document. Everything here works on the CPU: call it in a thread."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import PurePath

import pypdf
import pypdf.errors

from bot.errors import UserError
from bot.knowledge.document import Block, Document, Outline, document, unnumbered
from bot.knowledge.webpage import read_html

MOST_BYTES = 20 * 2**20
MOST_PAGES = 2000
KINDS = {
    ".md": "markdown", ".markdown": "markdown", ".txt": "text", ".text": "text", ".rst": "text", ".log": "text",
    ".html": "html", ".htm": "html", ".xhtml": "html", ".pdf": "pdf",
}  # fmt: skip

_HEADING = re.compile(r"(#{1,6})\s+(.+?)\s*#*\s*$")
_FENCE = re.compile(r"\s*(```+|~~~+)")
_ENCODING = re.compile(rb"""charset=["']?([\w-]+)""", re.IGNORECASE)


def read(path: str, content: bytes) -> Document:
    """The document in a file. Raises UserError with one sentence on what is wrong with it."""
    name = PurePath(path).name
    kind = KINDS.get(PurePath(path).suffix.lower())
    if kind is None:
        raise UserError(f"{name} is no file I can read; I take Markdown, text, HTML and PDF.")
    if len(content) > MOST_BYTES:
        raise UserError(f"{name} is larger than {MOST_BYTES // 2**20} MB. Split it into parts.")
    if kind == "pdf":
        found = _read_pdf(path, name, content)
    else:
        text = _decoded(name, content)
        if kind == "html":
            found = read_html(text, path, name)
        else:
            title = PurePath(path).stem.replace("_", " ").replace("-", " ")
            found = _read_markdown(path, title, text) if kind == "markdown" else _read_text(path, title, text)
    if not found.text.strip():
        raise UserError(f"{name} holds no text.")
    return found


def _decoded(name: str, content: bytes) -> str:
    declared = _ENCODING.search(content[:2048])
    encodings = ["utf-8-sig", *([declared[1].decode("ascii", "ignore")] if declared else []), "utf-16", "cp1252"]
    if b"\0" in content[:4096] and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UserError(f"{name} is not a text file, whatever its name says.")
    for encoding in encodings:
        if encoding == "utf-16" and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
            continue
        try:
            return content.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return content.decode("latin-1")


def _read_markdown(path: str, name: str, text: str) -> Document:
    title = next((match[2] for line in text.splitlines() if (match := _HEADING.match(line))), name)
    return document(title, path, _markdown_blocks(text))


def _markdown_blocks(text: str) -> Iterator[Block]:
    outline, fence = Outline(), ""
    lines: list[str] = []
    for line in [*text.splitlines(), ""]:
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence):
                yield Block("code", "\n".join(lines), outline.path)
                lines, fence = [], ""
            else:
                lines.append(line)
            continue
        heading = _HEADING.match(line)
        if mark or heading or not line.strip():
            yield Block("prose", " ".join(part.strip() for part in lines), outline.path)
            lines = []
        if mark:
            fence = mark[1]
        elif heading:
            words = unnumbered(heading[2])
            outline.enter(len(heading[1]), words)
            yield Block("heading", words, outline.path)
        elif re.match(r"\s*(?:[-*+]|\d+[.)])\s|\s*\|", line) and lines:
            yield Block("prose", " ".join(part.strip() for part in lines), outline.path)
            lines = [line]
        elif line.strip():
            lines.append(line)
    if lines:
        yield Block("code" if fence else "prose", "\n".join(lines), outline.path)


def _read_text(path: str, title: str, text: str) -> Document:
    return document(title, path, (Block("prose", part.strip()) for part in re.split(r"\n\s*\n", text)))


def _read_pdf(path: str, name: str, content: bytes) -> Document:
    try:
        reader = pypdf.PdfReader(io.BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise UserError(f"{name} is locked with a password.")
        pages = [page.extract_text() for page in reader.pages[:MOST_PAGES]]
        title = str((reader.metadata or {}).get("/Title") or "").strip() or PurePath(path).stem
    except UserError:
        raise
    except Exception as error:  # a broken PDF raises whatever its bytes lead to
        raise UserError(f"{name} is a broken PDF ({type(error).__name__}).") from error
    blocks = (
        Block("prose", part.strip(), (f"page {number}",))
        for number, page in enumerate(pages, 1)
        for part in re.split(r"\n\s*\n", page)
    )
    found = document(title, path, blocks)
    if not found.text.strip():
        raise UserError(f"{name} holds pictures of pages and no text; run it through OCR first.")
    return found
