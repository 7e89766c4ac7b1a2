"""`knowledge`: documents taken in from the command line, with a progress bar."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich import filesize
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from bot.errors import UserError
from bot.knowledge.library import Added, Library
from bot.knowledge.reading import KINDS
from bot.parley import open_engine, open_stores
from bot.request import one_line
from bot.settings import Settings
from models.engine import EngineClient

_COLUMNS = (TextColumn("{task.description}"), BarColumn())


async def add_documents(settings: Settings, paths: list[Path], console: Console, server: str = "") -> int:
    """Take files and folders in. The exit code is 1 when one of them could not be read."""
    files = await asyncio.to_thread(_files, paths)
    outcomes: Counter[str] = Counter()
    passages = 0
    async with open_engine(settings) as (engine, keeper, _worker), open_stores(settings, engine) as stores:
        with console.status("The model is loading"):
            if not await keeper.wait_ready():
                raise UserError(keeper.words)
        with Progress(
            *_COLUMNS, MofNCompleteColumn(), TimeRemainingColumn(), console=console, disable=not console.is_terminal
        ) as bar:
            task = bar.add_task("Reading", total=len(files))
            for number, path in enumerate(files, 1):
                bar.update(task, description=path.name[:40])
                try:
                    added = await _add(stores.library, server, path, partial(_advance, bar, task, number - 1))
                    outcomes[added.outcome] += 1
                    passages += added.passages
                except UserError as error:
                    outcomes["refused"] += 1
                    named = "" if error.words.startswith(path.name) else f"{path.name}: "
                    console.print(f"{named}{error.words}", style="yellow", markup=False, highlight=False)
                bar.update(task, completed=number)
                if not console.is_terminal and (number % 25 == 0 or number == len(files)):
                    console.print(f"{number} of {_count(len(files), 'file')}", highlight=False)
    words = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    console.print(f"{_count(len(files), 'file')}: {words}; {_count(passages, 'passage')}.", highlight=False)
    return 1 if outcomes["refused"] else 0


async def list_documents(settings: Settings, console: Console, server: str = "") -> int:
    """Print what there is."""
    async with open_stores(settings, no_engine(settings)) as stores:
        documents = await stores.library.list(server)
    if not documents:
        console.print("No documents yet; `knowledge add FOLDER` takes some in.")
        return 0
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("title", max_width=36)
    for name in ("passages", "size", "added"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("path", overflow="fold")  # whole: `knowledge remove` takes it
    for one in documents:
        added = one.added.astimezone().strftime("%Y-%m-%d %H:%M")
        table.add_row(escape(one.title), str(one.passages), filesize.decimal(one.size), added, escape(one.path))
    console.print(table)
    console.print(_count(len(documents), "document"), highlight=False, style="dim")
    return 0


async def reindex_documents(settings: Settings, console: Console, server: str = "") -> int:
    """Encode what was read with another embedding model once more, from what is stored."""
    async with open_engine(settings) as (engine, keeper, _worker), open_stores(settings, engine) as stores:
        with console.status("The model is loading"):
            if not await keeper.wait_ready():
                raise UserError(keeper.words)
        with Progress(*_COLUMNS, console=console, disable=not console.is_terminal) as bar:
            task = bar.add_task("Encoding", total=1.0)
            done = await stores.library.reindex(server, lambda part: bar.update(task, completed=part))
        left = await stores.library.stale(server)
    if left:
        raise UserError(f"{_count(left, 'document')} could not be encoded: no embedding model is served. Run doctor.")
    console.print(f"{_count(done, 'document')} encoded anew.", highlight=False)
    return 0


async def list_gaps(settings: Settings, console: Console) -> int:
    """Print the questions that no document answered, as what to write about next."""
    async with open_stores(settings, no_engine(settings)) as stores:
        found = await stores.gaps.open(None)
    if not found:
        console.print("No open questions: everything that was asked could be answered.")
        return 0
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("asked", no_wrap=True)
    table.add_column("server", overflow="fold")
    table.add_column("question", overflow="fold")
    for gap in found:
        asked = gap.created.astimezone().strftime("%Y-%m-%d %H:%M")
        question = Text(one_line(gap.question, 300))
        if gap.handed_over:
            question.append("  a person was asked for", style="yellow")
        table.add_row(asked, Text(gap.server or "web, console"), question)
    console.print(table)
    console.print(_count(len(found), "open question"), highlight=False, style="dim")
    return 0


async def remove_document(settings: Settings, path: str, server: str = "") -> int:
    """Remove one, or all below a folder."""
    resolved = await asyncio.to_thread(os.path.abspath, path)
    async with open_stores(settings, no_engine(settings)) as stores:
        if await stores.library.remove(server, path) or await stores.library.remove(server, resolved):
            print(f"Removed {path}.")
            return 0
        below = [one for one in await stores.library.list(server) if one.path.startswith(f"{resolved}{os.sep}")]
        for one in below:
            await stores.library.remove(server, one.id)
    if not below:
        raise UserError(f"There is no document {path}; `knowledge list` shows what there is.")
    print(f"Removed {_count(len(below), 'document')} below {path}.")
    return 0


def _advance(bar: Progress, task: TaskID, before: int, part: float) -> None:
    """A large file moves the bar while it is read."""
    bar.update(task, completed=before + part)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


async def _add(library: Library, server: str, path: Path, progress: Callable[[float], None]) -> Added:
    try:
        content, full = await asyncio.to_thread(lambda: (path.read_bytes(), os.path.abspath(path)))
    except OSError as error:
        raise UserError(f"it cannot be read ({error.strerror})") from error
    return await library.add(server, full, content, progress)


def _files(paths: list[Path]) -> list[Path]:
    """The files named, and those of a kind we read in the folders named."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(one for one in path.rglob("*") if one.suffix.lower() in KINDS and one.is_file())
        elif path.is_file():
            found.append(path)
        else:
            raise UserError(f"There is no file or folder {path}.")
    if not found:
        raise UserError("There is no Markdown, text, HTML or PDF file there.")
    return found


def no_engine(settings: Settings) -> EngineClient:
    """A client that is never asked: listing and removing need no model."""
    return EngineClient(settings.engine_url or "http://127.0.0.1:9")
