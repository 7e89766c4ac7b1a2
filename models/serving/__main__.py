"""The worker's start: load the models, say so on stdout, serve until told to end."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog
import torch
from aiohttp import web

from models.checkpoints import BROKEN_CHECKPOINT, EMBEDDED, CheckpointError, resolve, resolve_embedding, write_json
from models.serving.embeddings import Embedder
from models.serving.lane import Lane
from models.serving.loading import Room, load, pick_device
from models.serving.runner import Runner
from models.serving.server import Server

DRAIN_SECONDS = 20.0
CANNOT_LISTEN = 75  # exit code: a temporary failure, as in sysexits.h
DIED = 70  # exit code: the computing thread ended by an error


def main() -> int:
    options = _options()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    if options.watch_stdin:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    if options.threads:
        torch.set_num_threads(options.threads)
    started = time.monotonic()
    try:
        loaded = Loaded.from_options(options)
    except CheckpointError as error:
        write_json(event="failed", words=error.words, remedy=error.remedy)
        sys.stderr.write(f"{error.words}\n{error.remedy}\n")
        return BROKEN_CHECKPOINT
    return asyncio.run(serve(loaded, options, started))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m models.serving", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument(
        "--model", action="append", default=[], metavar="NAME=MODEL", help="folder, hub id or embedded, by a name"
    )
    parser.add_argument("--embedding", default=EMBEDDED, metavar="MODEL", help="folder, hub id, embedded or none")
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--slots", type=int, default=8, help="requests computed together")
    parser.add_argument("--queue", type=int, default=256, help="requests that may wait")
    parser.add_argument("--context", type=int, default=8192, help="most tokens of prompt and answer")
    parser.add_argument("--cache-mib", type=int, default=1024, help="memory for keys and values, in MiB, a model")
    parser.add_argument("--chunk", type=int, default=256, help="prompt tokens read in one step")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 ...")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 leaves it to torch")
    parser.add_argument("--watch-stdin", action="store_true", help="end when stdin is closed")
    return parser.parse_args()


@dataclass(frozen=True, slots=True)
class Loaded:
    """What is in memory: a lane by each name, where two names may share one, and the embedding model."""

    lanes: Mapping[str, Lane]
    embedder: Embedder | None

    @staticmethod
    def from_options(options: argparse.Namespace) -> Loaded:
        """Resolve and load every model named. Raises CheckpointError."""
        room = Room(options.slots, options.queue, options.context, options.cache_mib, options.chunk)
        device = pick_device(options.device)
        named = dict(pair.split("=", 1) if "=" in pair else ("parley", pair) for pair in options.model)
        folders: dict[Path, Lane] = {}
        lanes: dict[str, Lane] = {}
        for name, model in (named or {"parley": EMBEDDED}).items():
            folder = resolve(model, options.data_dir, _tell)
            if folder not in folders:
                _tell(0.95, f"Loading {name}")
                folders[folder] = load(folder, room, device)
            lanes[name] = folders[folder]
        if options.embedding == "none":
            return Loaded(lanes, None)
        return Loaded(lanes, Embedder(resolve_embedding(options.embedding, options.data_dir, _tell), device))


async def serve(loaded: Loaded, options: argparse.Namespace, started: float) -> int:
    """Serve until a signal, then let the answers under way end. Returns the exit code."""
    loop = asyncio.get_running_loop()
    ended, code = asyncio.Event(), 0

    def die() -> None:
        nonlocal code
        code = DIED
        loop.call_soon_threadsafe(ended.set)

    lanes = list({id(lane): lane for lane in loaded.lanes.values()}.values())
    with Runner(lanes, loaded.embedder, die) as runner:
        token = os.environ.get("PARLEY_WORKER_TOKEN", "")
        server = Server(runner, loaded.lanes, embeds=loaded.embedder is not None, token=token)
        site = web.AppRunner(
            server.application(), handler_cancellation=True, access_log=None, shutdown_timeout=DRAIN_SECONDS
        )
        await site.setup()
        try:
            try:
                await web.TCPSite(site, options.host, options.port).start()
            except OSError as error:
                sys.stderr.write(f"Cannot listen on {options.host}:{options.port}: {error.strerror}\n")
                return CANNOT_LISTEN
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, ended.set)
            names = [*loaded.lanes, *(["embedding"] if loaded.embedder else [])]
            write_json(event="ready", seconds=round(time.monotonic() - started, 1), models=names)
            await ended.wait()
            server.draining = True
        finally:
            # closes the door, and waits for the answers under way
            await site.cleanup()
    return code


def _tell(fraction: float, words: str) -> None:
    write_json(event="progress", fraction=fraction, words=words)


def _end_with_parent() -> None:
    """Nobody is left to read the answers: end at once."""
    # not through sys.stdin, whose lock would be held by this thread when the interpreter ends
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
