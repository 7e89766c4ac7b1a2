"""Intake: each message once, a burst as one."""

from __future__ import annotations

import asyncio

from bot.database import Database
from bot.intake import Intake
from tests.core.people import ask


async def test_a_message_is_claimed_once_even_from_two_hosts(database: Database) -> None:
    one, other, request = Intake(database), Intake(database), ask("hi")
    claims = await asyncio.gather(*(intake.claim(request) for intake in (one, other) * 5))
    assert sorted(claims) == [False] * 9 + [True]


async def test_a_released_message_can_be_claimed_again(sqlite: Database) -> None:
    intake, request = Intake(sqlite), ask("hi")
    assert await intake.claim(request)
    await intake.release(request)
    assert await intake.claim(request)


async def test_a_burst_of_one_sender_is_one_question(sqlite: Database) -> None:
    intake = Intake(sqlite)
    first = asyncio.create_task(intake.settle(ask("so", settle=600)))
    await asyncio.sleep(0)
    assert await intake.settle(ask("I was", settle=600)) is None
    others = [ask("me too", settle=0.01, user="bob"), ask("elsewhere", settle=0.01, channel="d")]
    assert [whole.text for whole in await asyncio.gather(*map(intake.settle, others)) if whole] == [
        "me too",
        "elsewhere",
    ]
    last = ask("thinking", settle=600)
    assert await intake.settle(last) is None
    intake.close()
    whole = await first
    assert whole is not None
    assert whole.text == "so\nI was\nthinking"
    assert whole.joined[-1] == last.id


async def test_a_burst_is_joined_in_the_order_it_was_sent_in(sqlite: Database) -> None:
    intake = Intake(sqlite)
    first, second = (intake.received(ask(text, settle=0.2)) for text in ("so", "I was"))
    leading = asyncio.create_task(intake.settle(second))  # its claim came back before the first one's
    await asyncio.sleep(0)
    assert await intake.settle(first) is None
    whole = await leading
    assert whole is not None
    assert (whole.id, whole.text, whole.joined) == (second.id, "so\nI was", (first.id,))


async def test_the_platforms_own_order_counts_over_that_of_arrival(sqlite: Database) -> None:
    intake = Intake(sqlite)
    later, earlier = (intake.received(ask(text, settle=0.2, order=order)) for text, order in (("was", 9), ("I", 4)))
    leading = asyncio.create_task(intake.settle(later))
    await asyncio.sleep(0)
    assert await intake.settle(earlier) is None
    whole = await leading
    assert whole is not None
    assert whole.text == "I\nwas"


async def test_a_command_ends_the_wait_and_is_not_joined(sqlite: Database) -> None:
    intake = Intake(sqlite)
    first = asyncio.create_task(intake.settle(ask("so", settle=60)))
    await asyncio.sleep(0)
    command = await intake.settle(ask("hello", settle=60, command="translate"))
    assert command is not None
    assert command.text == "hello"
    whole = await asyncio.wait_for(first, 30)
    assert whole is not None
    assert whole.text == "so"


async def test_a_typed_command_waits_for_nothing(sqlite: Database) -> None:
    intake = Intake(sqlite)
    whole = await asyncio.wait_for(intake.settle(ask("/help", settle=60)), 30)
    assert whole is not None
    assert whole.text == "/help"


async def test_closing_lets_go_of_every_burst(sqlite: Database) -> None:
    intake = Intake(sqlite)
    first = asyncio.create_task(intake.settle(ask("so", settle=60)))
    await asyncio.sleep(0)
    intake.close()
    whole = await asyncio.wait_for(first, 30)
    assert whole is not None
    assert whole.text == "so"
