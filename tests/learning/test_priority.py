"""Priority: what is asked often and what people disagree on is looked at first, and nothing waits for ever."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from bot.database import now
from bot.learning.flags import Reason, Report
from bot.learning.priority import Known, Priorities, priority, traffic, uncertainty
from bot.learning.queue import Queue, Wanted
from bot.learning.review import reviews
from bot.places import Moderator
from tests.core.conftest import Core
from tests.learning.people import HERE, MO, answered, set_up

OWNER = Moderator("console:owner", "Owner", everywhere=True)
WRONG = Report((Reason.WRONG_FACT,), "", "It is three.")


def known(**changes: object) -> Known:
    values = {"asked": 1, "up": 0, "down": 1, "seconded": False, "confidence": None, "opened": now()} | changes
    return Known(**values)  # type: ignore[arg-type]


def test_what_is_uncertain() -> None:
    assert uncertainty(known(down=5)) == uncertainty(known()) == 0.3
    assert uncertainty(known(up=3, down=3)) == 1.0
    assert 0.3 < uncertainty(known(up=9, down=1)) < 0.5
    assert uncertainty(known(seconded=True)) == 0.6
    assert uncertainty(known(confidence=0.1)) == 0.9
    assert uncertainty(known(logprob=-0.1)) == 0.3
    assert uncertainty(known(logprob=math.log(0.2))) == pytest.approx(0.8)


def test_uncertainty_weighs_by_traffic_and_waiting_counts() -> None:
    moment = now()
    assert priority(known(asked=15), moment) > priority(known(asked=1), moment)
    assert priority(known(asked=3, up=2, down=2), moment) > priority(known(asked=3), moment)
    old = known(opened=moment - timedelta(weeks=8))
    assert priority(old, moment) > priority(known(asked=1000), moment)


def test_the_like_of_a_question_is_counted() -> None:
    recent = {"1": "How do I reset my password?", "2": "how do i reset my password", "3": "Where is the menu?"}
    assert traffic({"a": "Please, how do I reset my password?", "b": "Why is it red?"}, recent) == {"a": 3, "b": 1}


async def test_the_queue_begins_with_what_teaches_most(core: Core) -> None:
    await set_up(core.stores.places)
    rare = await answered(core, "say: something rare and odd")
    frequent = [await answered(core, "say: how do I reset my password?") for _ in range(5)]
    split = await answered(core, "say: is the moon made of cheese?")
    for turn in (rare, frequent[0], split):
        await core.stores.reviews.flag(turn, "test:bob", WRONG)
    for user in ("ann", "eve"):
        await core.stores.feedback.rate(split.id, f"test:{user}", "up")
    priorities, queue = Priorities(core.stores.database), Queue(core.stores.database)
    assert await priorities.refresh() == 3
    seen, mark = [], ""
    for _ in range(3):  # a page each
        page = await queue.page(OWNER, Wanted(after=mark), most=1)
        seen.append(page.rows[0].turn_id)
        mark = page.rows[0].mark
    assert seen == [split.id, frequent[0].id, rare.id]
    assert not page.more
    # who has waited for long comes first in the end
    old = reviews.update().where(reviews.c.turn_id == rare.id)
    await core.stores.database.execute(old.values(opened=now() - timedelta(weeks=9)))
    assert await priorities.refresh() >= 1
    assert (await queue.page(OWNER, Wanted(), most=1)).rows[0].turn_id == rare.id
    for turn in (rare, frequent[0], split):
        await core.stores.reviews.reject(turn.id, await core.stores.places.moderator(HERE, MO))
    assert await priorities.refresh() == 0
