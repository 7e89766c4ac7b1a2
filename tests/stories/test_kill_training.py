"""Trainer, worker, bot and command line killed at random: no adapter is half promoted, no flag lost, no run left."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psutil
import pytest

from bot.database import Database
from bot.knowledge.library import Library
from bot.learning.artefacts import digest_of
from bot.learning.runs import UNFINISHED
from bot.learning.trainer import alive
from bot.settings import Settings
from bot.stores import Stores, stores_over
from models.engine import EngineClient
from models.worker import free_port
from tests import processes
from tests.learning import company
from tests.learning.runs import TRAINER
from tests.waiting import until

ROUNDS = int(os.environ.get("PARLEY_KILLS", "3"))
WAIT = 180.0


@dataclass
class Machine:
    """A machine with Parley on it, whose processes die."""

    folder: Path
    model: Path
    drawn: random.Random
    launcher: str
    port: int = field(default_factory=free_port)
    bot: asyncio.subprocess.Process | None = None
    told: list[str] = field(default_factory=list)
    flagged: set[str] = field(default_factory=set)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "DATA_DIR": str(self.folder), "MODEL": str(self.model), "EMBEDDING_MODEL": "none",
            "WEB_PORT": str(self.port), "TRAIN_LAUNCHER": self.launcher, "RETRAIN_CRON": "off", "LOG_LEVEL": "warning",
        }  # fmt: skip

    @property
    def settings(self) -> Settings:
        return Settings(_env_file=None, data_dir=self.folder)

    async def command(self, *words: str) -> asyncio.subprocess.Process:
        return await processes.bot(
            *words, settings=self.environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    async def done(self, *words: str) -> str:
        process = await self.command(*words)
        said = (await asyncio.wait_for(process.communicate(), WAIT))[0].decode()
        return said

    async def start_bot(self) -> None:
        log = (self.folder / "bot.log").open("ab")
        self.bot = await processes.bot("run", settings=self.environment, stdout=log, stderr=log)
        log.close()
        async with aiohttp.ClientSession() as session:

            async def ready() -> bool:
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"http://127.0.0.1:{self.port}/readyz") as answer:
                        return answer.status == 200
                return False

            await until(ready, WAIT)

    async def stop_bot(self) -> None:
        if self.bot is not None and self.bot.returncode is None:
            self.bot.terminate()
            await asyncio.wait_for(self.bot.wait(), WAIT)

    def victim(self, training: asyncio.subprocess.Process) -> tuple[str, list[int]]:
        """Somebody who is to die, by name and process ids."""
        assert self.bot is not None
        children = psutil.Process(self.bot.pid).children()
        workers = [child.pid for child in children if "models.serving" in processes.command_of(child)]
        alive_ones = {"bot": [self.bot.pid], "worker": workers, "trainer": self._trainers(), "train": [training.pid]}
        # most of the time goes to the trainer, and so do most of the deaths
        name = self.drawn.choice(["bot", "worker", "trainer", "trainer", "train", "train"])
        return name, alive_ones[name]

    async def round(self, number: int) -> None:
        """Something new to learn, and a death on the way."""
        rows = company.honest(number, rows=8) + company.replay()[number % 20 : number % 20 + 1]
        said = await self.done("feedback", "import", str(company.write(self.folder / "rows.jsonl", rows)))
        assert " 0 rejected" in said, said
        training = await self.command("train", "--scenario", "chat", "--force")
        if self.drawn.random() < 0.75:  # while a trainer is at work, or a moment after
            await self._trains(training)
            await asyncio.sleep(self.drawn.uniform(0.0, 4.0))
        else:
            await asyncio.sleep(self.drawn.uniform(0.5, 6.0))
        name, pids = self.victim(training)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        out = (await asyncio.wait_for(training.communicate(), WAIT))[0].decode()
        self.told.append(f"{number}: {name} {pids} died; {out.strip().splitlines()[-1:]}")
        if name == "bot":
            assert self.bot is not None
            await self.bot.wait()
            await self.start_bot()

    async def _trains(self, training: asyncio.subprocess.Process) -> None:
        await until(lambda: self._trainers() or training.returncode is not None, WAIT)

    def _trainers(self) -> list[int]:
        pids = [path for path in self.settings.runs.glob("*/trainer.pid") if alive(path.parent)]
        return [int(path.read_text()) for path in pids]

    async def settle(self) -> None:
        """Have what was interrupted end, as the next night would."""
        async with self.stores() as stores:
            async with asyncio.timeout(WAIT):
                while any(run.state in UNFINISHED for run in await stores.runs.recent()):
                    await self.done("train", "--scenario", "chat", "--force")
                    await asyncio.sleep(0.5)

    @contextlib.asynccontextmanager
    async def stores(self) -> AsyncIterator[Stores]:
        async with Database(self.settings.database) as database, EngineClient("http://127.0.0.1:9") as nobody:
            yield stores_over(database, Library(database, nobody))

    async def check(self) -> str:
        """What must hold whatever died. Gives the adapter in service."""
        async with self.stores() as stores:
            async with stores.database.read() as connection:
                whole = (await connection.exec_driver_sql("PRAGMA integrity_check")).scalar_one()
                flagged = set((await connection.exec_driver_sql("SELECT turn_id FROM flags")).scalars().all())
            assert whole == "ok"
            assert self.flagged < flagged  # those of every round before, and this one's
            self.flagged = flagged
            service = await stores.registry.service("chat")
            kept = [one for one in await stores.registry.adapters("chat") if one.retired is None]
            promoted = {run.adapter for run in await stores.runs.recent() if run.state == "promoted"}
            assert {one.name for one in kept} <= promoted
            for one in kept:
                assert digest_of(self.settings.adapters / one.name) == one.digest
                assert await stores.runs.rows(one.run)
            if service is not None and service.adapter:
                assert service.adapter in {one.name for one in kept}
            assert all(run.words for run in await stores.runs.recent() if run.state not in UNFINISHED)
            return service.adapter if service is not None else ""


@pytest.mark.slow
@pytest.mark.timeout(3600)  # PARLEY_KILLS is for as many rounds as one likes
async def test_whoever_dies_at_whatever_moment_nothing_is_lost(tiny_checkpoint: Path, tmp_path: Path) -> None:
    trainer = tmp_path / "behaviour.json"
    trainer.write_text(json.dumps({"steps": 20, "seconds": 0.1, "made": str(tmp_path / "made")}))
    from tests.models import tiny

    tiny.adapter(tmp_path / "made", tiny_checkpoint)
    seed = int(os.environ.get("PARLEY_SEED", "1"))
    machine = Machine(tmp_path / "data", tiny_checkpoint, random.Random(seed), f"{TRAINER} --behaviour {trainer}")
    machine.folder.mkdir()
    await machine.start_bot()
    try:
        for number in range(1, ROUNDS + 1):
            await machine.round(number)
            await machine.check()
        await machine.settle()
        machine.flagged = set()
        adapter = await machine.check()
        assert adapter, machine.told
        answer = json.loads((await machine.done("ask", "Hello", "--json")).splitlines()[-1])
        assert answer["adapter"] == adapter
    finally:
        await machine.stop_bot()
    async with machine.stores() as stores:
        states = {run.adapter: (run.state, run.tries) for run in await stores.runs.recent()}
    print("\n".join(machine.told), states)  # noqa: T201 - what died when is shown with -s
    assert all(state in ("promoted", "failed") for state, _ in states.values())
