"""The servers under measurement: our worker, `transformers serve` on the same weights, or any address."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bot.errors import UserError
from bot.settings import Settings
from models.engine import EngineClient
from models.worker import WorkerProcess, free_port, path_command_line

START_SECONDS = 300.0
SERVING_PACKAGES = ("fastapi", "uvicorn")
CACHE_BLOCKS = "128"
"""Blocks of 256 tokens for `transformers serve`, twice what 32 users take; 512 want more memory than a NUMA node may
have."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server of the OpenAI dialect. `pid` is None where it is not ours to look at."""

    name: str
    url: str
    model: str
    token: str = "none"
    pid: int | None = None


@contextlib.asynccontextmanager
async def worker(settings: Settings, users: int) -> AsyncIterator[Server]:
    """Our worker as the bot starts it, with a slot for everybody."""
    process = WorkerProcess(
        models={"parley": settings.model}, embedding="none", data_dir=settings.data_dir, slots=users,
        context=settings.context_tokens, device=settings.device, quantize=settings.quantize,
    )  # fmt: skip
    async with process:
        if not await process.wait_ready(START_SECONDS):
            raise UserError(process.words)
        yield Server("parley", process.url, "parley", process.token, process.pid)


@contextlib.asynccontextmanager
async def transformers_serve(folder: Path) -> AsyncIterator[Server]:
    """The server that comes with transformers, in fp32 and with its continuous batching. Raises UserError."""
    if not all(map(importlib.util.find_spec, SERVING_PACKAGES)):
        raise UserError(
            "`transformers serve` needs two packages more: .venv/bin/python -m pip install -c constraints.txt"
            ' -e ".[bench]". Or leave it out with --alone.'
        )
    port = free_port()
    command = [
        _transformers(), "serve", str(folder), "--continuous-batching", "--cb-num-blocks", CACHE_BLOCKS,
        "--cb-max-batch-tokens", "512", "--dtype", "float32", "--host", "127.0.0.1", "--port", str(port),
        "--log-level", "error",
    ]  # fmt: skip
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    async with _running(command, environment) as process:
        url = f"http://127.0.0.1:{port}"
        await _healthy(url, process)
        yield Server("transformers serve", url, str(folder), pid=process.pid)


async def _healthy(url: str, process: asyncio.subprocess.Process) -> None:
    """Wait until the server says that it is well. Its list of models wants a cache of the hub, which may not exist."""
    async with aiohttp.ClientSession() as session:
        until = time.monotonic() + START_SECONDS
        while process.returncode is None and time.monotonic() < until:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"{url}/health") as response:
                    if response.status == 200:
                        return
            await asyncio.sleep(0.3)
    raise UserError("`transformers serve` did not start; start it by hand to see why, or leave it out with --alone.")


async def address(url: str) -> Server:
    """A server that runs already; the first model it lists is asked. Raises UserError."""
    async with EngineClient(url) as client:
        if not await client.wait_ready(5):
            raise UserError(f"No server of the OpenAI dialect answers at {url}.")
        names = await client.models()
    if not names:
        raise UserError(f"The server at {url} lists no model.")
    return Server(url, url, names[0])


async def checkpoint(settings: Settings) -> Path:
    """The folder of the model's weights. Raises UserError."""
    process = await asyncio.create_subprocess_exec(
        *path_command_line(settings.model, settings.data_dir), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    if process.returncode:
        raise UserError(f"The model {settings.model} cannot be had.")
    return Path(out.decode().strip())


async def quality(folder: Path, quantize: str) -> dict[str, dict[str, Any]]:
    """Perplexity and answers by number format, the weights' own first; in a process of its own. Raises UserError."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "models.serving.quality", "--model", str(folder), "--quantize", quantize,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    out, _ = await process.communicate()
    if process.returncode:
        raise UserError(f"The quality of the model in {folder} cannot be measured.")
    found: dict[str, dict[str, Any]] = json.loads(out)
    return found


def _transformers() -> str:
    beside = Path(sys.executable).with_name("transformers")
    found = str(beside) if beside.is_file() else shutil.which("transformers")
    if found is None:
        raise UserError("The command `transformers` is not installed beside this Python.")
    return found


@contextlib.asynccontextmanager
async def _running(command: list[str], environment: Mapping[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
