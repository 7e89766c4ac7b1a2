"""The bench of reviewing: how fast flags are taken in, and how fast the moderators' console shows a long queue."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import aiohttp
import psutil
from rich.console import Console
from rich.table import Table

from bot.bench import instant_engine, processes
from bot.bench.core import figures
from bot.errors import UserError
from models.worker import free_port

READS = 200
REASONS = ("wrong_fact", "wrong_language", "off_task", "style")
WORDS = (
    "the a of and to in is that on for harbour ferry ticket library garden opening closing winter summer platform "
    "night morning teacher pupil letter bridge market road station winner season island music price floor window answer"
).split()


async def bench_review(console: Console, *, flags: int) -> None:
    """Print the figures, of a store, an import and a bot of its own. Raises UserError where one of them fails."""
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as name:
        folder = Path(name)
        file = folder / "flags.jsonl"
        await asyncio.to_thread(write_flags, file, flags)
        settings = {"DATA_DIR": name, "MODEL": "parley", "LOG_LEVEL": "error", "WEB_PORT": str(free_port())}
        with console.status(f"Importing {flags:,} flags"):
            seconds, most = await _import(file, settings)
        size = file.stat().st_size / 2**20
        console.print(
            f"`feedback import` of {flags:,} flags, {size:.1f} MB: {seconds:.1f} s, start included, "
            f"{flags / seconds:,.0f} a second, at most {most:.0f} MB resident\n"
        )
        # None of the pages waits for a model.
        async with instant_engine.started() as engine, _console(folder, settings | {"ENGINE_URL": engine}) as browser:
            table = Table("", "median", "p99", "most", title=f"The console over {flags:,} open flags, milliseconds")
            for words, path in await _pages(browser):
                table.add_row(words, *figures([await _read(browser, path) for _ in range(READS)]))
        console.print(table)


def write_flags(file: Path, number: int) -> None:
    """A feedback file as an owner would bring one: so many flagged answers with corrections, all different."""
    drawn = random.Random(7)

    def sentence(words: int) -> str:
        return " ".join(drawn.choices(WORDS, k=words)).capitalize() + "."

    with file.open("w", encoding="utf-8") as lines:
        for count in range(number):
            row = {
                "scenario": ("chat", "support")[count % 2], "platform": "import", "author": f"member-{count % 500}",
                "prompt": [{"role": "user", "content": f"What of case {count}? {sentence(12)}"}],
                "answer": " ".join(sentence(12) for _ in range(8)), "rating": "down",
                "consent": True, "reasons": [REASONS[count % len(REASONS)]], "correction": sentence(20),
            }  # fmt: skip
            lines.write(json.dumps(row) + "\n")


async def _import(file: Path, settings: dict[str, str]) -> tuple[float, float]:
    """How many seconds it took, and the most memory in MB."""
    started = time.perf_counter()
    process = await processes.bot(
        file.parent, "feedback", "import", str(file), settings=settings,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    talking, most = asyncio.create_task(process.communicate()), 0.0
    seen = psutil.Process(process.pid)
    while not talking.done():
        with contextlib.suppress(psutil.Error):
            most = max(most, seen.memory_info().rss / 2**20)
        await asyncio.wait([talking], timeout=0.05)
    said, _ = await talking
    if process.returncode or b" 0 rejected." not in said:
        raise UserError(f"The import failed: {said.decode()[-500:]}")
    return time.perf_counter() - started, most


@contextlib.asynccontextmanager
async def _console(folder: Path, settings: dict[str, str]) -> AsyncIterator[aiohttp.ClientSession]:
    """A moderator's browser, signed in to a bot process of the bench's own."""
    url = f"http://127.0.0.1:{settings['WEB_PORT']}"
    silent, heard = asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE
    process = await processes.bot(folder, "run", settings=settings, stdout=silent, stderr=heard)
    assert process.stderr is not None
    saying = asyncio.create_task(process.stderr.read())
    # The address has a number for a name, which aiohttp's jar else takes no cookies from.
    jar = aiohttp.CookieJar(unsafe=True)
    try:
        async with aiohttp.ClientSession(url, cookie_jar=jar, headers={"Origin": url}) as browser:
            if not await _ready(browser, process):
                raise UserError(f"The bench's own bot did not start: {(await saying).decode()[-500:]}")
            link = await _link(folder, settings)
            async with browser.post(link.removeprefix(url)) as page:
                page.raise_for_status()
            yield browser
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await saying
        await process.wait()


async def _ready(browser: aiohttp.ClientSession, process: asyncio.subprocess.Process) -> bool:
    """Wait until the bot answers; False when it ended instead."""
    while process.returncode is None:
        with contextlib.suppress(aiohttp.ClientError):
            async with browser.get("/readyz") as answer:
                if answer.ok:
                    return True
        await asyncio.sleep(0.1)
    return False


async def _link(folder: Path, settings: dict[str, str]) -> str:
    """A link that signs in, as the command line gives it."""
    command = ("console-link", "--name", "bench")
    process = await processes.bot(folder, *command, settings=settings, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    return said.decode().split()[0]


async def _pages(browser: aiohttp.ClientSession) -> Sequence[tuple[str, str]]:
    """What a moderator looks at, and where it is."""
    async with browser.get("/review/items?state=open") as response:
        response.raise_for_status()
        first = await response.json()
    last = first["items"][-1]
    return (
        ("the page itself", "/review"),
        ("the first of the queue", "/review/items?state=open"),
        ("the next of the queue", f"/review/items?state=open&after={last['mark']}"),
        ("of one scenario and reason", "/review/items?state=open&scenario=support&reason=style"),
        ("a search for words", "/review/items?state=open&words=ferry"),
        ("one item", f"/review/items/{last['turn_id']}"),
        ("agreement and throughput", "/review/figures"),
        ("the service page", "/review/data/service"),
    )


async def _read(browser: aiohttp.ClientSession, path: str) -> float:
    started = time.perf_counter()
    async with browser.get(path) as response:
        await response.read()
        response.raise_for_status()
    return time.perf_counter() - started
