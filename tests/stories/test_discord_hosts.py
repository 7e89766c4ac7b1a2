"""Several bot processes on one PostgreSQL store and one Discord: each has its shards, and a dead one's work is done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.database import Database
from bot.delivery import SECOND_COPY
from bot.turns import Turns
from tests import processes
from tests.adapters.discord.peer import Fault, Peer
from tests.adapters.discord.people import Person, labels, text_of, world
from tests.adapters.discord.schema import check_bodies
from tests.postgresql import Cluster
from tests.waiting import until

FOUND_DEAD = 60.0
"""Seconds in which another host finds a dead one on its machine and does what it left."""


@asynccontextmanager
async def host(
    peer: Peer, folder: Path, url: str, engine: str, shards: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A bot process that has connected with its shards."""
    folder.mkdir(exist_ok=True)
    settings = {key.upper(): value for key, value in peer.settings.items()} | {
        "DATA_DIR": str(folder), "DATABASE_URL": url, "ENGINE_URL": engine, "MODEL": "parley", "WEB_PORT": "0",
        "DISCORD_SHARDS": shards, "LOG_LEVEL": "warning",
    }  # fmt: skip
    before = peer.gateway.identified
    process = await processes.bot("run", settings=settings, stderr=asyncio.subprocess.DEVNULL)
    try:
        await peer.until(lambda: peer.gateway.identified > before, 60, f"shards {shards} connected")
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def on_its_way(url: str, user: str, words: str) -> None:
    """Wait until an answer to somebody is stored and being sent."""
    async with Database(url) as database:
        turns = Turns(database)

        async def found() -> bool:
            return any(turn.answer == words and turn.delivery == "sending" for turn in await turns.of_user(user))

        await until(found)


def said(peer: Peer, channel: int) -> list[str]:
    """What the bot has said in a channel."""
    return [text_of(message).partition("\n")[0] for message in peer.answers(channel)]


@pytest.mark.timeout(900)
async def test_hosts_share_the_work_and_do_a_dead_ones(cluster: Cluster, instant_url: str, tmp_path: Path) -> None:
    url = await asyncio.to_thread(cluster.new_database)
    async with Peer(patience=60) as peer:
        backend, me = peer.backend, f"<@{peer.backend.bot_user.id}>"
        harbour = world(peer)
        other = backend.create_guild("Inland", shard_id=1 - (harbour.guild >> 22) % 2, shard_count=2).id
        square = backend.create_channel(other, "square").id
        dan = Person(peer, backend.make_user("dan").id, other)
        backend.add_member(other, dan.id, announce=True)
        first, second = (harbour.guild >> 22) % 2, (other >> 22) % 2

        async def answered(who: Person, channel: int, words: str) -> None:
            """A question asked now is answered, and nothing besides."""
            before = len(peer.answers(channel))
            who.say(channel, f"{me} say: {words}")
            await peer.until(lambda: words in said(peer, channel) and "Retry" in labels(peer.answers(channel)[-1]), 60)
            assert len(peer.answers(channel)) == before + 1

        async with host(peer, tmp_path / "one", url, instant_url, f"{first}/2"):
            async with host(peer, tmp_path / "two", url, instant_url, f"{second}/2") as doomed:
                await asyncio.gather(
                    answered(harbour.ann, harbour.general, "by the sea"), answered(dan, square, "by the river"),
                )  # fmt: skip
                # While one is replaced, two have the same shard.
                async with host(peer, tmp_path / "three", url, instant_url, f"{second}/2"):
                    for number in range(5):
                        await answered(dan, square, f"number {number}")
                peer.faults.append(Fault("POST", f"/channels/{square}/messages", 500, delay=300))
                dan.say(square, f"{me} say: the last words")
                await on_its_way(url, f"discord:{dan.id}", "the last words")
                doomed.kill()
                await doomed.wait()
                copy = await peer.until(
                    lambda: next((m for m in peer.answers(square) if "the last words" in text_of(m)), None),
                    FOUND_DEAD, "the other host sends it, though the server is not of its shards",
                )  # fmt: skip
                assert SECOND_COPY in text_of(copy)
            async with host(peer, tmp_path / "two", url, instant_url, f"{second}/2"):
                await answered(dan, square, "back again")
                await answered(harbour.ann, harbour.general, "as before")
        assert said(peer, harbour.general) == ["by the sea", "as before"]
        assert len([words for words in map(text_of, peer.answers(square)) if "the last words" in words]) == 1
        check_bodies(peer.calls)
