"""Reading: a file's bytes to a Document. Everything here works on the CPU: call it in a thread."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePath

from charset_normalizer import from_bytes

from bot.errors import UserError
from bot.knowledge.document import Block, Document, document
from bot.knowledge.markdown import read_markdown
from bot.knowledge.pdf import read_pdf
from bot.knowledge.webpage import read_html

MEGABYTE = 2**20
MOST_BYTES = {"pdf": 50 * MEGABYTE, "html": 10 * MEGABYTE, "markdown": 10 * MEGABYTE, "text": 10 * MEGABYTE}
MOST_FILES = 20_000
KINDS = {
    ".md": "markdown", ".markdown": "markdown", ".mdx": "markdown", ".txt": "text", ".text": "text", ".rst": "text",
    ".adoc": "text", ".log": "text", ".html": "html", ".htm": "html", ".xhtml": "html", ".pdf": "pdf",
}  # fmt: skip
FOREIGN = {
    b"PK\x03\x04": "an archive or an office document", b"\xd0\xcf\x11\xe0": "an old office document",
    b"\x89PNG": "a picture", b"\xff\xd8\xff": "a picture", b"GIF8": "a picture", b"\x1f\x8b": "a compressed file",
    b"\x7fELF": "a program", b"MZ": "a program", b"SQLite format 3": "a database", b"{\\rtf": "a rich text file",
}  # fmt: skip
DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?([\w.:-]+)""", re.IGNORECASE)
CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
CONTROL_SHARE = 0.01


def files_in(path: Path) -> list[Path]:
    """The readable files at a path: itself, or those of a folder and its folders, without hidden ones and links.

    Raises UserError when there is nothing to read.
    """
    if not path.exists():
        raise UserError(f"There is nothing at {path}.")
    if not path.is_dir():
        return [path]
    found: list[Path] = []
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files = (Path(folder, name) for name in sorted(names) if not name.startswith("."))
        found += [file for file in files if file.suffix.lower() in KINDS and file.is_file() and not file.is_symlink()]
        if len(found) > MOST_FILES:
            raise UserError(f"{path} holds more than {MOST_FILES:,} files. Add its folders one by one.")
    if not found:
        raise UserError(f"{path} holds no file I can read; I take Markdown, text, HTML and PDF.")
    return found


def read_bytes(path: Path) -> bytes:
    """A file's content. Raises UserError when it cannot be had, or is larger than any document may be."""
    try:
        if path.stat().st_size > MOST_BYTES["pdf"]:
            raise UserError(_too_large(path.name, "pdf"))
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from error


def read(path: str, content: bytes) -> Document:
    """The document in a file. Raises UserError with one sentence on what is wrong with it."""
    name = PurePath(path).name
    kind = KINDS.get(PurePath(path).suffix.lower())
    if kind is None:
        raise UserError(f"{name} is no file I can read; I take Markdown, text, HTML and PDF.")
    if len(content) > MOST_BYTES[kind]:
        raise UserError(_too_large(name, kind))
    if not content.strip(b"\0 \t\r\n"):
        raise UserError(f"{name} is empty.")
    title = PurePath(path).stem.replace("_", " ").replace("-", " ").strip() or name
    if kind == "pdf" or content.startswith(b"%PDF-"):
        found = read_pdf(content, path, name)
    elif kind == "html":
        found = read_html(decoded(name, content), path, title)
    elif kind == "markdown":
        found = read_markdown(decoded(name, content), path, title)
    else:
        found = document(title, path, _paragraphs(decoded(name, content)))
    if not found.words:
        raise UserError(f"{name} holds no text.")
    return found


def decoded(name: str, content: bytes) -> str:
    """The text of a file in whatever encoding. Raises UserError when it is none."""
    for start, what in FOREIGN.items():
        if content.startswith(start):
            raise UserError(f"{name} is {what}, whatever its name says. Save it as text, HTML or PDF.")
    for encoding in _likely(content):
        try:
            text = content.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
        if len(CONTROL.findall(text[:100_000])) <= CONTROL_SHARE * min(len(text), 100_000):
            return CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    raise UserError(f"{name} is not a text file, whatever its name says.")


def _likely(content: bytes) -> Iterator[str]:
    if content.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        yield "utf-32"
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield "utf-16"
    yield "utf-8-sig"
    if declared := DECLARED.search(content[:2048]):
        yield declared[1].decode("ascii", "ignore")
    if content[:1000].count(0) > len(content[:1000]) // 4:
        yield "utf-16-le" if content[1:2] == b"\0" else "utf-16-be"
    elif b"\0" not in content[:4096] and (guess := from_bytes(content[:200_000]).best()) is not None:
        yield guess.encoding
    yield "cp1252"


def _paragraphs(text: str) -> Iterator[Block]:
    for part in re.split(r"\n[ \t]*\n", text):
        yield Block("prose", part.strip())


def _too_large(name: str, kind: str) -> str:
    return f"{name} is larger than {MOST_BYTES[kind] // MEGABYTE} MB. Split it into parts."
