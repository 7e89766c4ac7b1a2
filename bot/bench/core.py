"""The core's bench: what it adds to a turn, how fast it remembers, what the process weighs."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, closing
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from bot.bench import instant_engine
from bot.database import Database, now
from bot.memory import Memory, conversations
from bot.parley import Parley, open_parley
from bot.reply import Stream
from bot.request import Author, MessageRef, Place, Request
from bot.settings import Settings
from bot.turns import new_id, turns
from models.engine import EngineClient, Message, Sampling

ROUNDS = 20
PAUSE = (0.5, 1.5)
"""Seconds between an answer and the same person's next question: nobody types faster."""
TURNS_A_CONVERSATION = 100
RECALLS = 500
QUESTION = "say: " + "An answer of a usual length, sent in twenty pieces, as a model would send it. " * 4


class Reader:
    """A reply that reads to the end and shows it to nobody."""

    async def send(self, turn_id: str, stream: Stream) -> MessageRef:
        async for _ in stream:
            pass
        return MessageRef("bench")

    async def fail(self, words: str) -> None:
        raise RuntimeError(words)


async def bench_core(console: Console, *, users: int, turns: int) -> None:
    """Print the figures. Needs no model: the engine is a process that answers at once."""
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        await _bench_turns(console, Path(folder), users)
        await _bench_recall(console, Path(folder), turns)


async def _bench_turns(console: Console, folder: Path, users: int) -> None:
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(instant_engine.started())
        settings = Settings(data_dir=folder, engine_url=url, model="parley", engine_slots=users, database_url="")
        parley = await stack.enter_async_context(open_parley(settings))
        table = Table("", "median", "p99", "most", title=f"A turn with {users} users at once, milliseconds")
        direct, core = _direct(parley.engine), _through(parley)
        await _talk(core, users, rounds=1, pause=(0, 0))  # warms both
        both = {}
        for name, call in (("the engine asked directly", direct), ("the same through the core", core)):
            both[name] = await _talk(call, users, ROUNDS, PAUSE)
            table.add_row(name, *figures(both[name]))
        one, other = both.values()
        added = [b - a for a, b in zip(_points(one), _points(other), strict=True)]
        table.add_row("[bold]what the core adds", *(f"[bold]{1000 * value:.1f}" for value in added))
        burst = await _talk(core, users, rounds=1, pause=(0, 0))
        table.add_row(f"all {users} in the same instant, through the core", *figures(burst))
        console.print(table)
        resident = psutil.Process().memory_info().rss / 2**20
        console.print(f"The bot's process: {resident:.0f} MB resident, torch loaded: {'torch' in sys.modules}\n")


def _direct(engine: EngineClient) -> Callable[[int], Awaitable[None]]:
    async def call(_user: int) -> None:
        async for _ in engine.stream("parley", [Message("user", QUESTION)], Sampling()):
            pass

    return call


def _through(parley: Parley) -> Callable[[int], Awaitable[None]]:
    async def call(user: int) -> None:
        request = Request(new_id(), Place("bench", channel="c"), Author(str(user)), QUESTION)
        await parley.chatbot.handle(request, Reader())

    return call


async def _talk(
    call: Callable[[int], Awaitable[None]], users: int, rounds: int, pause: tuple[float, float]
) -> list[float]:
    """Seconds of each call, `users` people making `rounds` each."""
    seconds: list[float] = []

    async def person(user: int) -> None:
        for _ in range(rounds):
            await asyncio.sleep(random.uniform(*pause))
            started = time.perf_counter()
            await call(user)
            seconds.append(time.perf_counter() - started)

    await asyncio.gather(*map(person, range(users)))
    return seconds


async def _bench_recall(console: Console, folder: Path, number: int) -> None:
    async with Database(f"sqlite+aiosqlite:///{folder / 'recall.db'}") as database:
        await database.migrate()
        started = time.perf_counter()
        with console.status(f"Storing {number:,} turns"):
            people = await asyncio.to_thread(fill, folder / "recall.db", number)
        stored = time.perf_counter() - started
        memory, seconds = Memory(database), []
        for _ in range(RECALLS):
            request = Request("r", Place("bench", channel="c"), Author(str(random.randrange(people))), "")
            started = time.perf_counter()
            conversation = await memory.find(request.user, request.place)
            assert conversation is not None
            recall = await memory.recall(conversation.id, 1024)
            seconds.append(time.perf_counter() - started)
            assert recall.history
        table = Table("", "median", "p99", "most", title=f"Recall among {number:,} stored turns, milliseconds")
        table.add_row(f"{RECALLS} conversations of {TURNS_A_CONVERSATION} turns", *figures(seconds))
        console.print(table)
        size = (folder / "recall.db").stat().st_size / 2**20
        console.print(f"The store holds {size:.0f} MB; writing it took {stored:.0f} s.")


def fill(path: Path, number: int) -> int:
    """Write turns as the core would have over years. Returns the number of people."""
    people = max(1, number // TURNS_A_CONVERSATION)
    moment = now().timestamp()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        names = [column.name for column in conversations.columns]
        insert = f"INSERT INTO conversations ({_quoted(names)}) VALUES ({_marks(names)})"
        rows = [
            (f"c{person}", f"bench:{person}", "bench", "", "c", "", "", "", 0, 0, moment, moment)
            for person in range(people)
        ]
        connection.executemany(insert, rows)
        names = [column.name for column in turns.columns if column.name != "number"]
        insert = f"INSERT INTO turns ({_quoted(names)}) VALUES ({_marks(names)})"
        fixed = {
            "host": "h", "platform": "bench", "server": "", "channel": "c", "thread": "", "scenario": "chat",
            "options": "{}", "question": "What was it that we spoke of yesterday evening?", "prompt": "[]",
            "answer": "We spoke of the garden, the fence, and what to plant there in spring. " * 2, "buttons": "[]",
            "action": "answer", "sources": "[]", "notes": "[]", "model": "m", "adapter": "", "state": "done",
            "error": "", "prompt_tokens": 100, "tokens": 30, "ttft": 0.1, "seconds": 1.0, "logprob": None,
            "created": moment,
            "message": None, "version_of": "", "remembered": 1, "delivery": "", "delivery_tries": 0,
            "asked": "",
        }  # fmt: skip
        for start in range(0, number, 10_000):
            batch = []
            for turn in range(start, min(start + 10_000, number)):
                person = turn % people
                row = {**fixed, "id": f"t{turn}", "conversation": f"c{person}", "user": f"bench:{person}"}
                batch.append(tuple(row[name] for name in names))
            connection.executemany(insert, batch)
        connection.commit()
    return people


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _marks(names: list[str]) -> str:
    return ", ".join("?" * len(names))


def _points(seconds: list[float]) -> tuple[float, float, float]:
    ordered = sorted(seconds)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))], ordered[-1]


def figures(seconds: list[float]) -> tuple[str, ...]:
    """Median, 99th percentile and most, in milliseconds."""
    return tuple(f"{1000 * value:.1f}" for value in _points(seconds))
