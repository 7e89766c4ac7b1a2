"""`feedback`: files of feedback taken in and written from the command line."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from adapters.console.knowledge import no_engine
from bot.errors import UserError
from bot.learning.exports import exported
from bot.learning.imports import Batch, Imported, Importer, batches, open_file
from bot.parley import open_stores
from bot.scenarios.catalogue import catalogue
from bot.settings import SCENARIOS, Settings
from models.durable import write_text

SAY_EVERY = 5000
"""Lines after which a console that is no terminal hears how far it is."""


async def import_feedback(settings: Settings, path: Path, console: Console) -> int:
    """Take a file in, telling each line that is not taken. Raises UserError when it is no feedback file."""
    counts = Imported()
    with closing(await asyncio.to_thread(open_file, path)) as file:
        size = (await asyncio.to_thread(path.stat)).st_size
        async with open_stores(settings, no_engine(settings)) as stores:
            importer, pending, said = Importer(stores.database), batches(file), 0
            columns = (TextColumn("Importing"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
            with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
                task = bar.add_task("", total=size)
                while (batch := await asyncio.to_thread(_next, pending)) is not None:
                    await importer.take(batch, counts)
                    for one in batch.rejected:
                        console.print(f"line {one.number}: {one.reason}", style="yellow", markup=False, soft_wrap=True)
                    bar.update(task, completed=batch.read)
                    if not console.is_terminal and counts.lines - said >= SAY_EVERY:
                        said = counts.lines
                        console.print(f"{counts.lines:,} lines, {batch.read * 100 // size} %")
    console.print(summary(counts), markup=False, highlight=False, soft_wrap=True)
    return 0


def summary(counts: Imported) -> str:
    """What an import came to, in a line or two."""
    named = {"approved": "approved", "waiting": "waiting for review", "golden": "golden", "known": "there already"}
    parts = [f"{counts.outcomes[key]} {words}" for key, words in named.items()]
    told = f"{counts.lines} lines: {', '.join(parts)}, {counts.rejected} rejected."
    if counts.redacted:
        told += f" Personal data or secrets were taken out of {counts.redacted}."
    return told


def _next(pending: Iterator[Batch]) -> Batch | None:
    return next(pending, None)


async def export_feedback(settings: Settings, path: Path, scenario: str, console: Console) -> int:
    """Write what people said of answers to a new file, whole or not at all."""
    if await asyncio.to_thread(path.exists):
        raise UserError(f"{path} exists already; name a new file.")
    if scenario and scenario not in SCENARIOS:
        raise UserError(f"There is no scenario {scenario}; there are {', '.join(SCENARIOS)}.")
    left_out, lines = Counter[str](), []
    async with open_stores(settings, no_engine(settings)) as stores:
        for name in [scenario] if scenario else SCENARIOS:
            async for line in exported(stores, settings, name, catalogue(), left_out):
                lines.append(json.dumps(line, ensure_ascii=False))
    try:
        await asyncio.to_thread(write_text, path, "".join(f"{line}\n" for line in lines))
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror}).") from error
    console.print(f"{len(lines)} lines in {path}.", markup=False, highlight=False, soft_wrap=True)
    for reason, count in left_out.most_common():
        console.print(f"{count} left out: {reason}", style="yellow", markup=False, soft_wrap=True)
    return 0
