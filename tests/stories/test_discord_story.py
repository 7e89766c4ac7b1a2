"""The whole bot process with the real model on Discord: `python -m bot run` against the peer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
from simcord.backend.models import Interaction, Message

from tests import processes
from tests.adapters.discord.peer import Fault, Peer
from tests.adapters.discord.people import labels, text_of, world
from tests.adapters.discord.schema import check_bodies


@asynccontextmanager
async def bot(peer: Peer, folder: Path, **more: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The bot's own process; the converted model is shared between tests, the store is not."""
    settings = {key.upper(): value for key, value in peer.settings.items()} | {
        "DATA_DIR": str(processes.DATA), "DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'parley.db'}", "WEB_PORT": "0",
        "ENGINE_SLOTS": "2", "LOG_LEVEL": "warning",
    }  # fmt: skip
    process = await processes.bot("run", settings=settings | more, stderr=asyncio.subprocess.PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


def finished(peer: Peer, channel: int) -> Message | None:
    """The bot's newest message in a channel once it is finished."""
    said = [message for message in peer.answers(channel) if text_of(message)]
    return said[-1] if said and "Retry" in labels(said[-1]) else None


async def test_a_command_and_a_mention_are_answered_by_the_real_model(tmp_path: Path) -> None:
    async with Peer(patience=60) as peer:
        place = world(peer)
        async with bot(peer, tmp_path):
            await peer.until(lambda: peer.gateway.identified, 60, "connected")
            record = place.ann.slash(place.general, "translate", text="Good morning", to="French")
            await peer.until(lambda: record.responded, 60, "acknowledged")
            said = await peer.until(lambda: finished(peer, place.general), 240, "translated")
            assert text_of(said).strip()
            me = f"<@{peer.backend.bot_user.id}>"
            place.ben.say(place.support, f"{me} What is the capital of France?")
            said = await peer.until(lambda: finished(peer, place.support), 240, "mention answered")
            assert "Paris" in text_of(said)
            edits = [call for call in peer.calls if call.method == "PATCH"]
            assert len(edits) >= 1, "it streams"
        check_bodies(peer.calls)


async def test_a_killed_worker_is_said_and_the_next_question_is_answered(tmp_path: Path) -> None:
    async with Peer(patience=60) as peer:
        place = world(peer)
        async with bot(peer, tmp_path) as process:
            await peer.until(lambda: peer.gateway.identified, 60)
            place.ann.slash(place.general, "story", theme="a long voyage over the sea")
            running = await peer.until(
                lambda: next((m for m in peer.answers(place.general) if labels(m) == ["Stop"] and words(m)), None),
                240, "it is being told",
            )  # fmt: skip
            for child in psutil.Process(process.pid).children():
                child.kill()
            await peer.until(lambda: "Retry" in labels(running), 60, "the break is told")
            assert "The model" in text_of(running)
            place.ben.say(place.support, f"<@{peer.backend.bot_user.id}> What is the capital of France?")
            said = await peer.until(lambda: finished(peer, place.support), 180, "answered by the new worker")
            assert "Paris" in text_of(said)
        check_bodies(peer.calls)


async def test_faults_on_the_wire_lose_nothing_and_answer_nothing_twice(tmp_path: Path) -> None:
    async with Peer(patience=60) as peer:
        place = world(peer)
        me = f"<@{peer.backend.bot_user.id}>"

        async def answered(before: int) -> None:
            """A question asked now is answered, once."""
            place.ann.say(place.general, f"{me} What is the capital of France?")
            done = before + 1
            await peer.until(lambda: len(peer.answers(place.general)) == done and finished(peer, place.general), 180)

        async with bot(peer, tmp_path):
            await peer.until(lambda: peer.gateway.identified, 60)
            peer.faults += [
                Fault("POST", "/channels/*/messages", 429, times=2, retry_after=0.3),
                Fault("PATCH", "/channels/*/messages/*", 500),
            ]  # fmt: skip
            await answered(0)
            assert not peer.faults, "both were met"
            await peer.gateway.drop()
            await answered(1)  # sent while the bot was away
            assert (peer.gateway.identified, peer.gateway.resumed) == (1, 1)
            await peer.gateway.order_reconnect()  # op 7
            await peer.until(lambda: peer.gateway.resumed == 2, 60, "resumed")
            await answered(2)
            await peer.gateway.invalidate()  # op 9
            await peer.until(lambda: peer.gateway.identified == 2, 60, "identified anew")
            await answered(3)
            assert len(peer.answers(place.general)) == 4
        check_bodies(peer.calls)


def words(message: Message) -> bool:
    """Whether the story itself has begun, after the words on waiting."""
    return len([line for line in text_of(message).splitlines() if line and not line.startswith("-#")]) > 0


async def test_buttons_work_over_a_restart_and_every_scenario_answers(tmp_path: Path) -> None:
    async with Peer(patience=60) as peer:
        place = world(peer)
        ann, general, silent = place.ann, place.general, Message(0, 0, 0)
        async with bot(peer, tmp_path):
            await peer.until(lambda: peer.gateway.identified, 60)
            ann.slash(general, "write", kind="headline", facts="The council voted 7 to 2 for a new bridge.")
            headlines = await peer.until(lambda: finished(peer, general), 240, "headlines")
        async with bot(peer, tmp_path):
            await peer.until(lambda: peer.gateway.identified == 2, 60)
            record = ann.press(headlines, "Pick 1")
            await peer.until(lambda: private(peer, record), 60, "the pick is noted")
            for name, options in (
                ("help", {}), ("memory", {}), ("remember", {"fact": "I like the sea"}), ("glossary", {}),
                ("reset", {}), ("support", {"question": "How do I install it?"}),
            ):  # fmt: skip
                record = ann.slash(general, name, **options)
                await peer.until(lambda record=record: private(peer, record), 60, name)
            ann.slash(general, "tutor", question="solve 2x + 3 = 11", subject="math")
            await peer.until(lambda: "x = 4" in text_of(finished(peer, general) or silent), 120, "tutor")
            text = "The council met on Tuesday. It decided to repair the roof of the pool. " * 4
            ann.slash(general, "summarize", text=text)
            # which of its two points the model names is drawn anew each time
            await peer.until(lambda: re.search("council|roof", text_of(finished(peer, general) or silent)), 120)
            posted = place.ben.say(general, "I goed to the park yesterday and seen two dog.")
            record = ann.menu("Correct my text", posted)
            await peer.until(lambda: private(peer, record), 120, "corrected")
            record = ann.menu("Summarise from here", posted)
            await peer.until(lambda: private(peer, record), 120, "summarised")
        check_bodies(peer.calls)


def private(peer: Peer, record: Interaction) -> Message | None:
    """What an interaction was answered with, once it is finished."""
    message = peer.backend.messages[record.channel_id].get(record.message_id or 0)
    if message is None or not text_of(message) or labels(message) == ["Stop"]:
        return None
    return message
