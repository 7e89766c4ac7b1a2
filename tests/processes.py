"""`python -m bot` as tests start it, and the folder where they keep the built-in model."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Any

import psutil

from bot.bench import processes
from bot.bench.processes import ROOT

__all__ = ["DATA", "ROOT", "apart", "bot"]

DATA = Path(os.environ.get("PARLEY_TEST_DATA", ROOT / "build" / "test-data"))
"""Where the built-in model is kept, converted once, between runs."""

QUIET = {"RETRAIN_CRON": "off", "DIGEST_CRON": "off"}
"""Whatever the time of day is."""


def apart(**settings: str) -> dict[str, Any]:
    """The environment and the folder of a process that knows `settings` and no others."""
    DATA.mkdir(parents=True, exist_ok=True)
    return processes.apart(DATA, **settings)


def command_of(process: psutil.Process) -> list[str]:
    """Its words; none when it has just ended."""
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


async def bot(*words: str, settings: dict[str, str], **pipes: Any) -> asyncio.subprocess.Process:
    """`python -m bot` with these words, just started."""
    DATA.mkdir(parents=True, exist_ok=True)
    return await processes.bot(DATA, *words, settings=QUIET | settings, **pipes)
