"""The line: fair, bounded, leaves no slot behind."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import QueueFull, QueueTimeout
from bot.line import Line
from bot.turn import Waiting


def quiet(_: Waiting) -> None:
    pass


async def hold(line: Line, user: str, order: list[str], release: asyncio.Event, notify=quiet) -> None:
    async with line.place(user, notify):
        order.append(user)
        await release.wait()


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_one_turn_a_person_and_round_robin_between_people() -> None:
    line, order, release = Line(slots=1, seconds=10, most=100), [], asyncio.Event()
    tasks = [asyncio.create_task(hold(line, user, order, release)) for user in ("x", "ann", "ann", "ann", "bob", "cy")]
    await settled()
    assert order == ["x"]
    release.set()
    await asyncio.gather(*tasks)
    assert order == ["x", "ann", "bob", "cy", "ann", "ann"]
    assert (line.running, line.waiting) == (0, 0)


async def test_one_person_never_runs_twice_at_once() -> None:
    line, order, release = Line(slots=4, seconds=10, most=100), [], asyncio.Event()
    tasks = [asyncio.create_task(hold(line, "ann", order, release)) for _ in range(3)]
    told: list[Waiting] = []
    other = asyncio.create_task(hold(line, "bob", order, release, told.append))
    await settled()
    assert order == ["ann", "bob"]
    assert not told, "a free slot is given without a word"
    release.set()
    await asyncio.gather(*tasks, other)


async def test_place_and_wait_are_told_and_move() -> None:
    line, first, rest = Line(slots=1, seconds=10, most=100), asyncio.Event(), asyncio.Event()
    told: list[Waiting] = []
    running = asyncio.create_task(hold(line, "x", [], first))
    await settled()
    ahead = asyncio.create_task(hold(line, "ann", [], rest))
    await settled()
    mine = asyncio.create_task(hold(line, "bob", [], rest, told.append))
    await settled()
    assert told[-1].place == 2
    assert told[-1].words.startswith("You are number 2 in the line; your answer starts in about ")
    first.set()
    await running
    await settled()
    assert told[-1].place == 1
    rest.set()
    await asyncio.gather(ahead, mine)


async def test_a_second_question_is_told_that_it_comes_next() -> None:
    line, release, told = Line(slots=2, seconds=10, most=10), asyncio.Event(), []
    tasks = [asyncio.create_task(hold(line, "ann", [], release, told.append)) for _ in range(2)]
    await settled()
    assert told[-1].words.startswith("Your earlier question is being answered; this one comes next")
    release.set()
    await asyncio.gather(*tasks)


async def test_too_long_a_line() -> None:
    line, release = Line(slots=1, seconds=600, most=1), asyncio.Event()
    first = [asyncio.create_task(hold(line, user, [], release)) for user in ("x", "ann")]
    await settled()
    with pytest.raises(QueueFull):
        await hold(line, "bob", [], release)
    release.set()
    await asyncio.gather(*first)


async def test_too_long_a_wait() -> None:
    line, release = Line(slots=1, seconds=0.05, most=1), asyncio.Event()
    running = asyncio.create_task(hold(line, "x", [], release))
    await settled()
    with pytest.raises(QueueTimeout):
        await hold(line, "ann", [], release)
    assert line.waiting == 0
    release.set()
    await running


@settings(max_examples=60)
@given(
    slots=st.integers(1, 3),
    people=st.lists(st.sampled_from("abcd"), min_size=1, max_size=25),
    seed=st.integers(0, 2**16),
)
def test_whatever_is_cancelled_no_slot_is_lost_and_nobody_starves(slots: int, people: list[str], seed: int) -> None:
    async def scene() -> None:
        chance = random.Random(seed)
        line = Line(slots=slots, seconds=10, most=100)
        together: dict[str, int] = {}

        async def turn(user: str) -> None:
            async with line.place(user, quiet):
                together[user] = together.get(user, 0) + 1
                assert together[user] == 1
                assert line.running <= slots
                try:
                    for _ in range(chance.randint(0, 4)):
                        await asyncio.sleep(0)
                finally:
                    together[user] -= 1

        tasks = []
        for user in people:
            tasks.append(asyncio.create_task(turn(user)))
            if chance.random() < 0.5:
                await asyncio.sleep(0)
            if chance.random() < 0.4:
                chance.choice(tasks).cancel()
        results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 30)
        assert all(result is None or isinstance(result, asyncio.CancelledError) for result in results), results
        assert (line.running, line.waiting) == (0, 0)

    asyncio.run(scene())
