"""The worker's start: load the models, say so on stdout, serve until told to end."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import structlog
import torch
from aiohttp import web

from models.checkpoints import CheckpointError, resolve, resolve_embedding
from models.serving.embeddings import Embedder
from models.serving.runner import Runner
from models.serving.server import Server

BROKEN_CHECKPOINT = 3
"""Exit code: starting again will not help, the words on stdout say what will."""
DRAIN_SECONDS = 20.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="parley worker", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--model", action="append", default=[], metavar="NAME=FOLDER_OR_ID")
    parser.add_argument("--embedding", default="embedded", help="folder, hub id, `embedded` or `none`")
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--slots", type=int, default=8, help="requests decoded together")
    parser.add_argument("--queue", type=int, default=256, help="requests that may wait")
    parser.add_argument("--context", type=int, default=2048, help="tokens of prompt and answer")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--watch-stdin", action="store_true", help="end when stdin is closed")
    arguments = parser.parse_args()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    if arguments.watch_stdin:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        asyncio.run(serve(arguments))
    except CheckpointError as error:
        say(event="broken", words=error.words)
        return BROKEN_CHECKPOINT
    return 0


async def serve(arguments: argparse.Namespace) -> None:
    """Load and serve. Raises CheckpointError."""
    started = time.monotonic()
    server = await asyncio.to_thread(load, arguments)
    runner = web.AppRunner(
        server.application(), handler_cancellation=True, access_log=None, shutdown_timeout=DRAIN_SECONDS
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, arguments.host, arguments.port).start()
    except OSError as error:
        raise CheckpointError(
            f"The worker cannot listen on {arguments.host}:{arguments.port} ({error.strerror})."
        ) from error
    say(event="ready", seconds=round(time.monotonic() - started, 1))
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await ended.wait()
    # No new connections; answers under way have DRAIN_SECONDS to end.
    await runner.cleanup()


def load(arguments: argparse.Namespace) -> Server:
    """Every model named, resolved and in memory."""
    device = pick_device(arguments.device)
    named = dict(pair.split("=", 1) if "=" in pair else ("parley", pair) for pair in arguments.model)
    runners: dict[str, Runner] = {}
    folders: dict[Path, Runner] = {}
    for name, model in (named or {"parley": "embedded"}).items():
        folder = resolve(model, arguments.data_dir, lambda part, words: say(event="loading", part=part, words=words))
        say(event="loading", part=0.95, words=f"loading {name}")
        if folder not in folders:
            try:
                folders[folder] = Runner(
                    folder, slots=arguments.slots, context=arguments.context, most_waiting=arguments.queue,
                    device=device,
                )  # fmt: skip
            except (OSError, ValueError, RuntimeError, KeyError) as error:
                raise CheckpointError(f"The model in {folder} cannot be loaded: {_first_line(error)}") from error
        runners[name] = folders[folder]
    embedder = None
    if arguments.embedding != "none":
        embedder = Embedder(resolve_embedding(arguments.embedding, arguments.data_dir), device)
    return Server(runners, embedder, os.environ.get("PARLEY_WORKER_TOKEN", ""))


def pick_device(wanted: str) -> str:
    """The device to compute on; `auto` is the best there is."""
    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def say(**event: object) -> None:
    """One JSON line for who started us."""
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:300]


if __name__ == "__main__":
    sys.exit(main())
