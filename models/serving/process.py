"""The serving process: models in memory, one computing thread, one event loop, a polite end."""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
import torch
from aiohttp import web

from models.checkpoints import write_json
from models.serving.adapters import AdapterError
from models.serving.embeddings import Embedder
from models.serving.loading import Room, load_any, pick_device
from models.serving.registry import Registry
from models.serving.resident import Resident
from models.serving.runner import Runner
from models.serving.server import Server

log = structlog.get_logger(__name__)

DRAIN_SECONDS = 20.0
IDLE_SECONDS = 75.0
"""A connection without a whole request is closed after this, so that half-open ones do not pile up."""
CANNOT_LISTEN = 75  # exit code: a temporary failure, as in sysexits.h
DIED = 70  # exit code: the computing thread ended by an error


@dataclass(frozen=True, slots=True)
class Loaded:
    """What is in memory: a lane by each name, where two names may share one, and the embedding model."""

    lanes: Mapping[str, Resident]
    embedder: Embedder | None


def run(models: Mapping[str, Path], embedding: Path | None, options: argparse.Namespace, started: float) -> int:
    """Load and serve; `models` are folders by name. Returns the exit code. Raises CheckpointError."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    if options.threads:
        torch.set_num_threads(options.threads)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # each connection is an open file
    device = pick_device(options.device)
    room = Room(options.slots, options.queue, options.context, options.cache_mib, options.chunk)
    folders = {folder: load_any(folder, room, device, options.quantize) for folder in dict.fromkeys(models.values())}
    lanes = {name: folders[folder] for name, folder in models.items()}
    loaded = Loaded(lanes, Embedder(embedding, device) if embedding is not None else None)
    return asyncio.run(serve(loaded, options, started))


async def _put_back(registry: Registry, adapters: Sequence[str]) -> None:
    """The adapters that are in service from the start; one that cannot be is told and does not stop the others."""
    for name, _, path in (pair.partition("=") for pair in adapters):
        try:
            await registry.load(name, path)
        except AdapterError as error:
            write_json(event="adapter_unloaded", name=name)
            log.error("adapter_refused", adapter=name, words=error.words)
        else:
            write_json(event="adapter_loaded", name=name, path=path)


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
        registry = Registry(loaded.lanes, options.data_dir / "checkpoints", options.adapters)
        await _put_back(registry, options.adapter)
        server = Server(runner, loaded.lanes, registry, embeds=loaded.embedder is not None, token=token)
        site = web.AppRunner(
            server.application(), handler_cancellation=True, access_log=None, shutdown_timeout=DRAIN_SECONDS,
            keepalive_timeout=IDLE_SECONDS,
        )  # fmt: skip
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
            seconds, device = round(time.monotonic() - started, 1), str(pick_device(options.device))
            write_json(event="ready", seconds=seconds, models=names, device=device)
            await ended.wait()
            server.draining = True
        finally:
            # closes the door, and waits for the answers under way
            await site.cleanup()
    return code
