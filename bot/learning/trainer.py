"""The trainer: a process of its own on a run's folder, started, followed, found again after a crash, and read."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psutil
import structlog

from models.durable import read_json

log = structlog.get_logger(__name__)

LOCK, PID, LOG, EVENTS = "trainer.lock", "trainer.pid", "trainer.log", "events.jsonl"
LOOK_SECONDS = 0.5
STOP_SECONDS = 20.0

Event = dict[str, Any]
Watcher = Callable[[Event], None]
Verdict = Literal["pass", "fail", "inconclusive", "failed"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a trainer ended. `words` are for people; `serves` is what it left: an adapter, a whole model, nothing."""

    verdict: Verdict
    words: str
    serves: str = "adapter"


def outcome(folder: Path) -> Outcome | None:
    """What a run's files say of its end, None when it has not come to one."""
    report = read_json(folder / "report.json")
    if report.get("verdict") in ("pass", "fail", "inconclusive"):
        return Outcome(report["verdict"], " ".join(report.get("words", ())), str(report.get("serves", "adapter")))
    failed = read_json(folder / "failed.json")
    return Outcome("failed", str(failed.get("words", "")), "nothing") if failed else None


def alive(folder: Path) -> bool:
    """Whether a trainer is at work on the folder, whoever started it: it holds the lock for as long as it lives."""
    try:
        with locked(folder):
            return False
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[int]:
    """The folder's lock. Raises BlockingIOError while a trainer has it."""
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield handle
    finally:
        os.close(handle)


def command_line(launcher: str, folder: Path) -> list[str]:
    """How a trainer is started. `launcher`, such as "accelerate launch", comes in front: one of our own environment
    if it is there."""
    words = shlex.split(launcher) or [sys.executable]
    beside = Path(sys.executable).parent / words[0]
    if launcher and "/" not in words[0] and beside.is_file():
        words[0] = str(beside)
    return [*words, "-m", "models.train", str(folder)]


class Trainer:
    """One process at work on a run's folder."""

    def __init__(self, folder: Path, process: asyncio.subprocess.Process | None = None) -> None:
        self.folder = folder
        self._process = process

    @classmethod
    async def start(cls, folder: Path, launcher: str = "") -> Trainer:
        """Start a process, which goes on from where a killed one was. Raises BlockingIOError while another one lives.

        It inherits the lock, so that nobody starts a second one beside it, even if we die at the next line.
        """
        with locked(folder) as handle, (folder / LOG).open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *command_line(launcher, folder), stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
                pass_fds=(handle,),
                start_new_session=True,  # Ctrl-C in the terminal is for us, who then end the trainer
            )  # fmt: skip
        # Whole or not there for who looks; not synced, as no process has this id after a power cut.
        partial = folder / f".{PID}.partial"
        partial.write_text(str(process.pid))
        partial.replace(folder / PID)
        return cls(folder, process)

    @property
    def lives(self) -> bool:
        return alive(self.folder)

    async def wait(self) -> None:
        """Until it has ended."""
        if self._process is not None:
            await self._process.wait()
        await self._gone(None)  # it may be another one's child

    async def stop(self) -> None:
        """End it, politely first. What it has done is kept, and the next start goes on from there."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            self._signal(number)
            if await self._gone(STOP_SECONDS):
                break
        if self._process is not None:
            await self._process.wait()

    async def _gone(self, seconds: float | None) -> bool:
        """True as soon as it has ended, False when it has not `seconds` from now."""
        until = None if seconds is None else time.monotonic() + seconds
        while True:
            if not self.lives:
                return True
            if until is not None and time.monotonic() > until:
                return False
            await asyncio.sleep(LOOK_SECONDS / 2)

    def _signal(self, number: signal.Signals) -> None:
        """Reach it and what a launcher started."""
        try:
            pid = self._process.pid if self._process is not None else int((self.folder / PID).read_text())
            # a process id may have been given to somebody else since
            if str(self.folder) in psutil.Process(pid).cmdline():
                os.killpg(pid, number)
        except (OSError, ValueError, psutil.Error) as error:
            log.warning("trainer_not_reached", folder=self.folder.name, detail=str(error))

    @property
    def last_words(self) -> str:
        """The end of what it printed, for the log."""
        try:
            return (self.folder / LOG).read_text(encoding="utf-8", errors="replace")[-1500:]
        except OSError:
            return ""


class Events:
    """What a trainer tells, read on from where the last look ended."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / EVENTS
        self._offset = 0

    def new(self) -> list[Event]:
        """Whole lines only; one that a kill cut short is passed over."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                lines, _, _ = file.read().rpartition(b"\n")
        except OSError:
            return []
        self._offset += len(lines) + 1 if lines else 0
        found = []
        for line in lines.splitlines():
            with contextlib.suppress(ValueError):
                event = json.loads(line)
                if isinstance(event, dict):
                    found.append(event)
        return found
