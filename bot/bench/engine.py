"""The engine's bench: tokens a second and the first token's delay, side by side with other servers.

The load: every user has one conversation of two turns. A system prompt and a question of about 128 tokens, an answer
of 64 tokens, then a follow-up that repeats the history. Streaming over HTTP, greedy, everybody in the same instant.
No two users share a prompt's beginning, so that the first turn is always read cold.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp
import psutil
from rich.console import Console
from rich.table import Table

from bot.bench import servers
from bot.bench.chart import bars
from bot.bench.servers import Server
from bot.errors import UserError
from bot.settings import Settings

TOKENS = 64
TOPICS = "rivers bread lighthouses bees glass rain chess trains paper cheese clocks bridges tea wool maps salt".split()
SYSTEM = (
    "You are the assistant number {number} of a community of gardeners, cooks and travellers. Answer in plain English "
    "and in whole sentences. Tell what is certain, name what is not, and never invent a source. People here like long "
    "and careful answers with examples from daily life, and they do not like lists. If somebody asks about health or "
    "money, tell them to ask a professional too. Do not repeat the question, and begin with the answer."
)
QUESTION = "Please tell me in detail about the history of {topic}, and why people cared about it."
LONG_WORDS = 1150
"""Words of the long conversation, about 1,500 tokens, whose next turn is measured against a cold one."""
FOLLOW_UP = "And how did that change in the last hundred years? Please tell me more about it."


@dataclass(frozen=True, slots=True)
class Answer:
    """One streamed answer; times in seconds since the request."""

    text: str
    first: float
    prompt_tokens: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What one server did with one number of users. Delays in seconds, median over the users; memory in MiB."""

    users: int
    tokens_per_second: float
    first_token: float
    first_token_next_turn: float
    first_token_longest: float
    prompt_tokens: float
    resident: float


@dataclass(frozen=True, slots=True)
class LongTalk:
    """First tokens of a long conversation: its first turn, which is read cold, and its second. Seconds."""

    prompt_tokens: int
    cold: float
    next_turn: float


async def bench_engine(
    console: Console, settings: Settings, *, users: Sequence[int], url: str, versus: Sequence[str], alone: bool,
    out: Path,
) -> None:  # fmt: skip
    """Print the table, write `engine.json` and `engine.svg` into `out`. Raises UserError."""
    runs: list[AbstractAsyncContextManager[Server]] = [_at(url) if url else servers.worker(settings, max(users))]
    folder = await servers.checkpoint(settings) if not (url and alone) else None
    if folder is not None and not alone:
        runs.append(servers.transformers_serve(folder))
    runs += map(_at, versus)
    results: dict[str, list[Figures]] = {}
    talks: dict[str, LongTalk] = {}
    for run in runs:
        async with run as server:
            with console.status(f"Measuring {server.name}"):
                results[server.name] = await measure(server, users)
                talks[server.name] = await long_talk(server)
    console.print(_table(results))
    for name, talk in talks.items():
        console.print(
            f"{name}: a conversation of {talk.prompt_tokens} tokens: first token {talk.cold:.2f} s cold, "
            f"{talk.next_turn:.2f} s in the next turn ({talk.next_turn / talk.cold:.0%})"
        )
    quality = await servers.quality(folder, settings.quantize) if folder is not None and not url else {}
    for kind, found in quality.items():
        console.print(
            f"{kind} ({found['served']}): perplexity {found['perplexity']:.2f} "
            f"({found['perplexity'] / quality['none']['perplexity'] - 1:+.1%}), "
            f"{found['same_answers']} of {found['of']} golden answers as with none"
        )
    await asyncio.to_thread(_write, out, results, talks, quality)
    console.print(f"Written: {out / 'engine.json'}, {out / 'engine.svg'}")


@contextlib.asynccontextmanager
async def _at(url: str) -> AsyncIterator[Server]:
    yield await servers.address(url)


async def measure(server: Server, users: Sequence[int]) -> list[Figures]:
    """Put each number of users on the server, one after the other. Raises UserError."""
    headers = {"Authorization": f"Bearer {server.token}"}
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=0)) as session:
        client = Client(session, server)
        await client.conversation(0)  # warms the server
        return [await _load(client, number, first=1 + sum(users[:at])) for at, number in enumerate(users)]


