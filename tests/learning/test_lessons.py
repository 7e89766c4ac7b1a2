"""Lessons beside corrections: picks, other tries, thumbs, bursts, and what is dangerous."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from bot.database import Database, now
from bot.learning.consent import PREFERENCE
from bot.learning.feedback import feedback
from bot.request import Author, Place
from tests.core.conftest import Core
from tests.core.people import press
from tests.learning.company import honest, row
from tests.learning.people import answered
from tests.learning.stores import built, over, take_rows

PAGE = Place("web", "", "web")
ASKER = Author("7", "Ann")
YES = {"training_web": True}


async def liked(core: Core, turn_id: str, people: range, rating: str = "up") -> None:
    turn = await core.stores.turns.get(turn_id)
    assert turn is not None
    for at in people:
        await core.stores.reviews.thumb(turn, f"web:p{at}", rating)  # type: ignore[arg-type]


async def spread(core: Core) -> None:
    """The votes so far were given on one day, not in minutes."""
    async with core.stores.database.write() as connection:
        rows = (await connection.execute(sa.select(feedback.c.turn_id, feedback.c.user))).all()
        for at, one in enumerate(rows):
            mine = (feedback.c.turn_id == one.turn_id, feedback.c.user == one.user)
            await connection.execute(feedback.update().where(*mine).values(created=now() - timedelta(hours=at)))


async def test_a_pick_is_held_against_the_others(core: Core) -> None:
    turn = await answered(core, "say: three headlines", author=ASKER, place=PAGE)
    await core.stores.feedback.pick(turn.id, "web:7", "The best.", ["A worse one.", "Another."])
    await core.stores.members.prefer("web:7", PREFERENCE, "on")
    dataset = await built(core.stores, **YES)
    (one,) = dataset.rows_of("dpo")
    assert one.line["chosen"][0]["content"] == "The best."
    assert one.line["rejected"][0]["content"] == "A worse one."


async def test_an_answer_liked_after_another_try_is_held_against_that(core: Core) -> None:
    first = await answered(core, "say: One.", author=ASKER, place=PAGE)
    again = await core.handle(_press(first.id))
    await core.stores.turns.finish(again.turn_id, answer="Two.")
    await core.stores.members.prefer("web:7", PREFERENCE, "on")
    assert (await built(core.stores, **YES)).trained == frozenset()
    second = await core.stores.turns.get(again.turn_id)
    assert second is not None
    await core.stores.reviews.thumb(second, "web:7", "up")
    (one,) = (await built(core.stores, **YES)).rows_of("dpo")
    assert (one.line["chosen"][0]["content"], one.line["rejected"][0]["content"]) == ("Two.", "One.")


async def test_thumbs_train_when_three_agree_and_not_in_a_burst(core: Core) -> None:
    await core.stores.members.prefer("web:7", PREFERENCE, "on")
    turns = [await answered(core, f"say: Thing number {at} of all.", author=ASKER, place=PAGE) for at in range(6)]
    for at, turn in enumerate(turns):
        await liked(core, turn.id, range(3), "up" if at % 2 else "down")
    dataset = await built(core.stores, **YES)
    assert set(dataset.dropped.values()) == {"it stands on votes given in a burst"}
    await spread(core)
    labels = [one.line["label"] for one in (await built(core.stores, **YES)).rows_of("kto")]
    assert sorted(labels) == [False, False, False, True, True]  # a person's share is five
    await liked(core, turns[1].id, range(3, 6), "down")
    await spread(core)
    assert (await built(core.stores, **YES)).dropped[turns[1].id] == "people do not agree on it"


async def test_what_is_dangerous_is_learned_from_or_asked_never_both(sqlite: Database, tmp_path: Path) -> None:
    stores = over(sqlite)
    harmful = [row(f"How do I do harm number {at} to them?", None, "a", ["m"], answer=f"Like this, {at}.",
                   reasons=["harmful"]) for at in range(12)]  # fmt: skip
    good = [row(f"What is good in number {at} of these?", None, "a", ["m"], rating="up", answer=f"Much, {at}.",
                reasons=[]) for at in range(12)]  # fmt: skip
    await take_rows(stores, tmp_path, [*harmful, *good, *honest(1)])
    dataset = await built(stores)
    asked = {one.id for one in dataset.rows_of("safety") if not one.id.startswith("shipped")}
    learned = {one.id for one in dataset.rows_of("kto") if not one.line["label"]}
    assert len(asked | learned) == 12
    assert asked
    assert learned
    assert not asked & learned


def _press(turn_id: str) -> object:
    request = press(turn_id, "retry", user="7", channel="web")
    return replace(request, place=PAGE)
