"""`knowledge`: documents taken in from the command line, with a progress bar."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from bot.errors import UserError
from bot.knowledge.library import Added, Library
from bot.knowledge.reading import KINDS
from bot.parley import open_engine, open_stores
from bot.settings import Settings
from models.engine import EngineClient

SERVER = ""
READY_SECONDS = 180.0


async def add_documents(settings: Settings, paths: list[Path], console: Console) -> int:
    """Take files and folders in. The exit code is 1 when one of them could not be read."""
    files = await asyncio.to_thread(_files, paths)
    outcomes: Counter[str] = Counter()
    passages = 0
    async with open_engine(settings) as (engine, keeper, _worker), open_stores(settings, engine) as stores:
        with console.status("The model is loading"):
            if not await keeper.wait_ready():
                raise UserError(keeper.words)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
            task = bar.add_task("Reading", total=len(files))
            for number, path in enumerate(files, 1):
                bar.update(task, description=path.name[:40])
                try:
                    added = await _add(stores.library, path)
                    outcomes[added.outcome] += 1
                    passages += added.passages
                except UserError as error:
                    outcomes["refused"] += 1
                    console.print(f"{path.name}: {error.words}", style="yellow")
                bar.advance(task)
                if not console.is_terminal and (number % 25 == 0 or number == len(files)):
                    console.print(f"{number} of {len(files)} files")
    words = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    console.print(f"{len(files)} files: {words}; {passages} passages.")
    return 1 if outcomes["refused"] else 0


async def list_documents(settings: Settings, console: Console) -> int:
    """Print what there is."""
    async with open_stores(settings, no_engine(settings)) as stores:
        documents = await stores.library.list(SERVER)
    if not documents:
        console.print("No documents yet; `knowledge add FOLDER` takes some in.")
        return 0
    table = Table("title", "passages", "kB", "added", "path")
    for one in documents:
        added = one.added.astimezone().strftime("%Y-%m-%d %H:%M")
        table.add_row(one.title, str(one.passages), str(one.size // 1000), added, one.path)
    console.print(table)
    return 0


async def remove_document(settings: Settings, path: str) -> int:
    """Remove one."""
    resolved = str(await asyncio.to_thread(Path(path).absolute))
    async with open_stores(settings, no_engine(settings)) as stores:
        if not (await stores.library.remove(SERVER, path) or await stores.library.remove(SERVER, resolved)):
            raise UserError(f"There is no document {path}; `knowledge list` shows what there is.")
    print(f"Removed {path}.")
    return 0


async def _add(library: Library, path: Path) -> Added:
    try:
        content, full = await asyncio.to_thread(lambda: (path.read_bytes(), str(path.absolute())))
    except OSError as error:
        raise UserError(f"it cannot be read ({error.strerror})") from error
    return await library.add(SERVER, full, content)


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
