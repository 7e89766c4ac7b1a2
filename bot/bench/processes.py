"""`python -m bot` as benches and tests start it: with settings of their own, and none of whoever starts them.

In the folder that they are started from there may be an `.env` with real tokens, which would be used.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from bot.settings import Settings

ROOT = Path(__file__).parents[2]


def apart(folder: Path, **settings: str) -> dict[str, Any]:
    """The environment and the folder of a process that knows `settings` and no others. `folder` has no `.env`."""
    known = {name.upper() for name in Settings.model_fields}
    kept = {name: value for name, value in os.environ.items() if name.upper() not in known}
    return {"cwd": folder, "env": {**kept, "PYTHONPATH": str(ROOT), **settings}}


async def bot(folder: Path, *words: str, settings: dict[str, str], **pipes: Any) -> asyncio.subprocess.Process:
    """`python -m bot` with these words, just started."""
    alone = apart(folder, **settings)
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "bot", *words, **alone, **pipes)
