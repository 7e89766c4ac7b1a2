"""Feedback written to a file is the same feedback when it is taken in again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from bot.database import Database
from bot.learning.exports import exported
from bot.learning.flags import Reason, Report
from bot.scenarios.catalogue import catalogue
from bot.settings import Settings
from bot.stores import Stores
from tests.core.conftest import Core
from tests.learning.company import golden, honest, replay, row
from tests.learning.people import MO, answered, set_up
from tests.learning.stores import built, over, take_rows


async def lines_of(stores: Stores, left_out: Counter[str], **changed: Any) -> list[dict[str, Any]]:
    settings = Settings(_env_file=None, **changed)
    return [line async for line in exported(stores, settings, "chat", catalogue(), left_out)]


async def test_a_file_goes_in_and_out_and_in_again(database: Database, tmp_path: Path) -> None:
    stores, left_out = over(database), Counter[str]()
    liked = [row("Say hi.", None, f"u{at}", [], rating="up", answer="Hi.") for at in range(3)]
    await take_rows(stores, tmp_path, [*honest(1), *replay(), *golden(), *liked, row("And?", "No.", "a", [])])
    lines = await lines_of(stores, left_out)
    assert len(lines) == 40 + 20 + 7 + 3 + 1
    assert left_out == {}
    again = tmp_path / "again"
    again.mkdir()
    async with Database(f"sqlite+aiosqlite:///{again / 'parley.db'}") as other:
        await other.migrate()
        counts = await take_rows(over(other), again, lines)
        assert counts.outcomes["waiting"] == 2  # the thumbs of three people, and what nobody reviewed
        assert (await built(over(other))).hash == (await built(stores)).hash


async def test_live_feedback_goes_out_with_consent_and_without_names(core: Core) -> None:
    await set_up(core.stores.places)
    turn = await answered(core, "say: Write to ann@example.org")
    await core.stores.reviews.flag(turn, "test:bob", Report((Reason.WRONG_FACT,), "", "Write to bob@example.org."))
    moderator = await core.stores.places.moderator(turn.place, MO)
    await core.stores.reviews.approve(turn.id, moderator)
    left_out = Counter[str]()
    assert await lines_of(core.stores, left_out) == []
    assert left_out == {"training from test is off in the settings": 1}
