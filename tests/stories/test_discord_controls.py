"""Everything that can be pressed, filled in and done on Discord: the whole process, the real model, real sockets."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from simcord.backend.models import Interaction, Message
from simcord.enums import ChannelType

from adapters.discord.layout import read_custom_id
from bot.controls import Control
from tests import processes
from tests.adapters.discord.peer import Peer
from tests.adapters.discord.people import Person, World, custom_ids, labels, text_of, world
from tests.adapters.discord.schema import check_bodies
from tests.stories.test_discord_story import bot

ANSWER = 240.0
"""Seconds that the model may take on a slow machine, its start included."""
GUIDE = """# Lantern: the heating controller

## Setting the clock

Hold the round button for five seconds until the display shows CLOCK, turn it to the right hour, and press once.
"""


@dataclass
class Scene:
    """A server with the bot in it, and how one waits for what it does."""

    peer: Peer
    world: World

    async def answer(self, channel: int, *wanted: str, after: Message | None = None) -> Message:
        """The newest finished message for all in a channel; it has the `wanted` buttons and is newer than `after`."""
        newest = after.id if after is not None else 0

        def done() -> Message | None:
            found = [m for m in self.peer.answers(channel) if not m.is_ephemeral and text_of(m) and m.id > newest]
            done = found and not running(found[-1]) and set(wanted) <= set(labels(found[-1]))
            return found[-1] if done else None

        message: Message = await self.peer.until(done, ANSWER, f"an answer with {wanted}")
        return message

    async def private(self, record: Interaction, wanted: str = "", *buttons: str) -> Message:
        """What only the presser sees, once it is finished: it says `wanted` and has these buttons."""

        def found() -> Message | None:
            answered = self.peer.backend.messages[record.channel_id].get(record.message_id or 0)
            later = [message for message in self.peer.answers(record.channel_id) if message.id > record.id]
            seen = [one for one in (answered, *reversed(later)) if one is not None and one.is_ephemeral]
            done = [one for one in seen if text_of(one) and wanted in text_of(one) and not running(one)]
            return next((one for one in done if set(buttons) <= set(labels(one))), None)

        message: Message = await self.peer.until(found, ANSWER, f"privately: {wanted} {buttons}")
        return message

    async def form(self, record: Interaction) -> Interaction:
        """The modal that a press opened."""
        await self.peer.until(lambda: record.modal, 60, "a form")
        return record

    async def mention(self, who: Person, channel: int, text: str) -> Message:
        """Ask by mention; the finished answer."""
        before = self.peer.answers(channel)[-1] if self.peer.answers(channel) else None
        who.say(channel, f"<@{self.peer.backend.bot_user.id}> {text}")
        return await self.answer(channel, "Retry", after=before)


def running(message: Message) -> bool:
    """Whether an answer is still being written."""
    return any(pressed and pressed.control == Control.STOP for pressed in map(read_custom_id, custom_ids(message)))


async def knowledge(folder: Path) -> None:
    """Teach the bot one page, on the command line."""
    page = folder / "lantern.md"
    await asyncio.to_thread(page.write_text, GUIDE)
    settings = {"DATA_DIR": str(processes.DATA), "DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'parley.db'}"}
    process = await processes.bot("knowledge", "add", str(page), settings=settings, stderr=asyncio.subprocess.DEVNULL)
    assert await process.wait() == 0


@pytest.mark.timeout(900)
async def test_every_control_of_talk_and_the_moderators_cards(tmp_path: Path) -> None:
    async with Peer(patience=60) as peer:
        place = world(peer)
        scene, ann, ben, mo = Scene(peer, place), place.ann, place.ben, place.moderator
        desk = peer.backend.create_channel(place.guild, "desk").id
        async with bot(peer, tmp_path):
            await peer.until(lambda: peer.gateway.identified, 60)
            panel = await scene.private(mo.slash(place.general, "setup"), "Parley on this server")
            mo.choose(panel, "parley-setup:moderators_channel", [str(desk)], kind=8)
            await peer.until(lambda: f"<#{desk}>" in text_of(panel), 60, "the moderators' channel is set")
            answer = await scene.mention(ann, place.general, "What is the capital of France?")
            first = text_of(answer)
            await scene.private(ben.press(answer, "👍"), "Noted")
            await scene.private(ann.press(answer, "Why"), "Limits")
            await scene.private(ben.press(answer, "Retry"), "Only the person who asked")
            ann.press(answer, "Retry")
            await peer.until(lambda: "2/2" in labels(answer), ANSWER, "another version")
            ann.press(answer, "◀")
            await peer.until(lambda: "1/2" in labels(answer) and text_of(answer) == first, 60, "the first again")
            ann.press(answer, "▶")
            await peer.until(lambda: "2/2" in labels(answer), 60, "the second again")
            shown = await scene.form(ben.press(answer, "👎"))
            await scene.private(ben.submit(shown, reasons=["too long"], words=""), "Noted")
            shown = await scene.form(ben.menu("Flag to moderators", answer))
            await scene.private(
                ben.submit(shown, reasons=["style"], note="dry", words="It is Paris, the lovely."), "Flagged"
            )
            shown = await scene.form(ann.press(answer, "Flag"))
            await scene.private(ann.submit(shown, reasons=["wrong_fact"]), "Flagged")
            (card,) = await peer.until(lambda: peer.answers(desk), 60, "a card")
            await peer.until(lambda: "wrong fact" in text_of(card), 60, "both flags on it")
            await scene.private(ben.press(card, "Approve"), "Only this server's moderators")
            await scene.private(mo.press(card, "I take this"), "It is yours")
            await peer.until(lambda: "mo is looking at this" in text_of(card), 60)
            await scene.private(mo.press(card, "Reject"), "Rejected")
            await peer.until(lambda: labels(card) == ["Reopen"], 60, "closed")
            await scene.private(mo.press(card, "Reopen"), "open again")
            await peer.until(lambda: "Edit" in labels(card), 60)
            shown = await scene.form(mo.press(card, "Edit"))
            await scene.private(mo.submit(shown, words="Paris, the lovely."), "Approved")
            await peer.until(lambda: "Edited by mo" in text_of(card), 60)
        check_bodies(peer.calls)


@pytest.mark.timeout(900)
async def test_every_control_of_stories_translation_and_writing(tmp_path: Path) -> None:
    async with Peer(patience=60) as peer:
        place = world(peer)
        scene, ann, general = Scene(peer, place), place.ann, place.general
        async with bot(peer, tmp_path):
            await peer.until(lambda: peer.gateway.identified, 60)
            ann.slash(general, "story", theme="a lamp in the fog")
            part = await scene.answer(general, "Continue")
            ann.press(part, "Continue")
            more = await scene.answer(general, "Continue", after=part)
            shown = await scene.form(ann.press(more, "Edit"))
            ann.submit(shown, words="The fog lifted.")
            await peer.until(lambda: text_of(more) == "The fog lifted.", 60, "edited")
            await scene.private(ann.press(more, "Export"), "Your story as a file")
            ann.press(more, "Undo")
            await peer.until(lambda: more.id not in peer.backend.messages[general], 60, "taken back")
            ann.slash(general, "translate", text="Good morning, my friend.", to="French")
            said = await scene.answer(general, "More formal", "Friendlier", after=part)
            ann.press(said, "More formal")
            await scene.answer(general, "Friendlier", after=said)
            ann.slash(general, "write", kind="headline", facts="The council voted 7 to 2 for a new bridge.")
            headlines = await scene.answer(general, "Pick 1")
            bold = [m for m in peer.answers(general) if text_of(m).startswith("**")]
            ann.press(headlines, "Pick 1")
            picked = await peer.until(
                lambda: next((m for m in peer.answers(general) if text_of(m).startswith("**") and m not in bold), None),
                60, "picked",
            )  # fmt: skip
            ann.press(picked, "Shorter")
            await peer.until(lambda: len([m for m in peer.answers(general) if "Longer" in labels(m)]) >= 2, ANSWER)
        check_bodies(peer.calls)


@pytest.mark.timeout(900)
async def test_everything_that_happens_in_channels(tmp_path: Path) -> None:
    async with Peer(patience=60) as peer:
        place = world(peer)
        scene, ann, ben, mo = Scene(peer, place), place.ann, place.ben, place.moderator
        backend, general = peer.backend, place.general
        desk, french = (backend.create_channel(place.guild, name).id for name in ("desk", "salon"))
        await knowledge(tmp_path)
        async with bot(peer, tmp_path):
            await peer.until(lambda: peer.gateway.identified, 60)
            await set_up(scene, desk, french)
            question = ann.say(place.support, "How do I set the clock?")
            said = await scene.answer(question.id, "Solved", "Ask a person")
            assert "button" in text_of(said)
            ann.press(said, "Ask a person")
            handed = await scene.answer(question.id, "Solved", after=said)
            assert "I have told the moderators." in text_of(handed)
            (notice,) = await peer.until(lambda: peer.answers(desk), 60, "the moderators are told")
            ann.say(question.id, "Is anybody there?")
            await scene.private(mo.press(notice, "Solved"), "marked this as solved")
            await peer.until(lambda: "Solved, says mo" in text_of(notice), 60)
            ann.say(question.id, "How long do I hold the button?")
            await scene.answer(question.id, "Retry", after=handed)
            assert not [m for m in peer.messages(question.id) if "anybody there" in text_of(m)]
            spoken = ben.say(general, "Good morning, everybody.")
            await peer.until(lambda: [m for m in peer.messages(french) if m.webhook_id], ANSWER, "carried over")
            ben.delete(spoken)
            await peer.until(lambda: not [m for m in peer.messages(french) if m.webhook_id], 60, "and taken along")
            flagged = ben.say(place.support, f"<@{ann.id}> The soup is ready.")
            backend.add_reaction(place.support, flagged.id, "🇩🇪", ann.id)
            await peer.until(
                lambda: [m for m in peer.answers(place.support) if "Retry" in labels(m)], ANSWER, "the flag's language"
            )
            await talk_changes(scene)
            await told_together(scene)
            backend.remove_guild(place.guild)
            ann.guild = 0
            ann.say(ann.dm, "What is the capital of Italy?")
            await scene.answer(ann.dm, "Retry")
        check_bodies(peer.calls)


async def set_up(scene: Scene, desk: int, french: int) -> None:
    """A support channel, the moderators' channel, flags, and two linked channels, all on the panel."""
    mo, place, peer = scene.world.moderator, scene.world, scene.peer
    panel = await scene.private(mo.slash(place.support, "setup"), "Parley on this server")
    for setting, value, kind, wanted in (
        ("moderators_channel", str(desk), 8, f"<#{desk}>"), ("mode", "every", 3, "answer every new question"),
        ("scenario", "support", 3, "support questions"),
    ):  # fmt: skip
        mo.choose(panel, f"parley-setup:{setting}", [value], kind=kind)
        await peer.until(lambda wanted=wanted: wanted in text_of(panel), 60, wanted)
    mo.press(panel, "Flags on")
    await peer.until(lambda: "Flags off" in labels(panel), 60, "flags")
    for channel, tongue in ((place.general, "English"), (french, "French")):
        panel = await scene.private(mo.slash(channel, "setup"), "Parley on this server")
        shown = await scene.form(mo.press(panel, "Link this channel"))
        mo.submit(shown, link="pier", tongue=tongue)
        await peer.until(lambda panel=panel: "Linked" in text_of(panel), 60, "linked")


