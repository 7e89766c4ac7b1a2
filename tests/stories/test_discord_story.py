"""The whole bot process with the real model on Discord: `python -m bot run` against the peer."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from simcord.backend.models import Message

from tests.adapters.discord.peer import Peer
from tests.adapters.discord.people import labels, text_of, world
from tests.adapters.discord.schema import check_bodies

ROOT = Path(__file__).parent.parent.parent
DATA = Path(os.environ.get("PARLEY_TEST_DATA", ROOT / "build" / "test-data"))


@asynccontextmanager
async def bot(peer: Peer, folder: Path, **more: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The bot's own process; the converted model is shared between tests, the store is not."""
    settings = {key.upper(): value for key, value in peer.settings.items()} | {
        "DATA_DIR": str(DATA), "DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'parley.db'}", "WEB_PORT": "0",
        "ENGINE_SLOTS": "2", "LOG_LEVEL": "warning",
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "run", cwd=ROOT, env={**os.environ, **settings, **more},
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
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
    async with Peer() as peer:
        place = world(peer)
        async with bot(peer, tmp_path):
            await peer.until(lambda: peer.backend.commands.get(None), 60, "commands are registered")
            record = place.ann.slash(place.general, "translate", text="Good morning", to="French")
            await peer.until(lambda: record.responded, 3, "acknowledged in time")
            said = await peer.until(lambda: finished(peer, place.general), 120, "translated")
            assert text_of(said).strip()
            me = f"<@{peer.backend.bot_user.id}>"
            place.ben.say(place.support, f"{me} What is the capital of France?")
            said = await peer.until(lambda: finished(peer, place.support), 120, "mention answered")
            assert "Paris" in text_of(said)
            edits = [call for call in peer.calls if call.method == "PATCH"]
            assert len(edits) >= 1, "it streams"
        check_bodies(peer.calls)
