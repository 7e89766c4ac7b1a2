"""The command line as a process of its own, over an engine that answers at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import processes


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Awaitable[Ended]]


@pytest.fixture
def run(tmp_path: Path, instant_url: str) -> Run:
    """Runs `python -m bot ...` with a fresh store; keyword arguments are settings, `typed` is what is typed.

    `interrupts`: after how many seconds Ctrl-C is pressed, each counted from the one before.
    """

    async def run(
        *arguments: str, typed: str | None = None, interrupts: Sequence[float] = (), **settings: str
    ) -> Ended:
        usual = {"DATA_DIR": str(tmp_path), "DATABASE_URL": "", "ENGINE_URL": instant_url, "MODEL": "parley"}
        process = await processes.bot(
            *arguments, settings=usual | settings,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            preexec_fn=_as_in_a_terminal,
        )  # fmt: skip
        talk = asyncio.create_task(process.communicate(typed.encode() if typed is not None else None))
        for seconds in interrupts:
            await asyncio.wait([talk], timeout=seconds)
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
        out, err = await talk
        assert process.returncode is not None
        return Ended(process.returncode, out.decode(), err.decode())

    return run


def _as_in_a_terminal() -> None:
    """Who starts the tests in the background has Ctrl-C ignored, and all their processes with them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
