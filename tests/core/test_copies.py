"""Where copies stand is kept for as long as turns are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from bot.copies import Copies, copies
from bot.database import Database, now
from bot.privacy import keep_within_days, purge_server
from bot.request import Author, Place
from tests.core.conftest import Core


async def test_the_last_place_of_a_copy_counts_until_its_message_is_gone(database: Database) -> None:
    kept = Copies(database)
    await kept.put("test", "guild", "1", "french", ["11", "12"])
    await kept.put("test", "guild", "1", "french", ["11"])
    await kept.put("test", "guild", "1", "german", ["21"])
    await kept.put("test", "guild", "2", "french", ["13"])
    assert await kept.of("test", "1") == {"french": ["11"], "german": ["21"]}
    await kept.remove("test", "1", "french")
    assert (await kept.of("test", "1"), await kept.of("test", "2")) == ({"german": ["21"]}, {"french": ["13"]})


async def test_copies_go_with_the_days_and_with_the_server(make_core: Callable[..., Awaitable[Core]]) -> None:
    core = await make_core(memory_days=30)
    kept = core.stores.copies
    for server in ("guild", "other"):
        await kept.put("test", server, server, "french", ["1"])
    await core.stores.database.execute(copies.update().values(created=now() - timedelta(days=10)))
    admin = Author("1", "Ada", admin=True)
    await core.stores.places.change(Place("test", "guild", "general"), admin, "days", "5")
    await keep_within_days(core.stores)
    assert (await kept.of("test", "guild"), len(await kept.of("test", "other"))) == ({}, 1)
    await core.stores.database.execute(copies.update().values(created=now() - timedelta(days=4000)))
    await core.chatbot.sweep()
    assert await kept.of("test", "other") == {}
    await kept.put("test", "other", "3", "french", ["1"])
    await purge_server(core.stores, "test", "other")
    assert await kept.of("test", "3") == {}
