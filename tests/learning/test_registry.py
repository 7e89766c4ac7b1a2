"""The registry: what is in service, what it was trained on, and the way back."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from bot.database import Database
from bot.errors import UserError
from bot.learning.registry import KEEP, Adapter, Registry, Service, bucket
from bot.learning.runs import Run, Runs


async def trained(database: Database, scenario: str = "chat", rows: tuple[str, ...] = (), share: int = 0) -> Adapter:
    """A run that ended well, promoted."""
    run = await Runs(database).begin(scenario, parent="", by="test", host="h")
    adapter = Adapter(run.adapter, scenario, run.number, run.id, "", "tiny", f"digest-{run.number}", run.created)
    await Registry(database).promote(
        adapter, {"sft": rows, "dpo": rows[:1]}, words="it is better", by="mo", share=share
    )
    return adapter


async def served(database: Database, scenario: str = "chat") -> Service:
    service = await Registry(database).service(scenario)
    assert service is not None
    return service


async def state(database: Database, adapter: Adapter) -> tuple[str, str]:
    run = await Runs(database).get(adapter.name)
    assert isinstance(run, Run)
    return run.state, run.words


async def test_the_pointer_goes_forward_and_back(database: Database) -> None:
    registry = Registry(database)
    first, second = await trained(database), await trained(database)
    assert (first.name, second.name) == ("chat@0001", "chat@0002")
    service = await served(database)
    assert (service.adapter, service.previous, service.revision) == (second.name, ("", first.name), 2)
    assert await state(database, second) == ("promoted", "it is better")
    assert (await registry.rollback("chat", words="worse", by="mo")).adapter == first.name
    assert await state(database, second) == ("rolled_back", "worse")
    back = await registry.rollback("chat", words="worse", by="mo")
    assert (back.adapter, back.previous, back.by, back.words) == ("", (), "mo", "worse")
    with pytest.raises(UserError, match="nothing to roll back to"):
        await registry.rollback("chat", words="", by="mo")
    again = await registry.promote(second, {}, words="it was good", by="mo")
    assert (again.adapter, again.revision) == (second.name, 5)
    with pytest.raises(UserError, match="in service already"):
        await registry.promote(second, {}, words="", by="mo")
    assert (await served(database)).revision == 5


async def test_a_scenario_of_its_own(database: Database) -> None:
    chat, story = await trained(database), await trained(database, "story")
    assert story.name == "story@0001"
    await Registry(database).rollback("story", words="", by="mo")
    assert {one.scenario: one.adapter for one in await Registry(database).services()} == {
        "chat": chat.name,
        "story": "",
    }


async def test_a_trial_is_for_a_share_of_the_people_and_ends_either_way(database: Database) -> None:
    registry = Registry(database)
    first, second = await trained(database), await trained(database, share=25)
    service = await served(database)
    sides = Counter(service.adapter_for(f"test:{number}") for number in range(4000))
    assert set(sides) == {first.name, second.name}
    assert 0.2 < sides[second.name] / 4000 < 0.3
    assert service.adapter_for("test:7") == service.adapter_for("test:7")
    # who tried the last one is not who tries the next one
    assert sum(bucket("chat@0002", "chat", f"{n}") < 25 and bucket("chat@0003", "chat", f"{n}") < 25
               for n in range(4000)) < 400  # fmt: skip
    # the way back takes the trial first, and only that
    service = await registry.rollback("chat", words="worse", by="mo")
    assert (service.adapter, service.canary, service.adapter_for("test:7")) == (first.name, "", first.name)
    with pytest.raises(UserError, match="on trial"):
        await registry.end_canary("chat", keep=True, words="", by="mo")
    third = await trained(database, share=10)
    service = await registry.end_canary("chat", keep=True, words="no worse", by="watch")
    assert (service.adapter, service.canary, service.previous) == (third.name, "", ("", first.name))
    fourth = await trained(database, share=10)
    service = await registry.end_canary("chat", keep=False, words="worse", by="watch")
    assert (service.adapter, service.canary) == (third.name, "")
    assert await state(database, fourth) == ("rolled_back", "worse")


async def test_lineage_is_known_both_ways(database: Database) -> None:
    registry = Registry(database)
    assert await registry.learned("chat") == set()
    first = await trained(database, rows=("t1", "t2"))
    second = await trained(database, rows=("t2", "t3"))
    assert await registry.learned("chat") == {"t2", "t3"}
    assert await Runs(database).rows(second.run) == {"dpo": ["t2"], "sft": ["t2", "t3"]}
    assert await registry.trained_on(["t1", "t2", "t9"]) == {"t1": [first.name], "t2": [first.name, second.name]}
    assert await registry.mark_forgotten(["t1", "t9"]) == [first.name]
    assert [one.name for one in await registry.adapters("chat") if one.forgotten] == [first.name]
    await registry.rollback("chat", words="", by="mo")
    assert await registry.learned("chat") == {"t1", "t2"}


async def test_the_last_ones_are_kept_and_what_serves(database: Database) -> None:
    registry = Registry(database)
    made = [await trained(database) for _ in range(KEEP + 2)]
    assert [one.name for one in await registry.retire("chat")] == [made[1].name, made[0].name]
    assert await registry.retire("chat") == []
    service = await served(database)
    assert made[0].name not in service.previous
    assert made[1].name not in service.previous
    for _ in range(KEEP - 1):
        await registry.rollback("chat", words="", by="mo")
    assert (await served(database)).adapter == made[2].name
    # what serves is old by now, and stays
    later = [await trained(database, share=5) for _ in range(KEEP + 1)]
    gone = {one.name for one in await registry.retire("chat")}
    assert made[2].name not in gone
    assert later[-1].name not in gone
    assert made[3].name in gone


async def test_two_who_promote_and_roll_back_at_once_leave_one_history(database: Database) -> None:
    registry = Registry(database)
    made = await asyncio.gather(*(trained(database) for _ in range(4)))
    assert sorted(one.number for one in made) == [1, 2, 3, 4]
    service = await served(database)
    assert service.revision == 4
    assert {*service.previous, service.adapter} == {"", *(one.name for one in made)}
    back = await asyncio.gather(*(registry.rollback("chat", words="", by="mo") for _ in range(4)))
    assert sorted(one.revision for one in back) == [5, 6, 7, 8]
    assert (await served(database)).adapter == ""
