"""The soak: the worker under many users for minutes, some of whom leave in the middle, and what its memory does."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psutil
from rich.console import Console

from bot.bench import servers
from bot.bench.engine import QUESTION, SYSTEM, TOKENS, TOPICS
from bot.bench.servers import Server
from bot.errors import UserError
from bot.settings import Settings

LEAVING = 0.3
"""The part of the answers that are dropped on the way."""
SETTLING = 0.2
"""The part of the time after which memory is watched: by then every slot has been used."""


@dataclass(slots=True)
class Soak:
    """What happened. Memory in MiB of the resident process, once a second."""

    seconds: float
    ends: Counter[str] = field(default_factory=Counter)
    memory: list[float] = field(default_factory=list)
    free_slots: int = 0

    @property
    def settled(self) -> list[float]:
        return self.memory[int(len(self.memory) * SETTLING) :] or [0.0]

    @property
    def growth(self) -> float:
        """By which part the memory has grown from the first tenth of the settled time to the last."""
        part = max(1, len(self.settled) // 10)
        first, last = (sum(values) / len(values) for values in (self.settled[:part], self.settled[-part:]))
        return last / first - 1 if first else 0.0


async def bench_soak(console: Console, settings: Settings, *, users: int, minutes: float, out: Path) -> None:
    """Print what happened and write `soak.json` into `out`. Raises UserError."""
    async with servers.worker(settings, users) as server:
        with console.status(f"{users} users for {minutes:g} minutes"):
            found = await soak(server, users, minutes * 60)
    console.print(
        f"{users} users, {found.seconds / 60:.1f} minutes: {found.ends['whole']} answers, {found.ends['left']} dropped,"
        f" {found.ends['failed']} failed; {found.free_slots} of {users} slots free at the end; memory "
        f"{min(found.settled):.0f} to {max(found.settled):.0f} MiB, grown by {found.growth:+.1%}"
    )
    written = {
        "seconds": found.seconds, "ends": dict(found.ends), "memory": found.memory, "free_slots": found.free_slots,
        "growth": found.growth,
    }  # fmt: skip
    await asyncio.to_thread(out.mkdir, parents=True, exist_ok=True)
    await asyncio.to_thread((out / "soak.json").write_text, json.dumps(written) + "\n", "utf-8")
    if found.ends["failed"] or found.free_slots != users:
        raise UserError("The worker did not come through the soak well; the figures above say where.")


async def soak(server: Server, users: int, seconds: float) -> Soak:
    """Keep `users` conversations going for so long, then wait until every slot is free."""
    found, until = Soak(seconds), time.monotonic() + seconds
    headers = {"Authorization": f"Bearer {server.token}"}
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=0)) as session:
        watching = asyncio.create_task(_watch(server, found))
        await asyncio.gather(*(_user(session, server, found, number, until) for number in range(users)))
        watching.cancel()
        await asyncio.wait([watching])
        found.free_slots = await _free_slots(session, server, users)
    return found


async def _user(session: aiohttp.ClientSession, server: Server, found: Soak, number: int, until: float) -> None:
    drawn, turn = random.Random(number), number
    while time.monotonic() < until:
        turn += 1
        question = QUESTION.format(topic=drawn.choice(TOPICS)) + " Please." * drawn.randrange(40)
        body = {
            "model": server.model, "max_tokens": drawn.randrange(1, TOKENS), "temperature": drawn.choice([0, 0.8]),
            "stream": True, "messages": [
                {"role": "system", "content": SYSTEM.format(number=drawn.randrange(200))},
                {"role": "user", "content": question},
            ],
        }  # fmt: skip
        leaves = drawn.randrange(12) if drawn.random() < LEAVING else None
        try:
            found.ends[await _answer(session, server, body, leaves)] += 1
        except aiohttp.ClientError:
            found.ends["failed"] += 1
            await asyncio.sleep(0.2)


async def _answer(session: aiohttp.ClientSession, server: Server, body: object, leaves: int | None) -> str:
    """How it ended: `whole`, `left` (by us, after so many pieces) or `failed`."""
    async with session.post(f"{server.url}/v1/chat/completions", json=body) as response:
        if response.status != 200:
            return "failed"
        pieces, whole = 0, False
        async for line in response.content:
            pieces += line.startswith(b"data: {")
            whole = whole or line.startswith(b"data: [DONE]")
            if leaves is not None and pieces > leaves:
                response.close()
                return "left"
        return "whole" if whole else "failed"


async def _watch(server: Server, found: Soak) -> None:
    while server.pid is not None:
        found.memory.append(psutil.Process(server.pid).memory_info().rss / 2**20)
        await asyncio.sleep(1 if found.seconds > 60 else 0.1)


async def _free_slots(session: aiohttp.ClientSession, server: Server, users: int) -> int:
    free = 0
    for _ in range(100):
        async with session.get(f"{server.url}/health") as response:
            free = int((await response.json()).get("free_slots", 0))
        if free >= users:
            break
        await asyncio.sleep(0.1)
    return free
