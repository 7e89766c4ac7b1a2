"""The worker process as the bot keeps it: it comes up, comes back, gives up with words, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from models import checkpoints
from models.engine import EngineClient, EngineError, Message, Piece, Sampling
from models.worker import WorkerProcess, command_line
from tests.models import tiny
from tests.models.conftest import REPOSITORY, START_SECONDS, buried

HELLO = [Message("user", "Hello")]


def keep(model: Path, data_dir: Path, **options: object) -> WorkerProcess:
    return WorkerProcess(models={"parley": str(model)}, embedding="none", data_dir=data_dir, threads=1, **options)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)


@pytest.fixture
async def worker(tiny_checkpoint: Path, tmp_path: Path) -> AsyncIterator[WorkerProcess]:
    async with keep(tiny_checkpoint, tmp_path) as worker:
        assert await worker.wait_ready(START_SECONDS), worker.words
        yield worker


async def answer(worker: WorkerProcess, tokens: int = 5, model: str = "parley") -> list[Piece]:
    async with EngineClient(worker.url, worker.token) as engine:
        return [piece async for piece in engine.stream(model, HELLO, Sampling(temperature=0, max_tokens=tokens))]


async def test_killed_in_the_middle_of_an_answer_it_comes_back(worker: WorkerProcess) -> None:
    states = []

    async def watch() -> None:
        while True:
            async with worker.changed:
                await worker.changed.wait()
                states.append(worker.state)

    watching = asyncio.create_task(watch())
    expected = await answer(worker)
    assert worker.pid is not None
    url, first = worker.url, worker.pid
    async with EngineClient(worker.url, worker.token) as engine:
        stream = engine.stream("parley", HELLO, Sampling(temperature=0, max_tokens=4000))
        await anext(stream)
        os.kill(first, signal.SIGKILL)
        with pytest.raises(EngineError):
            async for _ in stream:
                pass
    await buried(worker)
    assert await worker.wait_ready(START_SECONDS)
    assert worker.seconds_left == 0
    assert (worker.url, worker.pid == first, worker.restarts) == (url, False, 1)
    assert await answer(worker) == expected
    watching.cancel()
    assert states[0] == "restarting"
    assert states[-1] == "ready"


async def test_after_a_restart_the_same_adapters_are_served(tiny_checkpoint: Path, tmp_path: Path) -> None:
    for seed, name in enumerate(("support@1", "support@2", "story@1")):
        tiny.adapter(tmp_path / "checkpoints" / name, tiny_checkpoint, seed)
    async with keep(tiny_checkpoint, tmp_path) as worker, EngineClient(worker.url, worker.token) as engine:
        assert await worker.wait_ready(START_SECONDS), worker.words
        for name in ("support@1", "support@2", "story@1"):
            await engine.load_adapter(name, name)
        await engine.unload_adapter("support@1")
        expected = await answer(worker, model="support@2")
        assert expected != await answer(worker)
        shutil.rmtree(tmp_path / "checkpoints" / "story@1")
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        await buried(worker)
        assert await worker.wait_ready(START_SECONDS)
        # the folder of one is gone: that is told in the log, and the others are there
        assert await engine.adapters() == {"support@2": "parley"}
        assert [*worker.adapters] == ["support@2"]
        assert await answer(worker, model="support@2") == expected


async def test_suspended_it_has_no_process_and_comes_back_with_its_adapters(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    tiny.adapter(tmp_path / "checkpoints" / "story@1", tiny_checkpoint)
    async with keep(tiny_checkpoint, tmp_path) as worker, EngineClient(worker.url, worker.token) as engine:
        assert await worker.wait_ready(START_SECONDS), worker.words
        await engine.load_adapter("story@1", "story@1")
        expected = await answer(worker, model="story@1")
        process = psutil.Process(worker.pid)
        async with worker.suspended():
            assert not process.is_running()
            async with worker.changed:
                await asyncio.wait_for(worker.changed.wait_for(lambda: worker.state == "suspended"), START_SECONDS)
            assert await worker.wait_ready(0.05) is False
        assert await worker.wait_ready(START_SECONDS), worker.words
        assert await answer(worker, model="story@1") == expected
        assert worker.restarts == 0
    # what is suspended can be ended
    async with keep(tiny_checkpoint, tmp_path) as worker, worker.suspended():
        pass


async def test_its_end_leaves_no_process(tiny_checkpoint: Path, tmp_path: Path) -> None:
    async with keep(tiny_checkpoint, tmp_path) as worker:
        async with worker.changed:
            await asyncio.wait_for(worker.changed.wait_for(lambda: "Loading the model" in worker.words), START_SECONDS)
        process = psutil.Process(worker.pid)
        assert worker.state == "starting"
        assert worker.seconds_left > 0
        # its token is in the environment, where no other user can read it
        assert worker.token not in " ".join(process.cmdline())
    assert not process.is_running()
    assert worker.state == "stopped"


async def test_a_broken_checkpoint_is_told_and_not_tried_again(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    async with keep(tmp_path, tmp_path) as worker:
        assert await worker.wait_ready(START_SECONDS) is False
        assert worker.state == "failed"
        assert "safetensors" in worker.words
        assert worker.restarts == 0


async def test_a_model_that_cannot_be_loaded_is_told(tiny_checkpoint: Path, tmp_path: Path) -> None:
    for name in ("model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((tiny_checkpoint / name).read_bytes())
    (tmp_path / "config.json").write_text('{"model_type": "unheard-of"}')
    async with keep(tmp_path, tmp_path) as worker:
        assert await worker.wait_ready(START_SECONDS) is False
        assert worker.state == "failed"
        assert "cannot be loaded" in worker.words


@pytest.mark.parametrize(("fractions", "ready"), [([0.1 * step for step in range(1, 10)], True), ([0.1] * 9, False)])
async def test_waiting_lasts_as_long_as_the_start_gets_on(fractions: list[float], ready: bool, tmp_path: Path) -> None:
    worker = keep(tmp_path, tmp_path)
    waiting = asyncio.create_task(worker.wait_ready(2.0))
    for fraction in fractions:
        await asyncio.wait([waiting], timeout=0.4)
        await worker._hear({"event": "progress", "fraction": fraction, "words": "Preparing"})
    worker._process = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE)
    await worker._hear({"event": "ready"})
    try:
        assert await waiting is ready
    finally:
        worker._process.kill()
        await worker._process.wait()


async def test_waiting_has_an_end(tiny_checkpoint: Path, tmp_path: Path) -> None:
    async with keep(tiny_checkpoint, tmp_path) as worker:
        assert await worker.wait_ready(0.05) is False


def test_command_line_starts_the_worker() -> None:
    line = command_line({"parley": "embedded", "story": "a/b"}, "none", Path("data"))
    assert line[0] == sys.executable
    told = subprocess.run([*line, "--help"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert "--watch-stdin" in told.stdout
    assert checkpoints.BROKEN_CHECKPOINT not in (0, 1, 2)
