"""Checkpoints and worker processes that the model tests share."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI

from models.worker import WorkerProcess
from tests.processes import DATA
from tests.processes import ROOT as REPOSITORY

START_SECONDS = 120.0


@dataclass
class Served:
    """A worker process of our own, and what it said while it started."""

    process: subprocess.Popen[str]
    port: int
    events: list[dict[str, Any]] = field(default_factory=list)
    token: str = "sesame"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, **options: Any) -> AsyncOpenAI:
        return AsyncOpenAI(**{"base_url": self.url + "/v1", "api_key": self.token, "max_retries": 0, **options})


Serve = Callable[..., Served]


def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for something to become true, but not for ever."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


async def buried(worker: WorkerProcess) -> None:
    """Wait until a worker's first death is known: a killed process may run on for a moment, and count as ready."""
    async with worker.changed:
        await asyncio.wait_for(worker.changed.wait_for(lambda: worker.restarts == 1), START_SECONDS)


@pytest.fixture(scope="session")
def checkpoint() -> Path:
    """The folder of the built-in model, converted once and kept between runs."""
    from models.checkpoints import resolve

    return resolve("embedded", DATA)


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.models import tiny

    return tiny.write(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Start worker processes; they end with the session at the latest."""
    from models.worker import free_port

    started: list[Served] = []

    def start(*options: str, wait: bool = True) -> Served:
        port = free_port()
        errors = (tmp_path_factory.mktemp("worker") / "stderr").open("w+")
        process = subprocess.Popen(
            [sys.executable, "-m", "models.serving", "--port", str(port), "--threads", "1", *options],
            cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
            env={**os.environ, "PARLEY_WORKER_TOKEN": "sesame"},
        )  # fmt: skip
        served = Served(process, port)
        started.append(served)
        assert process.stdout is not None
        while wait and (line := process.stdout.readline()):
            served.events.append(json.loads(line))
            if served.events[-1]["event"] == "ready":
                break
        else:
            errors.seek(0)
            assert not wait, f"the worker ended while it started: {errors.read()[-2000:]}"
        errors.close()
        return served

    yield start
    for served in started:
        served.process.send_signal(signal.SIGKILL)
        served.process.communicate()


@pytest.fixture(scope="session")
def tiny_worker(serve: Serve, tiny_checkpoint: Path) -> Served:
    """A worker with the tiny model under two names, and no embedding model."""
    return serve(
        "--model", f"parley={tiny_checkpoint}", "--model", f"story={tiny_checkpoint}", "--embedding", "none",
        "--queue", "16",
    )  # fmt: skip


@pytest.fixture(scope="session")
def real_worker(serve: Serve, checkpoint: Path) -> Served:
    """A worker with the built-in model and the built-in embedding model."""
    return serve("--model", f"parley={checkpoint}")


@pytest.fixture
async def client(tiny_worker: Served) -> AsyncIterator[AsyncOpenAI]:
    async with tiny_worker.client() as client:
        yield client


@pytest.fixture
async def real_client(real_worker: Served) -> AsyncIterator[AsyncOpenAI]:
    async with real_worker.client() as client:
        yield client
