"""What members have for themselves on Discord, and what is filled in: the whole process, the real model."""

from __future__ import annotations

from pathlib import Path

import pytest
from simcord.backend.models import Message

from tests.adapters.discord.peer import Peer
from tests.adapters.discord.people import labels, text_of, world
from tests.adapters.discord.schema import check_bodies
from tests.stories.test_discord_controls import Scene, knowledge
from tests.stories.test_discord_story import bot

PICTURE = b"\x89PNG\r\n\x1a\n"


@pytest.mark.timeout(900)
async def test_message_commands_sharing_and_a_better_answer(tmp_path: Path) -> None:
    async with Peer(patience=60) as peer:
        place = world(peer)
        scene, ann, ben, mo, general = Scene(peer, place), place.ann, place.ben, place.moderator, place.general
        desk = peer.backend.create_channel(place.guild, "desk").id
        await knowledge(tmp_path)
        async with bot(peer, tmp_path):
            await peer.until(lambda: peer.gateway.identified, 60)
            panel = await scene.private(mo.slash(general, "setup"), "Parley on this server")
            mo.choose(panel, "parley-setup:moderators_channel", [str(desk)], kind=8)
            await peer.until(lambda: f"<#{desk}>" in text_of(panel), 60, "the moderators' channel is set")

            ann.locale = "fr"
            posted = ben.say(general, "Good morning, my friend.")
            translated = await scene.private(ann.menu("Translate", posted), "", "Partager", "Réessayer")
            formal = await scene.private(ann.press(translated, "Plus formel"), "", "Partager")
            assert formal.id != translated.id
            assert not public(peer, general)
            ann.press(translated, "Partager")
            shared = await peer.until(lambda: [m for m in public(peer, general) if text_of(m)], 60, "shown to all")
            assert text_of(shared[0]).startswith("-# Shared by ann")
            assert "Réessayer" in labels(shared[0])
            ann.locale = "en-US"

            posted = ben.say(general, "How do I set the clock?")
            said = await scene.private(ann.menu("Ask support about this", posted), "button", "Share", "Sources")
            await scene.private(ann.press(said, "Sources"), "Setting the clock")
            ann.say(general, f"<@{peer.backend.bot_user.id}> What is this?", files=[("a.png", PICTURE)])
            blind = await scene.answer(general, "Retry", after=shared[0])
            assert "cannot see pictures" in text_of(blind)

            answer = await scene.mention(ann, general, "What is the capital of France?")
            shown = await scene.form(ben.press(answer, "👎"))
            await scene.private(ben.submit(shown, reasons=["too long"], words="Paris."), "Your better answer waits")
            (card,) = await peer.until(lambda: peer.answers(desk), 60, "a card")
            await peer.until(lambda: "Paris." in text_of(card) and "Approve" in labels(card), 60)
            await scene.private(mo.press(card, "Approve"), "Approved")
            await peer.until(lambda: labels(card) == ["Reopen"], 60, "closed")
        check_bodies(peer.calls)


@pytest.mark.timeout(900)
async def test_the_tutors_buttons_and_forms(tmp_path: Path) -> None:
    async with Peer(patience=60) as peer:
        place = world(peer)
        scene, ann, general = Scene(peer, place), place.ann, place.general
        async with bot(peer, tmp_path):
            await peer.until(lambda: peer.gateway.identified, 60)
            ann.slash(general, "tutor", question="solve 2x + 3 = 11", subject="math", mode="hints")
            hint = await scene.answer(general, "Next step", "Show the whole solution")
            ann.press(hint, "Next step")
            step = await scene.answer(general, "Next step", after=hint)
            ann.press(step, "Show the whole solution")
            solved = await scene.answer(general, "One more")
            assert "x = 4" in text_of(solved)
            ann.press(solved, "One more")
            await scene.answer(general, "Next step", after=solved)

            ann.slash(general, "tutor", question="what is photosynthesis?", subject="biology")
            lesson = await scene.answer(general, "Simpler", "Keep as a card")
            await scene.private(ann.press(lesson, "Keep as a card"), "Kept as a card")
            ann.press(lesson, "Simpler")
            await scene.answer(general, "Keep as a card", after=lesson)
            record = ann.slash(general, "tutor", mode="quiz", private=True)
            card = await scene.private(record, "photosynthesis", "Show the answer")
            looked = await scene.private(ann.press(card, "Show the answer"), "How well did you know it?")
            good = next(label for label in labels(looked) if label.startswith("Good"))
            await scene.private(ann.press(looked, good), "It comes back")

            shown = await scene.form(ann.slash(general, "write", kind="email"))
            ann.submit(shown, facts="The meeting moves to three.", length=["short"])
            mail = await scene.answer(general, "Warmer", "Fix grammar")
            assert "three" in text_of(mail)
            record = ann.slash(general, "chat", text="Say hello.")
            await scene.answer(general, "Retry", after=mail)
            await scene.private(ann.slash(general, "privacy"), "Kept of you")
        check_bodies(peer.calls)


@pytest.mark.timeout(900)
async def test_what_owners_set_on_the_panel_besides(tmp_path: Path) -> None:
    async with Peer(patience=60) as peer:
        place = world(peer)
        async with bot(peer, tmp_path):
            await peer.until(lambda: peer.gateway.identified, 60)
            await owners(Scene(peer, place))
        check_bodies(peer.calls)


async def owners(scene: Scene) -> None:
    """Switch, consent, persona, quota and roles."""
    place, peer = scene.world, scene.peer
    mo, ann, general = place.moderator, place.ann, place.general
    panel = await scene.private(mo.slash(general, "setup"), "Parley on this server")
    mo.choose(panel, "parley-setup:scenarios_off", ["story"])
    await peer.until(lambda: "**Switched off** /story" in text_of(panel), 60)
    await scene.private(ann.slash(general, "story", theme="rain"), "/story is switched off on this server")
    mo.press(panel, "Training on")
    await peer.until(lambda: "Training off" in labels(panel), 60)
    shown = await scene.form(mo.press(panel, "Persona, language, quota"))
    mo.submit(shown, persona="You are a pirate.", quota="1/day")
    await peer.until(lambda: "You are a pirate." in text_of(panel), 60)
    shown = await scene.form(mo.press(panel, "Persona of this channel"))
    mo.submit(shown, channel_persona="You are a librarian.", channel_language="German")
    await peer.until(lambda: "persona You are a librarian.; language de" in text_of(panel), 60)
    ann.slash(general, "chat", text="Say hello.")
    before = await scene.answer(general, "Retry")
    await scene.private(ann.slash(general, "chat", text="Say hello."), "You have had your 1 answers of this day")
    mo.choose(panel, "parley-setup:quota_back", [str(ann.id)], kind=5)
    await peer.until(lambda: f"quota given back to → <@{ann.id}>" in text_of(panel), 60)
    ann.slash(general, "chat", text="Say hello.")
    await scene.answer(general, "Retry", after=before)
    role = next(one.id for one in peer.backend.get_guild(place.guild).roles.values() if one.name == "moderators")
    mo.choose(panel, "parley-setup:only_roles", [str(role)], kind=6)
    await peer.until(lambda: f"**I answer** <@&{role}>" in text_of(panel), 60)
    await scene.private(ann.slash(general, "translate", text="Hello", to="French"), "not open to everybody")
    await scene.private(mo.slash(general, "review"), "")


def public(peer: Peer, channel: int) -> list[Message]:
    """What the bot has said for all in a channel."""
    return [message for message in peer.answers(channel) if not message.is_ephemeral]
