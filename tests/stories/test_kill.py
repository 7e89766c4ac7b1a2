"""What is killed or filled up in the middle: the words stay clear and the data whole."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import psutil

from bot.parley import Parley, open_parley
from bot.reply import Stream
from bot.request import MessageRef
from bot.settings import Settings
from bot.turn import Answer
from tests import processes
from tests.conftest import missing
from tests.core.people import Kept, ask
from tests.waiting import until


@asynccontextmanager
async def real_parley(tmp_path: Path) -> AsyncIterator[Parley]:
    """The whole bot with the real model; the converted model is shared between tests."""
    settings = Settings(
        _env_file=None, data_dir=processes.DATA, database_url=f"sqlite+aiosqlite:///{tmp_path / 'parley.db'}",
        engine_slots=2,
    )  # fmt: skip
    async with open_parley(settings) as parley:
        assert await parley.keeper.wait_ready()
        yield parley


async def test_a_killed_worker_is_said_replaced_and_the_next_question_answered(tmp_path: Path) -> None:
    async with real_parley(tmp_path) as parley:
        broken = Kept()
        answering = asyncio.create_task(parley.chatbot.handle(ask("Tell me a long story about the sea."), broken))
        await asyncio.wait_for(broken.said.wait(), 60)
        assert parley.worker is not None
        port = parley.worker.url.rpartition(":")[2]  # other tests' workers may be alive beside it
        (worker,) = [child for child in psutil.Process().children() if port in processes.command_of(child)]
        worker.send_signal(signal.SIGKILL)
        await asyncio.wait_for(answering, 120)
        assert broken.answer.broken
        assert broken.answer.text == broken.streamed.strip()
        assert broken.answer.notes[0].startswith("The model ")
        following = Kept()
        await asyncio.wait_for(parley.chatbot.handle(ask("What is the capital of France?"), following), 120)
        assert "Paris" in following.answer.text
        assert any("restart" in waiting.words or "loading" in waiting.words for waiting in following.waits)


async def start_ask(text: str, url: str, folder: Path) -> asyncio.subprocess.Process:
    settings = {"ENGINE_URL": url, "MODEL": "parley", "DATA_DIR": str(folder), "LOG_LEVEL": "error"}
    return await processes.bot(
        "ask", text, "--user", "ann", "--json", settings=settings,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def until_running(store: Path) -> str:
    """The id of the turn that runs, once there is one."""

    def look() -> str | None:
        if not store.exists():
            return None
        with closing(sqlite3.connect(store)) as connection, contextlib.suppress(sqlite3.OperationalError):
            row = connection.execute("SELECT id FROM turns WHERE state = 'running' AND prompt = '[]'").fetchone()
            return str(row[0]) if row else None
        return None  # its tables are not there yet

    return await until(look)


async def test_a_killed_bot_leaves_no_running_turn_and_loses_no_finished_one(instant_url: str, tmp_path: Path) -> None:
    first = await start_ask("say: kept", instant_url, tmp_path)
    out, _ = await first.communicate()
    kept = json.loads(out)["turn"]
    held = await start_ask("hold", instant_url, tmp_path)
    running = await until_running(tmp_path / "parley.db")
    held.kill()
    await held.communicate()
    after = await start_ask("say: after", instant_url, tmp_path)
    out, _ = await after.communicate()
    assert json.loads(out)["text"] == "after"
    with closing(sqlite3.connect(tmp_path / "parley.db")) as connection:
        states = dict(connection.execute("SELECT id, state FROM turns").fetchall())
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert states[kept] == "done"
    assert states[running] == "broken"


async def test_what_a_clean_end_could_not_deliver_is_the_next_ones(instant_url: str, tmp_path: Path) -> None:
    class Deaf(Kept):
        """A platform that does not answer any more."""

        async def send(self, turn_id: str, stream: Stream) -> MessageRef:
            await super().send(turn_id, stream)
            await asyncio.Event().wait()
            raise AssertionError

    settings = Settings(_env_file=None, data_dir=tmp_path, engine_url=instant_url, model="parley")
    reply = Deaf()
    async with open_parley(settings) as parley:
        asked = asyncio.create_task(parley.chatbot.handle(ask("say: all of it"), reply))
        await until(lambda: reply.events and isinstance(reply.events[-1], Answer))
        await parley.chatbot.close(0.01)
        asked.cancel()  # as an adapter that ends
        await asyncio.wait([asked])
    async with open_parley(settings) as parley:
        (due,) = await parley.stores.turns.on_their_way("test")
        assert (due.id, due.answer, due.delivery) == (reply.turn_id, "all of it", "unsure")


async def test_two_bots_on_one_store_both_answer(instant_url: str, tmp_path: Path) -> None:
    await (await start_ask("say: first", instant_url, tmp_path)).communicate()
    both = await asyncio.gather(*(start_ask(f"say: {n}", instant_url, tmp_path) for n in range(4)))
    answers = [json.loads((await process.communicate())[0])["text"] for process in both]
    assert answers == ["0", "1", "2", "3"]
    with closing(sqlite3.connect(tmp_path / "parley.db")) as connection:
        assert connection.execute("SELECT count(*) FROM turns WHERE state = 'done'").fetchone() == (5,)


def mount(small: Path) -> bool:
    """A disk of two megabytes at `small`; False where this user may not mount."""
    small.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(small)]
    return subprocess.run(command, capture_output=True).returncode == 0


def fill(disk: Path) -> Path:
    """A file that takes all the room left."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65536, 4096, 512):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)
    assert shutil.disk_usage(disk).free < 512
    return filler


async def test_a_full_disk_is_one_sentence_and_the_store_stays_whole(instant_url: str, tmp_path: Path) -> None:
    small = tmp_path / "small"
    if not await asyncio.to_thread(mount, small):
        missing("a small disk cannot be mounted here: that needs root")
    try:
        out, _ = await (await start_ask("say: before", instant_url, small)).communicate()
        assert json.loads(out)["text"] == "before"
        filler = await asyncio.to_thread(fill, small)
        process = await start_ask("say: " + "long " * 1000, instant_url, small)
        out, err = await process.communicate()
        assert process.returncode == 1
        assert out == b""
        assert b"is full" in err
        assert b"Traceback" not in err
        filler.unlink()
        out, _ = await (await start_ask("say: again", instant_url, small)).communicate()
        assert json.loads(out)["text"] == "again"
    finally:
        await asyncio.to_thread(subprocess.run, ["umount", str(small)], check=True)
