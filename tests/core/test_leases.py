"""Leases: one holder at a time, and the clock takes them from the dead."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from bot.database import Database
from bot.leases import Leases

LONG, OVER = timedelta(hours=1), timedelta(seconds=-1)


async def test_one_of_several_has_it(database: Database) -> None:
    leases = Leases(database)
    taken = await asyncio.gather(*(leases.take("train", f"host-{number}", LONG) for number in range(5)))
    assert sum(taken) == 1
    holder = f"host-{taken.index(True)}"
    assert await leases.holder("train") == holder
    assert await leases.take("train", holder, LONG)
    assert await leases.take("digest", "another", LONG)
    await leases.free("train", "another")
    assert await leases.holder("train") == holder
    await leases.free("train", holder)
    assert await leases.holder("train") == ""
    assert await leases.take("train", "another", LONG)


async def test_a_dead_holders_is_taken_over(database: Database) -> None:
    leases = Leases(database)
    assert await leases.take("train", "dead", OVER)
    assert await leases.holder("train") == ""
    assert await leases.take("train", "alive", LONG)
    assert not await leases.take("train", "dead", LONG)