async def long_talk(server: Server) -> LongTalk:
    """A long conversation with nobody beside it. Raises UserError."""
    headers = {"Authorization": f"Bearer {server.token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        client = Client(session, server)
        words = " ".join(
            f"{TOPICS[number * 7 % 16]} {TOPICS[number * number % 16]}" for number in range(LONG_WORDS // 2)
        )
        cold, following = await client.talk([{"role": "user", "content": f"{words}. What was this about?"}])
    return LongTalk(round(cold.prompt_tokens), cold.first, following.first)


async def _load(client: Client, users: int, first: int) -> Figures:
    async with _peak(client.server.pid) as resident:
        started = time.perf_counter()
        talks = await asyncio.gather(*(client.conversation(first + user) for user in range(users)))
        seconds = time.perf_counter() - started
    openings, followings = zip(*talks, strict=True)
    return Figures(
        users=users,
        tokens_per_second=sum(answer.tokens for answer in (*openings, *followings)) / seconds,
        first_token=statistics.median(answer.first for answer in openings),
        first_token_next_turn=statistics.median(answer.first for answer in followings),
        first_token_longest=max(answer.first for answer in (*openings, *followings)),
        prompt_tokens=statistics.mean(answer.prompt_tokens for answer in openings),
        resident=max(resident),
    )


class Client:
    """Conversations with one server."""

    def __init__(self, session: aiohttp.ClientSession, server: Server) -> None:
        self.server = server
        self._session = session
        self._counts: dict[str, Any] = {"stream_options": {"include_usage": True}}

    async def conversation(self, number: int) -> tuple[Answer, Answer]:
        """Both turns of one user. Raises UserError."""
        topic = TOPICS[number % len(TOPICS)]
        history = [
            {"role": "system", "content": f"{topic.title()}. " + SYSTEM.format(number=number)},
            {"role": "user", "content": QUESTION.format(topic=topic)},
        ]
        return await self.talk(history)

    async def talk(self, history: list[dict[str, str]]) -> tuple[Answer, Answer]:
        """A turn on this history, and one more on all of that. Raises UserError."""
        opening = await self._ask(history)
        history = [*history, {"role": "assistant", "content": opening.text}, {"role": "user", "content": FOLLOW_UP}]
        return opening, await self._ask(history)

    async def _ask(self, messages: list[dict[str, str]]) -> Answer:
        body = {
            "model": self.server.model, "messages": messages, "max_tokens": TOKENS, "temperature": 0, "stream": True,
            **self._counts,
        }  # fmt: skip
        started = time.perf_counter()
        try:
            async with self._session.post(f"{self.server.url.rstrip('/')}/v1/chat/completions", json=body) as response:
                if response.status in (400, 422) and self._counts:
                    self._counts = {}  # transformers counts unasked, and refuses to be asked
                    return await self._ask(messages)
                if response.status != 200:
                    raise UserError(f"{self.server.name} answered {response.status}: {(await response.text())[:300]}")
                return await _read(response, started)
        except _NothingSaid as error:
            raise UserError(f"{self.server.name} gave an empty answer; its last words: {error}") from error
        except aiohttp.ClientError as error:
            raise UserError(f"{self.server.name} broke off: {error or type(error).__name__}") from error


class _NothingSaid(Exception):
    """A stream without a word; the argument is its last line."""


async def _read(response: aiohttp.ClientResponse, started: float) -> Answer:
    text, pieces, first, usage = "", 0, 0.0, {"prompt_tokens": 0, "completion_tokens": 0}
    last = b""
    async for line in response.content:
        last = line.strip() or last
        if not line.startswith(b"data: {"):
            continue
        chunk = json.loads(line[6:])
        usage = chunk.get("usage") or usage
        for choice in chunk.get("choices", ()):
            if content := choice["delta"].get("content"):
                first = first or time.perf_counter() - started
                text, pieces = text + content, pieces + 1
    if not pieces:
        raise _NothingSaid(last.decode(errors="replace")[:300])
    return Answer(text, first, usage["prompt_tokens"], usage["completion_tokens"] or pieces)


@contextlib.asynccontextmanager
async def _peak(pid: int | None) -> AsyncIterator[list[float]]:
    """Resident memory in MiB, looked at while the block runs; holds at least one figure at its end."""
    seen: list[float] = [0.0]

    async def watch(process: psutil.Process) -> None:
        while True:
            seen.append(process.memory_info().rss / 2**20)
            await asyncio.sleep(0.2)

    watching = asyncio.create_task(watch(psutil.Process(pid))) if pid is not None else None
    try:
        yield seen
    finally:
        if watching is not None:
            watching.cancel()
            await asyncio.wait([watching])


def _table(results: dict[str, list[Figures]]) -> Table:
    table = Table(title=f"Two turns a user, answers of {TOKENS} tokens, streaming over HTTP")
    for heading in ("server", "users", "tok/s", "first token", "next turn", "longest", "MiB"):
        table.add_column(heading, justify="left" if heading == "server" else "right")
    others = [figures for figures in list(results.values())[1:]]
    for name, rows in results.items():
        for at, row in enumerate(rows):
            speed = f"{row.tokens_per_second:.1f}"
            if others and rows is not others[0]:
                speed += f" ({row.tokens_per_second / others[0][at].tokens_per_second:.1f}x)"
            table.add_row(
                name if at == 0 else "", str(row.users), speed, f"{row.first_token:.2f} s",
                f"{row.first_token_next_turn:.2f} s", f"{row.first_token_longest:.2f} s",
                f"{row.resident:.0f}" if row.resident else "-",
            )  # fmt: skip
    return table


def _write(
    out: Path, results: dict[str, list[Figures]], talks: dict[str, LongTalk], quality: dict[str, dict[str, Any]]
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    written: dict[str, Any] = {name: [asdict(row) for row in rows] for name, rows in results.items()}
    written["long_conversation"] = {name: asdict(talk) for name, talk in talks.items()}
    if quality:
        written["quality"] = quality
    (out / "engine.json").write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    speeds = {name: {f"users {row.users}": row.tokens_per_second for row in rows} for name, rows in results.items()}
    (out / "engine.svg").write_text(bars("Tokens a second", speeds), encoding="utf-8")
