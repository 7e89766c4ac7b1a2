"""Feedback files taken in: each row becomes a turn with what people said of it, in batches, each batch whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import sqlalchemy as sa

from bot.database import Database, now
from bot.errors import UserError
from bot.learning.feedback import add_feedback
from bot.learning.flags import Reason, add_flags
from bot.learning.golden import add_golden
from bot.learning.import_row import ImportRow, read_line
from bot.learning.review_imports import Reviewed, add_reviews
from bot.turns import add_turns

LINE_BYTES = 1_000_000
"""A longer line is no row."""
BATCH = 200


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that was not taken, and why."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Some lines of a file, and how many of its bytes are read by now."""

    rows: tuple[ImportRow, ...]
    rejected: tuple[Rejected, ...]
    read: int


@dataclass(slots=True)
class Imported:
    """What an import came to. `outcomes` counts rows: approved, waiting, golden, known."""

    lines: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    redacted: int = 0
    rejected: int = 0


def open_file(path: Path) -> BinaryIO:
    """A feedback file, ready to read. Raises UserError with one sentence when it cannot be one."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise UserError(f"There is no file {path}.") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder; name a file with one JSON object a line.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}).") from None
    try:
        start = file.read(LINE_BYTES)
        trouble = _trouble(start)
        if trouble:
            raise UserError(f"{path} {trouble}")
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def batches(file: BinaryIO) -> Iterator[Batch]:
    """The file's rows, some at a time."""
    rows: list[ImportRow] = []
    rejected: list[Rejected] = []
    for number, line in enumerate(_lines(file), 1):
        if line is None:
            rejected.append(Rejected(number, f"it is longer than {LINE_BYTES // 1_000_000} MB"))
        elif line.strip():
            try:
                rows.append(read_line(line.strip()))
            except UserError as error:
                rejected.append(Rejected(number, error.words))
        if len(rows) + len(rejected) >= BATCH:
            yield Batch(tuple(rows), tuple(rejected), file.tell())
            rows, rejected = [], []
    yield Batch(tuple(rows), tuple(rejected), file.tell())


class Importer:
    """Puts rows into the store. The same file twice leaves what it left once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, batch: Batch, counts: Imported) -> None:
        """One batch, as one transaction; adds to `counts`."""
        counts.lines += len(batch.rows) + len(batch.rejected)
        counts.rejected += len(batch.rejected)
        counts.redacted += sum(bool(row.found) for row in batch.rows)
        if batch.rows:
            counts.outcomes += await self._database.transact(_take, batch.rows)


def _take(connection: sa.Connection, rows: Sequence[ImportRow]) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    known = {row.id: row for row in rows}
    references = add_golden(connection, [_golden(row) for row in known.values() if row.golden])
    learned = [row for row in rows if not row.golden]
    new = references | add_turns(connection, [_turn(row) for row in known.values() if not row.golden])
    add_flags(connection, [_flag(row) for row in learned if not row.good])
    add_feedback(connection, [_thumb(row) for row in learned if row.good])
    states = add_reviews(connection, _reviewed(learned))
    for row in rows:
        if row.id not in new:
            outcomes["known"] += 1
        elif row.golden:
            outcomes["golden"] += 1
        else:
            outcomes["waiting" if states.get(row.id, "open") == "open" else "approved"] += 1
        new.discard(row.id)
    return outcomes


def _reviewed(rows: Sequence[ImportRow]) -> list[Reviewed]:
    """One item a turn, of all who reviewed it; a good answer that nobody reviewed is no item yet."""
    reviewers: dict[str, dict[str, None]] = {}
    authors: dict[str, set[str]] = {}
    for row in rows:
        reviewers.setdefault(row.id, {}).update(dict.fromkeys(row.reviewers))
        authors.setdefault(row.id, set()).add(row.author)
    return [
        Reviewed(
            row.id, row.scenario, "rejected" if row.good else "approved", row.correction,
            tuple(name for name in reviewers[row.id] if name not in authors[row.id]),
        )
        for row in {row.id: row for row in rows}.values()
        if not row.good or reviewers[row.id]
    ]  # fmt: skip


def _turn(row: ImportRow) -> dict[str, Any]:
    return {
        "id": row.id, "conversation": "", "host": "", "user": row.author, "platform": "import", "server": "",
        "channel": "", "thread": "", "scenario": row.scenario, "options": row.options, "question": row.question,
        "prompt": [list(row.prompt)], "answer": row.answer, "action": "answer", "sources": [], "buttons": [],
        "notes": [], "model": "", "adapter": "", "state": "done", "error": "", "prompt_tokens": 0, "tokens": 0,
        "ttft": None, "seconds": 0.0, "logprob": None, "created": now(), "delivery": "", "delivery_tries": 0,
        "version_of": "", "remembered": False, "asked": "",
    }  # fmt: skip


def _golden(row: ImportRow) -> dict[str, Any]:
    return {
        "id": row.id, "scenario": row.scenario, "question": row.question, "prompt": list(row.prompt),
        "options": row.options, "reference": row.correction or row.answer, "critical": row.critical,
        "user": row.author, "created": now(),
    }  # fmt: skip


def _flag(row: ImportRow) -> dict[str, Any]:
    return {
        "turn_id": row.id, "user": row.author, "reasons": list(row.reasons or (Reason.OTHER,)), "note": "",
        "correction": row.correction, "created": now(),
    }  # fmt: skip


def _thumb(row: ImportRow) -> dict[str, Any]:
    return {"turn_id": row.id, "user": row.author, "kind": "thumb", "rating": "up", "detail": {}, "created": now()}


def _trouble(start: bytes) -> str:
    """Why a file that begins with `start` is no feedback file, "" when it may be one."""
    if not start.strip():
        return "is empty."
    if b"\0" in start[:10_000]:
        return "is no text file; it has to hold one JSON object a line."
    if len(start) == LINE_BYTES and b"\n" not in start:
        return f"has a first line of more than {LINE_BYTES // 1_000_000} MB; it has to hold one JSON object a line."
    if start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"[":
        return "is one JSON list; it has to hold one JSON object a line, without brackets and commas around them."
    return ""


def _lines(file: BinaryIO) -> Iterator[bytes | None]:
    """The lines; None in place of one that is too long."""
    first = True
    while line := file.readline(LINE_BYTES + 1):
        if len(line) > LINE_BYTES:
            while line and not line.endswith(b"\n"):
                line = file.readline(LINE_BYTES)
            yield None
        else:
            yield line.removeprefix(b"\xef\xbb\xbf") if first else line
        first = False
