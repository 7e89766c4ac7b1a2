"""doctor: every setting and part looked at, each with what to do about it."""

from __future__ import annotations

import asyncio
import importlib.metadata
import importlib.util
import shutil
import socket
import sys
from dataclasses import dataclass
from typing import Literal

import psutil
from rich.console import Console
from rich.table import Table

from bot.database import Database
from bot.errors import StoreError
from bot.settings import Settings
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
    findings = [_python(), *_packages(), await asyncio.to_thread(_disk, settings), _memory(settings), _port(settings)]
    findings.append(await _database(settings))
    findings += [await _engine(settings)] if settings.engine_url else await _worker(settings)
    return [*findings, _web(settings)]


def report(findings: list[Finding], console: Console) -> int:
    """Print the findings. Returns the exit code: 1 when one is an error."""
    table = Table("", "part", "what", "to do", box=None, pad_edge=False)
    for one in findings:
        table.add_row(f"[{STYLES[one.level]}]{one.level}[/]", one.part, one.words, one.remedy)
    console.print(table)
    models = Table("GPU memory", "MODEL", "good for", title="\nModels to choose from", title_justify="left", box=None)
    for row in RECOMMENDED:
        models.add_row(*row)
    console.print(models)
    return 1 if any(one.level == "error" for one in findings) else 0


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", "ok", version)


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
            async with database.read() as connection:
                await connection.exec_driver_sql("SELECT count(*) FROM alembic_version")
        except StoreError as error:
            remedy = "Is it Parley's? Is the server up? DATABASE_URL names it; a backup can be put in its place."
            return Finding("database", "error", f"{shown}: {error.detail.splitlines()[0][:120]}", remedy)
    return Finding("database", "ok", shown)


async def _engine(settings: Settings) -> Finding:
    key = settings.engine_api_key.get_secret_value() or "none"
    async with EngineClient(settings.engine_url, key) as client:
        try:
            names = await client.models()
        except EngineError as error:
            remedy = "Start that server, or correct ENGINE_URL and ENGINE_API_KEY."
            return Finding("engine", "error", f"{settings.engine_url}: {error.detail[:120]}", remedy)
    wanted = {settings.model_for(scenario) for scenario in ("chat", "translate", "support")}
    if missing := wanted - set(names):
        remedy = f"It serves: {', '.join(names)[:120]}. Set MODEL to one of these."
        return Finding("engine", "error", f"serves no {', '.join(sorted(missing))}", remedy)
    return Finding("engine", "ok", f"{settings.engine_url} serves {', '.join(names)[:120]}")


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
    tokens = said[-1].usage.completion_tokens if said[-1].usage else 0
    findings = [Finding("worker", "ok", f"on {settings.device}; answered with {tokens} tokens")]
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
