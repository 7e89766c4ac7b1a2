"""The command line as a process of its own, over an engine that answers at once."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Awaitable[Ended]]


@pytest.fixture
def run(tmp_path: Path, instant_url: str) -> Run:
    """Runs `python -m bot ...` with a fresh store; keyword arguments are settings, `typed` is what is typed."""

    async def run(*arguments: str, typed: str | None = None, **settings: str) -> Ended:
        usual = {"DATA_DIR": str(tmp_path), "DATABASE_URL": "", "ENGINE_URL": instant_url, "MODEL": "parley"}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", *arguments, cwd=ROOT, env=os.environ | usual | settings,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate(typed.encode() if typed is not None else None)
        assert process.returncode is not None
        return Ended(process.returncode, out.decode(), err.decode())

    return run
