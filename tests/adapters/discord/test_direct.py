"""What comes to a member by itself: their cards, at the hour they chose."""

from __future__ import annotations

from datetime import timedelta

from bot.daily import DailyCards
from bot.database import now
from tests.adapters.discord.conftest import Stage
from tests.adapters.discord.peer import Fault
from tests.adapters.discord.people import labels, text_of
from tests.adapters.discord.test_controls import newest, told


async def test_due_cards_come_at_the_members_hour_and_are_answered_by_buttons(real_stage: Stage) -> None:
    stage = real_stage
    world, peer = stage.world, stage.peer
    user, hour = f"discord:{world.ann.id}", f"{now() - timedelta(minutes=5):%H:%M} UTC"
    record = world.ann.slash(world.general, "tutor", daily=hour)
    said = await peer.until(lambda: told(peer, record, "Each day at"))
    assert said.is_ephemeral
    assert "That is in 23 h 5" in text_of(said)
    await stage.ready()
    daily = DailyCards(stage.stores, stage.chatbot)
    assert await daily.send(stage.messengers) == 0, "no card is due, so nothing comes"
    await stage.stores.cards.add(user, "bonjour", "good morning")
    assert await daily.send(stage.messengers) == 1
    card = await peer.until(lambda: newest(peer, world.ann.dm, "bonjour"))
    assert "Your cards of today are here." in text_of(card)
    assert labels(card) == ["Show the answer"]
    assert await daily.send(stage.messengers) == 0
    assert await DailyCards(stage.stores, stage.chatbot).send(stage.messengers) == 1, "another host asks too"
    assert len(peer.answers(world.ann.dm)) == 1, "and nothing comes twice"
    world.ann.guild = 0
    world.ann.press(card, "Show the answer")
    answer = await peer.until(lambda: newest(peer, world.ann.dm, "good morning"))
    good = next(label for label in labels(answer) if label.startswith("Good"))
    world.ann.press(answer, good)
    await peer.until(lambda: newest(peer, world.ann.dm, "It comes back"))
    (kept,) = await stage.stores.cards.list(user)
    assert kept.reviews == 1


async def test_closed_direct_messages_are_borne(real_stage: Stage) -> None:
    stage = real_stage
    world, peer = stage.world, stage.peer
    await stage.stores.members.prefer(f"discord:{world.ann.id}", "tutor.daily", f"{now():%H:%M} UTC")
    await stage.stores.cards.add(f"discord:{world.ann.id}", "bonjour", "good morning")
    await stage.ready()
    peer.faults += [Fault("POST", f"/channels/{world.ann.dm}/messages", 403, code=50007)]
    await DailyCards(stage.stores, stage.chatbot).send(stage.messengers)
    world.ann.say(world.general, f"<@{peer.backend.bot_user.id}> /help")
    await peer.until(lambda: newest(peer, world.general, "translate"))
    assert not peer.answers(world.ann.dm)
