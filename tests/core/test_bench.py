"""The core's bench fills the store as it is now; what it measures is nobody's to assert."""

from __future__ import annotations

from pathlib import Path

from bot.bench.core import fill
from bot.database import Database
from bot.turns import Turns


async def test_what_it_fills_the_store_with_is_turns(sqlite: Database, tmp_path: Path) -> None:
    assert fill(tmp_path / "parley.db", 60) >= 1
    (row, *_) = await Turns(sqlite).of_user("bench:0")
    assert (row.state, row.buttons, row.notes, row.remembered) == ("done", [], [], True)
