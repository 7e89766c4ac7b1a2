"""The worker process as the bot sees it: started, watched, started again when it dies, ended with us."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import socket
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Literal

import structlog

from models.checkpoints import BROKEN_CHECKPOINT

log = structlog.get_logger(__name__)

BACKOFF = (0.5, 30.0)
HEALTHY_SECONDS = 60.0
"""A worker that lived this long has earned a quick restart."""
STOP_SECONDS = 10.0
USUAL_START = 12.0
LONGEST_LINE = 2**20

State = Literal["starting", "ready", "restarting", "suspended", "failed", "stopped"]


def command_line(models: Mapping[str, str], embedding: str, data_dir: Path) -> list[str]:
    """How the worker is started, up to its own options."""
    named = [part for name, model in models.items() for part in ("--model", f"{name}={model}")]
    return [sys.executable, "-m", "models.serving", *named, "--embedding", embedding, "--data-dir", str(data_dir)]


def path_command_line(model: str, data_dir: Path) -> list[str]:
    """What prints the folder of a model, converted first if it has to be.

    A process of its own: converting needs torch, which the bot never loads.
    """
    return [sys.executable, "-m", "models.checkpoints", "path", "--model", model, "--data-dir", str(data_dir)]


def compress_command_line(model: str, data_dir: Path) -> list[str]:
    """How a model is compressed, up to the new folder and what to do; in a process of its own, for torch."""
    return [sys.executable, "-m", "models.compress", "--model", model, "--data-dir", str(data_dir)]


class WorkerProcess:
    """The worker, kept alive for the length of `async with`.

    `url` and `token` stay the same over restarts, and the `adapters` (folders by name) that were loaded are loaded
    again. `state` is one of State and `words` say it for people; `fraction` of a start is done, as far as the process
    tells; `changed` is notified whenever they change. Only a broken checkpoint makes it give up ("failed"), since
    starting again would not help; `words` then say what is wrong and what to do.
    """

    def __init__(
        self, *, models: Mapping[str, str], embedding: str, data_dir: Path, slots: int = 8, context: int = 8192,
        device: str = "auto", quantize: str = "none", threads: int = 0,
    ) -> None:  # fmt: skip
        self.token = secrets.token_urlsafe(32)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.state: State = "starting"
        self.words = "The model is starting."
        self.fraction = 0.0
        self.pid: int | None = None
        self.device = ""
        self.restarts = 0
        self.adapters: dict[str, str] = {}
        self.changed = asyncio.Condition()
        self._command = [
            *command_line(models, embedding, data_dir), "--port", str(self.port), "--slots", str(slots),
            "--context", str(context), "--device", device, "--quantize", quantize, "--threads", str(threads),
            "--watch-stdin",
        ]  # fmt: skip
        self._started = time.monotonic()
        self._usual = USUAL_START
        self._task: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._errors: deque[str] = deque(maxlen=40)
        self._awake = asyncio.Event()
        self._awake.set()

    @property
    def seconds_left(self) -> float:
        """About how long it takes until it is ready; the last start tells."""
        if self.state == "ready":
            return 0.0
        return max(2.0, self._usual - (time.monotonic() - self._started))

    async def __aenter__(self) -> WorkerProcess:
        self._task = asyncio.create_task(self._keep(), name="worker")
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._become("stopped", "The model is stopped.")

    async def wait_ready(self, seconds: float) -> bool:
        """True as soon as it answers; False when it does not get on within `seconds`, or never will."""
        furthest = self.fraction

        def got_on() -> bool:
            return self._settled or self.fraction > furthest

        while not self._settled:
            try:
                async with asyncio.timeout(seconds), self.changed:
                    await self.changed.wait_for(got_on)
            except TimeoutError:
                return False
            # Only what is further than before counts: who dies again and again gets nowhere.
            furthest = max(furthest, self.fraction)
        return self.state == "ready"

    @property
    def _settled(self) -> bool:
        return self.state in ("ready", "failed", "stopped") and not self._dead

    @contextlib.asynccontextmanager
    async def suspended(self) -> AsyncIterator[None]:
        """Have no process meanwhile, as its memory is wanted elsewhere; what asks it waits for its return."""
        self._awake.clear()
        if self._process is not None:
            await _end(self._process)
        try:
            yield
        finally:
            self._awake.set()

    @property
    def _dead(self) -> bool:
        """Whether the process is gone and only our own task has not heard of it yet."""
        return self.state == "ready" and (self._process is None or not _runs(self._process))

    async def _keep(self) -> None:
        wait, most = BACKOFF
        while True:
            self._started = time.monotonic()
            code = await self._live_once() if self._awake.is_set() else 0
            if not self._awake.is_set():
                await self._become("suspended", "The model is away while something is learned.")
                await self._awake.wait()
                await self._become("restarting", "The model is restarting.")
                wait = BACKOFF[0]
                continue
            if code == BROKEN_CHECKPOINT:
                await self._become("failed", self.words)
                return
            if time.monotonic() - self._started > HEALTHY_SECONDS:
                wait = BACKOFF[0]
            log.error("worker_died", code=code, restart_in=wait, stderr=list(self._errors)[-8:])
            self.restarts += 1
            self._started = time.monotonic() + wait
            await self._become("restarting", "The model is restarting.")
            await asyncio.sleep(wait)
            wait = min(2 * wait, most)

    async def _live_once(self) -> int:
        """One life of the process. Returns its exit code; ends the process when cancelled."""
        self.fraction = 0.0
        try:
            adapters = [part for name, path in self.adapters.items() for part in ("--adapter", f"{name}={path}")]
            process = self._process = await asyncio.create_subprocess_exec(
                *self._command, *adapters, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE, env={**os.environ, "PARLEY_WORKER_TOKEN": self.token},
                limit=LONGEST_LINE,
                start_new_session=True,  # Ctrl-C in the terminal is for the bot, which then ends the worker
            )  # fmt: skip
        except OSError as error:
            self._errors.append(f"cannot be started: {error}")
            return -1
        self.pid = process.pid
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listen(process))
                group.create_task(self._keep_errors(process))
            return await process.wait()
        finally:
            await _end(process)

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            with contextlib.suppress(ValueError):  # something else than our events was printed
                await self._hear(json.loads(line))

    async def _hear(self, event: dict[str, Any]) -> None:
        match event:
            case {"event": "progress", "fraction": float(fraction), "words": str(words)}:
                self.fraction = fraction
                await self._become(self.state, words)
            case {"event": "ready", **more}:
                self.device = str(more.get("device", ""))
                self._usual = time.monotonic() - self._started
                log.info("worker_ready", seconds=round(self._usual, 1), pid=self.pid)
                await self._become("ready", "The model is ready.")
            case {"event": "adapter_loaded", "name": str(name), "path": str(path)}:
                self.adapters[name] = path
            case {"event": "adapter_unloaded", "name": str(name)}:
                self.adapters.pop(name, None)
            case {"event": "failed", "words": str(words), "remedy": str(remedy)}:
                self.words = f"{words} {remedy}"

    async def _keep_errors(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        while chunk := await process.stderr.read(2**16):
            self._errors.extend(chunk.decode(errors="replace").splitlines())

    async def _become(self, state: State, words: str) -> None:
        async with self.changed:
            self.state, self.words = state, words
            self.changed.notify_all()


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ask politely, then not; never leave a zombie."""
    with contextlib.suppress(ProcessLookupError):
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await process.wait()
            except TimeoutError:
                process.kill()
    await process.wait()
    process._transport.close()  # type: ignore[attr-defined]  # else its pipes are closed by the collector


def _runs(process: asyncio.subprocess.Process) -> bool:
    if process.returncode is not None:
        return False
    try:
        with open(f"/proc/{process.pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return sys.platform != "linux"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
