"""The worker's keeper process-side: spawns `models.serving`, watches it, starts it again when it dies."""

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
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import structlog

log = structlog.get_logger(__name__)

BROKEN_CHECKPOINT = 3
BACKOFF = (0.5, 30.0)
HEALTHY_SECONDS = 60.0
"""A worker that lived this long has earned a quick restart."""
STOP_SECONDS = 10.0
USUAL_START = 12.0

State = Literal["starting", "ready", "restarting", "failed", "stopped"]


def command_line(models: Mapping[str, str], embedding: str, data_dir: Path) -> list[str]:
    """How the worker is started, up to its own options."""
    named = [part for name, model in models.items() for part in ("--model", f"{name}={model}")]
    return [sys.executable, "-m", "models.serving", *named, "--embedding", embedding, "--data-dir", str(data_dir)]


class WorkerProcess:
    """The worker, kept alive for the length of `async with`.

    `url` and `token` stay the same over restarts. `words` say what it does now; `state` is one of State.
    """

    def __init__(
        self, *, models: Mapping[str, str], embedding: str, data_dir: Path, slots: int = 8, context: int = 2048,
        device: str = "auto",
    ) -> None:  # fmt: skip
        self.token = secrets.token_urlsafe(32)
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.state: State = "starting"
        self.words = "starting"
        self.pid: int | None = None
        self._command = [
            *command_line(models, embedding, data_dir), "--port", str(self.port), "--slots", str(slots),
            "--context", str(context), "--device", device, "--watch-stdin",
        ]  # fmt: skip
        self._changed = asyncio.Condition()
        self._started = time.monotonic()
        self._usual = USUAL_START
        self._task: asyncio.Task[None] | None = None
        self._errors: deque[str] = deque(maxlen=40)

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

    async def wait_ready(self, seconds: float) -> bool:
        """True as soon as it answers; False when that is not so within `seconds`, or will never be."""
        try:
            async with asyncio.timeout(seconds), self._changed:
                # A worker that has just died may not have been missed yet: its process tells.
                await self._changed.wait_for(lambda: self.state in ("ready", "failed") and not self._just_died())
        except TimeoutError:
            return False
        return self.state == "ready"

    def _just_died(self) -> bool:
        if self.state != "ready" or self.pid is None:
            return False
        try:
            with open(f"/proc/{self.pid}/stat") as file:
                return file.read().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            return sys.platform == "linux"

    async def _keep(self) -> None:
        wait, most = BACKOFF
        while True:
            started = time.monotonic()
            code = await self._run_once()
            if code == BROKEN_CHECKPOINT:
                await self._become("failed", self.words)
                return
            if time.monotonic() - started > HEALTHY_SECONDS:
                wait = BACKOFF[0]
            log.error("worker_died", code=code, restart_in=wait, stderr=list(self._errors)[-8:])
            self._started = time.monotonic() + wait
            await self._become("restarting", "restarting")
            await asyncio.sleep(wait)
            wait = min(2 * wait, most)

    async def _run_once(self) -> int:
        """One life of the process. Returns its exit code."""
        self._started = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE, env={**os.environ, "PARLEY_WORKER_TOKEN": self.token},
            start_new_session=True, # Ctrl-C in the terminal is for the bot, which then ends the worker
        )  # fmt: skip
        self.pid = process.pid
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listen(process.stdout))
                group.create_task(self._keep_errors(process.stderr))
            return await process.wait()
        finally:
            await _end(process)

    async def _listen(self, stdout: asyncio.StreamReader) -> None:
        async for line in stdout:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            match event.get("event"):
                case "loading":
                    await self._become(self.state, str(event["words"]))
                case "ready":
                    self._usual = time.monotonic() - self._started
                    log.info("worker_ready", seconds=event["seconds"])
                    await self._become("ready", "ready")
                case "broken":
                    self.words = str(event["words"])

    async def _keep_errors(self, stderr: asyncio.StreamReader) -> None:
        while chunk := await stderr.read(2**16):
            self._errors.extend(chunk.decode(errors="replace").splitlines())

    async def _become(self, state: State, words: str) -> None:
        async with self._changed:
            self.state, self.words = state, words
            self._changed.notify_all()


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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
