"""The guard: what people surely like less goes by itself, what chance may explain stays."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from bot.database import Database, now
from bot.knowledge.library import Library
from bot.learning.guard import Guard
from bot.learning.registry import Adapter
from bot.learning.votes import Votes, excess, votes, worse
from bot.request import Author, Place, Request
from bot.stores import Stores, stores_over
from bot.turns import begin_turn, new_id
from models.engine import EngineClient


@pytest.fixture
async def stores(database: Database) -> Stores:
    return stores_over(database, Library(database, EngineClient("http://127.0.0.1:9")))


async def promoted(stores: Stores, share: int = 0) -> str:
    run = await stores.runs.begin("chat", parent="", by="test", host="h")
    adapter = Adapter(run.adapter, "chat", run.number, run.id, "", "tiny", "", run.created)
    await stores.registry.promote(adapter, {}, words="", by="gate", share=share)
    return run.adapter


async def thumbs(stores: Stores, adapter: str, n: int, down: int, platform: str = "test", days: float = 0) -> None:
    """`n` rated answers by an adapter, so many days ago."""
    for number in range(n):
        turn = new_id()
        request = Request(turn, Place(platform, channel="c"), Author(f"user-{number}"))
        named = {"conversation": "c", "host": "h", "scenario": "chat", "options": {}, "question": "?"}
        await stores.database.transact(begin_turn, turn, request, **named)  # type: ignore[arg-type]
        created = now() - timedelta(days=days)
        await stores.turns.finish(turn, state="done", adapter=adapter, created=created)
        await stores.feedback.rate(turn, request.user, "down" if number < down else "up")


def test_an_interval_holds_what_it_says() -> None:
    """Wilson's, as tables have it; and Newcombe's, over many draws, errs no oftener than it says."""
    low, high = Votes(10, 8).interval()
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert Votes().interval() == (0.0, 1.0)
    # 56 of 70 against 48 of 80: Newcombe 1998, table II (a), 95 %: 0.0524 to 0.3339
    assert round(excess(Votes(70, 56), Votes(80, 48), 1.96), 4) == 0.0524
    drawn = random.Random(5)
    alarms = 0
    for _ in range(2000):
        rate = drawn.choice([0.05, 0.2, 0.4])
        new, old = (Votes(n, sum(drawn.random() < rate for _ in range(n))) for n in (40, 120))
        alarms += worse(new, old)
    assert alarms / 2000 < 0.01


async def test_votes_are_counted_by_adapter_and_imports_do_not_vote(stores: Stores) -> None:
    await thumbs(stores, "", 4, 1, days=10)
    await thumbs(stores, "chat@0001", 3, 2)
    await thumbs(stores, "", 5, 5, platform="import")
    assert await votes(stores.database, "chat") == {"": Votes(4, 1), "chat@0001": Votes(3, 2)}
    assert await votes(stores.database, "chat", now() - timedelta(days=1)) == {"chat@0001": Votes(3, 2)}
    assert await votes(stores.database, "story") == {}


async def test_what_people_like_less_is_rolled_back(stores: Stores) -> None:
    guard = Guard(stores, timedelta(hours=24))
    first = await promoted(stores)
    await thumbs(stores, first, 60, 6, days=20)
    second = await promoted(stores)
    await thumbs(stores, second, 19, 19)
    await guard.look()
    assert (await stores.registry.services())[0].adapter == second  # too few to say
    await thumbs(stores, second, 11, 3)
    await guard.look()
    service = (await stores.registry.services())[0]
    assert (service.adapter, service.by) == (first, "guard")
    assert "22 of 30 thumbs were down, against 6 of 60" in service.words
    run = await stores.runs.get(second)
    assert run is not None
    assert (run.state, run.words) == ("rolled_back", service.words)


async def test_what_chance_may_explain_stays(stores: Stores) -> None:
    guard = Guard(stores, timedelta(hours=24))
    first = await promoted(stores)
    await thumbs(stores, first, 60, 6, days=20)
    second = await promoted(stores)
    await thumbs(stores, second, 30, 6)
    await guard.look()
    assert (await stores.registry.services())[0].adapter == second


async def test_the_first_adapter_goes_when_most_dislike_it(stores: Stores) -> None:
    guard = Guard(stores, timedelta(hours=24))
    await thumbs(stores, await promoted(stores), 40, 34)
    await guard.look()
    assert (await stores.registry.services())[0].adapter == ""


async def test_a_trial_is_held_against_those_of_its_time_and_ends(stores: Stores) -> None:
    guard = Guard(stores, timedelta(hours=24))
    first = await promoted(stores)
    await thumbs(stores, first, 60, 50, days=5)  # a bad week before the trial says nothing about it
    bad = await promoted(stores, share=30)
    await thumbs(stores, first, 40, 2)
    await thumbs(stores, bad, 25, 20)
    await guard.look()
    service = (await stores.registry.services())[0]
    assert (service.adapter, service.canary) == (first, "")
    good = await promoted(stores, share=30)
    await thumbs(stores, good, 25, 1)
    await guard.look()
    assert (await stores.registry.services())[0].canary == good
    await Guard(stores, timedelta(seconds=-1)).look()
    service = (await stores.registry.services())[0]
    assert (service.adapter, service.canary, service.previous) == (good, "", ("", first))
    assert "1 of 25 thumbs were down" in service.words
