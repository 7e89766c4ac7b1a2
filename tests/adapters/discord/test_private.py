"""What a member has for themselves: private answers, what is pressed below them, and showing one to everybody."""

from __future__ import annotations

import asyncio

import pytest

from adapters.discord import posts
from bot.request import Request
from tests.adapters.discord.conftest import Stage
from tests.adapters.discord.people import labels, text_of
from tests.adapters.discord.test_controls import newest
from tests.adapters.discord.test_menus import private


async def test_a_private_quiz_stays_private_to_its_end(real_stage: Stage) -> None:
    stage = real_stage
    world, peer = stage.world, stage.peer
    await stage.stores.cards.add(f"discord:{world.ann.id}", "bonjour", "good morning")
    card = await private(stage, world.ann.slash(world.general, "tutor", mode="quiz", private=True), "bonjour")
    assert "Think of the answer, then look at it." in text_of(card)
    assert labels(card) == ["Show the answer", "Share"]
    answer = await private(stage, world.ann.press(card, "Show the answer"), "good morning")
    good = next(label for label in labels(answer) if label.startswith("Good"))
    await private(stage, world.ann.press(answer, good), "It comes back")
    assert not [message for message in peer.answers(world.general) if not message.is_ephemeral]
    world.ann.say(world.general, f"<@{peer.backend.bot_user.id}> say: something else")
    await peer.until(lambda: newest(peer, world.general, "something else"), words="plain words are no answer to it")


async def test_a_command_for_oneself_is_waited_for_in_private(
    real_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = real_stage
    monkeypatch.setattr(posts, "QUICK", 0)
    world, peer = stage.world, stage.peer
    claim, told = stage.chatbot._intake.claim, asyncio.Event()

    async def late(request: Request) -> bool:
        await told.wait()
        return await claim(request)

    monkeypatch.setattr(stage.chatbot._intake, "claim", late)
    record = world.ann.slash(world.general, "memory")
    (waiting,) = await peer.until(lambda: [call for call in peer.calls if call.path.endswith("/callback")])
    assert waiting.body == {"type": 5, "data": {"flags": 64}}
    told.set()
    answer = await peer.until(lambda: peer.backend.messages[world.general].get(record.message_id or 0))
    await peer.until(lambda: "remember" in text_of(answer))
    assert not [call for call in peer.calls if call.method == "DELETE"]


async def test_a_quiz_without_it_is_for_all_to_see(real_stage: Stage) -> None:
    stage = real_stage
    world, peer = stage.world, stage.peer
    await stage.stores.cards.add(f"discord:{world.ann.id}", "bonjour", "good morning")
    world.ann.slash(world.general, "tutor", mode="quiz")
    card = await peer.until(lambda: newest(peer, world.general, "Write your answer, or look at it."))
    assert labels(card) == ["Show the answer"]
    world.ann.say(world.general, f"<@{peer.backend.bot_user.id}> good morning")
    await peer.until(lambda: newest(peer, world.general, "Right. **good morning**"))


async def test_what_is_pressed_under_a_private_answer_is_private_and_can_be_shown(real_stage: Stage) -> None:
    stage = real_stage
    world, peer = stage.world, stage.peer
    posted = world.ben.say(world.general, "Bonjour, mon ami. Je suis très content de te voir.")
    said = await private(stage, world.ann.menu("Translate", posted), "You said")
    formal = await private(stage, world.ann.press(said, "More formal"), "You said")
    assert formal.id != said.id
    assert "Share" in labels(formal)
    await private(stage, world.ann.press(formal, "Why"), "Limits")
    assert not [message for message in peer.answers(world.general) if not message.is_ephemeral]
    world.ann.press(formal, "Share")
    shown = await peer.until(lambda: newest(peer, world.general, "Shared by ann"))
    assert "Friendlier" in labels(shown), "the others may go on from there"