async def talk_changes(scene: Scene) -> None:
    """A question edited, one deleted, one stopped, one with a file, one completed while it is typed."""
    ann, peer, channel = scene.world.ann, scene.peer, scene.world.forum
    me = f"<@{peer.backend.bot_user.id}>"
    channel = peer.backend.create_channel(scene.world.guild, "talk").id
    question = ann.say(channel, f"{me} What is the capital of Spane?")
    answer = await scene.answer(channel, "Retry")
    ann.edit(question, f"{me} What is the capital of Spain?")
    await peer.until(lambda: "Answer the edited question" in labels(answer), 60, "the offer")
    ann.press(answer, "Answer the edited question")
    await peer.until(lambda: "Retry" in labels(answer) and "Answer the edited question" not in labels(answer), ANSWER)
    ann.delete(question)
    await peer.until(lambda: not peer.answers(channel), 60, "the answer goes with it")
    ann.slash(channel, "story", theme="a very long voyage")
    running = await peer.until(lambda: next((m for m in peer.answers(channel) if "Stop" in labels(m)), None), 60)
    await scene.private(ann.press(running, "Stop"))
    await peer.until(lambda: "Stop" not in labels(running), ANSWER, "stopped")
    ann.say(channel, f"{me} What does it say?", files=[("note.txt", b"The pool opens at six.")])
    await scene.answer(channel, "Retry", after=running)
    record = ann.type_into(channel, "translate", "to", "fr")
    choices: Any = await peer.until(lambda: record.autocomplete_choices, 60)
    assert "French" in [choice["value"] for choice in choices]


async def told_together(scene: Scene) -> None:
    """Two tell a story in a thread of its own."""
    ann, ben, peer = scene.world.ann, scene.world.ben, scene.peer
    channel = peer.backend.create_channel(scene.world.guild, "tavern", type=ChannelType.TEXT).id
    ann.slash(channel, "story", theme="a lighthouse", party="turns")
    first = await scene.answer(channel, "Retry")
    head = await peer.until(lambda: next(iter(peer.answers(first.id)), None), 60, "the thread's head")
    ann.say(first.id, "I climb the stairs, d20")
    part = await scene.answer(first.id, "Roll d20", after=head)
    assert text_of(part).startswith("🎲 d20: **")
    ben.say(first.id, "I wait below.")
    await peer.until(lambda: any("ann’s turn" in text_of(m) for m in peer.answers(first.id)), 60)
    await scene.private(ben.press(head, "Go on"), "ann’s turn")
    ann.press(part, "Pass over")
    await peer.until(lambda: any("ann is passed over" in text_of(m) for m in peer.answers(first.id)), 60)
    ben.press(part, "Roll d20")
    await scene.answer(first.id, "Export", after=part)
    await scene.private(ann.press(head, "Export"), "Your story as a file")
