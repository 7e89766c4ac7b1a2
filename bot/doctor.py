"""doctor: every setting and part looked at, each with what to do about it."""

from __future__ import annotations

import asyncio
import difflib
import importlib.metadata
import importlib.util
import os
import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import psutil
import sqlalchemy as sa
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.database import Database
from bot.errors import StoreError, UserError
from bot.knowledge.library import documents
from bot.settings import LOOPBACK, SCENARIOS, Settings
from models.engine import EngineClient, EngineError, Message, Sampling

Level = Literal["ok", "warning", "error"]
STYLES = {"ok": "green", "warning": "yellow", "error": "red"}
GIB = 2**30

RECOMMENDED = (
    ("none (CPU)", "embedded (SmolLM2-135M)", "a demonstration: tutor, story, support; poor at translation"),
    ("4 GB", "HuggingFaceTB/SmolLM2-1.7B-Instruct", "short answers in English"),
    ("8 GB", "Qwen/Qwen2.5-3B-Instruct", "many languages"),
    ("16 GB", "Qwen/Qwen2.5-7B-Instruct", "good all-round"),
    ("24 GB and more", "Qwen/Qwen2.5-14B-Instruct", "best of these"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `remedy` says what to do when it is not ok."""

    part: str
    level: Level
    words: str
    remedy: str = ""


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything; nothing is changed, and the worker is started only when no other engine is set."""
    findings = [
        _versions(),
        *_packages(),
        *await asyncio.to_thread(_misspelt),
        await asyncio.to_thread(_disk, settings),
    ]
    findings += [_memory(settings), _port(settings), await _database(settings)]
    findings += await (_engine(settings) if settings.engine_url else _worker(settings))
    return [*findings, _web(settings), links(settings)]


def report(findings: list[Finding], console: Console) -> int:
    """Print the findings. Returns the exit code: 1 when one is an error."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    for _ in range(3):
        table.add_column(overflow="fold")
    for one in findings:
        words = Text(one.words)
        if one.remedy:
            # Under what it is about: a column of its own would leave both too narrow to read.
            words.append(f"\n→ {one.remedy}", style="bold" if one.level == "error" else "")
        table.add_row(Text(one.level, style=STYLES[one.level]), Text(one.part, style="bold"), words)
    console.print(table)
    if any(one.part == "model" and one.level != "ok" for one in findings):
        console.print(_models())
    levels = [one.level for one in findings]
    console.print(f"\n{_told(levels.count('error'), levels.count('warning'))}", highlight=False)
    return 1 if "error" in levels else 0


def _models() -> Table:
    models = Table(box=None, pad_edge=False, title="\nModels to choose from", title_justify="left", title_style="bold")
    models.add_column("GPU memory", no_wrap=True)
    models.add_column("MODEL", no_wrap=True)  # to be copied whole
    models.add_column("good for")
    for row in RECOMMENDED:
        models.add_row(*row)
    return models


def _told(errors: int, warnings: int) -> str:
    """The last line: what it all comes to."""
    if errors:
        return f"{errors} error{'s' if errors > 1 else ''} to mend; what to do stands behind each arrow."
    if warnings:
        return f"Parley can run. {warnings} warning{'s' if warnings > 1 else ''}: see what stands behind each arrow."
    return "All is well."


def _versions() -> Finding:
    python = ".".join(map(str, sys.version_info[:3]))
    return Finding("versions", "ok", f"Parley {importlib.metadata.version('parley')}, Python {python}")


def _misspelt() -> list[Finding]:
    """What stands in `.env` and is no setting: a misspelt one would be left out in silence."""
    if not (path := Path(".env")).is_file():
        return []
    lines = (line.strip() for line in path.read_text(encoding="utf-8", errors="replace").splitlines())
    names = [line.partition("=")[0].strip() for line in lines if "=" in line and not line.startswith("#")]
    known = [name.upper() for name in Settings.model_fields]
    found = []
    for name in (name.removeprefix("export ") for name in names):
        if name.upper() not in known and (near := difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.8)):
            found.append(Finding("settings", "warning", f"{name} in .env is no setting", f"Is {near[0]} meant?"))
    return found


def _packages() -> list[Finding]:
    wanted = ("torch", "transformers", "aiohttp", "openai", "sqlalchemy")
    versions, missing = [], []
    for name in wanted:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return [Finding("packages", "error", f"missing: {', '.join(missing)}", "Run `make run`, which installs them.")]
    return [Finding("packages", "ok", ", ".join(versions))]


def _disk(settings: Settings) -> Finding:
    folder = settings.data_dir
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / GIB
    words = f"{free:.1f} GiB free for {settings.data_dir}"
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding(
            "disk", "error", f"{folder} cannot be written to", "Give Parley's user the right, or set DATA_DIR."
        )
    if free < 0.2:
        return Finding("disk", "error", words, "Free some space, or set DATA_DIR to another disk.")
    if free < 2:
        return Finding("disk", "warning", words, "A model and its adapters want 2 GiB.")
    return Finding("disk", "ok", words)


def _memory(settings: Settings) -> Finding:
    free = psutil.virtual_memory().available / GIB
    if free < 2:
        return Finding("memory", "warning", f"{free:.1f} GiB free", "The small model wants 2 GiB; close something.")
    return Finding("memory", "ok", f"{free:.1f} GiB free")


def _port(settings: Settings) -> Finding:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.web_host, settings.web_port))
        except OSError as error:
            words = f"{settings.web_host}:{settings.web_port}: {error.strerror}"
            return Finding("web port", "warning", words, "Parley may be running already; else set WEB_PORT.")
    return Finding("web port", "ok", f"{settings.web_host}:{settings.web_port} is free")


async def _database(settings: Settings) -> Finding:
    async with Database(settings.database) as database:
        shown = database.url.render_as_string(hide_password=True)
        if database.path is not None and not database.path.exists():
            return Finding("database", "ok", f"{shown} is made at the first start")
        try:
            if not await database.up_to_date():
                return Finding("database", "ok", f"{shown}; its tables are brought up to date at the next start")
            stale = await _stale(database, settings.embedding_model)
        except UserError as error:
            return Finding("database", "error", shown, error.words)
        except StoreError as error:
            remedy = "Is it Parley's? Is the server up? DATABASE_URL names it; a backup can be put in its place."
            return Finding("database", "error", f"{shown}: {error.detail.splitlines()[0][:120]}", remedy)
    if stale:
        words = f"{shown}; read with another EMBEDDING_MODEL and found by their words only: {stale} of the documents"
        return Finding("database", "warning", words, "Run `knowledge reindex`, or set EMBEDDING_MODEL back.")
    return Finding("database", "ok", shown)


async def _stale(database: Database, encoder: str) -> int:
    """How many documents have no vectors of the present encoder."""
    query = sa.select(sa.func.count()).select_from(documents).where(documents.c.encoder != encoder)
    async with database.read() as connection:
        return int((await connection.execute(query)).scalar_one())


async def _engine(settings: Settings) -> list[Finding]:
    from bot.parley import open_engine

    async with open_engine(settings) as (engine, _, _):
        try:
            names = await engine.models()
        except EngineError as error:
            remedy = "Start that server, or correct ENGINE_URL and ENGINE_API_KEY."
            return [Finding("engine", "error", f"{settings.engine_url}: {error.detail[:120]}", remedy)]
        wanted = {settings.model_for(scenario) for scenario in SCENARIOS}
        if missing := wanted - set(names):
            remedy = f"It serves: {', '.join(names)[:120]}. Set MODEL to one of these."
            return [Finding("engine", "error", f"serves no {', '.join(sorted(missing))}", remedy)]
        words = f"{settings.engine_url} serves {', '.join(names)[:120]}"
        return [Finding("engine", "ok", words), await _encoder(engine)]


async def _encoder(engine: EngineClient) -> Finding:
    """Whether the knowledge base can be searched by meaning."""
    try:
        await engine.embed(["a test"])
    except EngineError as error:
        words = f"no embedding model: /support finds documents by their words only ({error.detail[:80]})"
        return Finding("encoder", "warning", words, "Correct EMBEDDING_MODEL, or EMBEDDING_URL where it has a server.")
    return Finding("encoder", "ok", "documents are searched by meaning")


async def _worker(settings: Settings) -> list[Finding]:
    """Start the worker for real and have it say a word."""
    from bot.parley import open_engine

    if importlib.util.find_spec("torch") is None:
        return [Finding("model", "error", "torch is not installed", "Run `make run`, which installs it.")]
    async with open_engine(settings) as (engine, keeper, worker):
        if not await keeper.wait_ready() or worker is None:
            return [Finding("model", "error", worker.words if worker else "", "Correct MODEL, then run doctor again.")]
        try:
            said = [piece async for piece in engine.stream("parley", [Message("user", "Hi")], Sampling(max_tokens=8))]
        except EngineError as error:
            return [Finding("worker", "error", error.detail[:120], "See the log; another MODEL may work.")]
        encoder = await _encoder(engine)
    tokens = said[-1].usage.completion_tokens if said[-1].usage else 0
    findings = [Finding("worker", "ok", f"runs on {worker.device}; answered with {tokens} tokens"), encoder]
    if settings.model == "embedded":
        words = "the built-in SmolLM2-135M is a demonstration model, poor at translation"
        findings.append(Finding("model", "warning", words, "Set MODEL to a larger one; see the table below."))
    else:
        findings.append(Finding("model", "ok", settings.model))
    return findings


def _web(settings: Settings) -> Finding:
    if settings.web_token.get_secret_value():
        return Finding("web page", "ok", "asks for WEB_TOKEN")
    return Finding("web page", "ok", "open to this machine only; set WEB_TOKEN to open it to others")


def links(settings: Settings) -> Finding:
    """Whether the links that /review gives lead anywhere for those who get them."""
    chats = settings.discord_token.get_secret_value() or settings.slack
    if chats and urlsplit(settings.web_address).hostname in LOOPBACK:
        words = "/review gives moderators links that open on this machine only"
        return Finding("console", "warning", words, "Put a proxy in front of the page; set WEB_URL and WEB_TOKEN.")
    who = ", ".join(sorted(settings.console_servers)) or "the owner alone"
    return Finding("console", "ok", f"at {settings.web_address}/review; trained by {who}")
