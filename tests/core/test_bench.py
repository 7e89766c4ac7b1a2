"""The benches fill the store as it is now; what they measure is nobody's to assert."""

from __future__ import annotations

from pathlib import Path

from bot.bench.core import fill
from bot.bench.review import write_flags
from bot.database import Database
from bot.learning.import_row import read_line
from bot.turns import Turns


async def test_what_it_fills_the_store_with_is_turns(sqlite: Database, tmp_path: Path) -> None:
    assert fill(tmp_path / "parley.db", 60) >= 1
    (row, *_) = await Turns(sqlite).of_user("bench:0")
    assert (row.state, row.buttons, row.notes, row.remembered) == ("done", [], [], True)


def test_the_flags_it_brings_are_taken_and_all_different(tmp_path: Path) -> None:
    write_flags(tmp_path / "flags.jsonl", 600)
    rows = [read_line(line) for line in (tmp_path / "flags.jsonl").read_bytes().splitlines()]
    assert len({row.id for row in rows}) == 600
    assert all(row.correction and row.reasons and not row.reviewers and not row.found for row in rows)
