"""Notices: who flagged an answer hears once which adapter has learned it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from bot.database import Database
from bot.delivery import SendError, SendFailed, SendForbidden
from bot.knowledge.library import Library
from bot.learning.flags import Reason, Report
from bot.learning.registry import Adapter
from bot.request import Author, MessageRef, Place, Request
from bot.stores import Stores, stores_over
from bot.turns import TurnRow, begin_turn, new_id
from models.engine import EngineClient


@dataclass
class Post:
    """A platform that tells people. `errors` are raised first, one a call."""

    told: list[tuple[str, str]] = field(default_factory=list)
    errors: list[SendError] = field(default_factory=list)

    async def deliver(self, place: Place, turn: TurnRow, note: str) -> MessageRef:
        raise AssertionError("nothing is to be delivered")

    async def post(self, channel: str, words: str, picture: bytes) -> None:
        raise AssertionError("nothing is to be posted")

    async def tell(self, person: str, words: str) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.told.append((person, words))


@pytest.fixture
async def stores(database: Database) -> Stores:
    return stores_over(database, Library(database, EngineClient("http://127.0.0.1:9")))


async def flagged(stores: Stores, *people: str, correction: str = "", by_thumb: bool = False) -> str:
    """A turn that people complain of."""
    turn = new_id()
    request = Request(turn, Place("test", channel="c"), Author("asker"))
    named = {"conversation": "c", "host": "h", "scenario": "chat", "options": {}, "question": "?"}
    await stores.database.transact(begin_turn, turn, request, **named)  # type: ignore[arg-type]
    await stores.turns.finish(turn, state="done", answer="It is three.")
    row = await stores.turns.get(turn)
    assert row is not None
    for person in people:
        if by_thumb:
            await stores.reviews.thumb(row, person, "down", correction)
        else:
            await stores.reviews.flag(row, person, Report((Reason.WRONG_FACT,), "", correction))
    return turn


async def promoted(stores: Stores, *turns: str, share: int = 0) -> str:
    run = await stores.runs.begin("chat", parent="", by="test", host="h")
    adapter = Adapter(run.adapter, "chat", run.number, run.id, "", "tiny", "", run.created)
    await stores.registry.promote(adapter, {"sft": turns, "dpo": turns}, words="", by="gate", share=share)
    return run.adapter


async def test_who_corrected_hears_it_once(stores: Stores) -> None:
    corrected = await flagged(stores, "test:ann", correction="It is two.")
    by_thumb = await flagged(stores, "test:bob", correction="It is two.", by_thumb=True)
    both = [await flagged(stores, "test:eve", "web:eve"), await flagged(stores, "test:eve", correction="Two.")]
    await flagged(stores, "test:mo", correction="not learned")
    name = await promoted(stores, corrected, by_thumb, *both)
    post = Post()
    assert await stores.notices.send({"test": post}) == 3
    assert dict(post.told) == {
        "ann": f"Your correction is in {name}, which answers from now on. Thank you.",
        "bob": f"Your correction is in {name}, which answers from now on. Thank you.",
        "eve": f"2 of your flags are in {name}, which answers from now on. Thank you.",
    }
    assert await stores.notices.send({"test": post}) == 0
    # the next adapter has it too, and is no news
    await promoted(stores, corrected)
    assert await stores.notices.send({"test": post}) == 0


async def test_a_trial_is_no_news_until_it_answers_everybody(stores: Stores) -> None:
    turn = await flagged(stores, "test:ann", correction="Two.")
    await promoted(stores, turn, share=10)
    assert await stores.notices.due(["test"]) == []
    await stores.registry.end_canary("chat", keep=True, words="", by="guard")
    assert [notice.user for notice in await stores.notices.due(["test"])] == ["test:ann"]
    assert await stores.notices.due(["other"]) == []


async def test_a_platform_that_fails_is_tried_again_and_one_that_refuses_is_not(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.learning.notices.AGAIN", timedelta(0))
    await promoted(stores, await flagged(stores, "test:ann", correction="Two."))
    post = Post(errors=[SendFailed("away")])
    assert await stores.notices.send({"test": post}) == 0
    assert await stores.notices.send({"test": post}) == 1
    await promoted(stores, await flagged(stores, "test:bob", correction="Two."))
    post = Post(errors=[SendForbidden("takes no messages")])
    assert await stores.notices.send({"test": post}) == 0
    assert await stores.notices.due(["test"]) == []
    await promoted(stores, await flagged(stores, "test:eve", correction="Two."))
    post = Post(errors=[SendFailed("away")] * 9)
    for _ in range(5):
        await stores.notices.send({"test": post})
    assert len(post.errors) == 6  # it is given up


async def test_two_hosts_tell_it_once_and_what_is_forgotten_is_not_told(stores: Stores) -> None:
    turn = await flagged(stores, "test:ann", correction="Two.")
    await promoted(stores, turn)
    (notice,) = await stores.notices.due(["test"])
    post = Post()
    assert await stores.notices._send(notice, {"test": post})
    assert not await stores.notices._send(notice, {"test": post})
    assert len(post.told) == 1
    await stores.notices.forget("test:ann", [turn])
    await stores.reviews.forget("test:ann", [turn])
    assert await stores.notices.due(["test"]) == []
