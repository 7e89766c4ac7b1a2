"""`feedback`: files of feedback taken in and written from the command line."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing, nullcontext
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from adapters.console.knowledge import no_engine
from bot.errors import UserError
from bot.learning.exports import exported
from bot.learning.imports import Batch, Imported, Importer, Rejected, batches, open_file
from bot.parley import open_stores
from bot.scenarios.catalogue import catalogue
from bot.settings import SCENARIOS, Settings
from bot.stores import Stores
from models.durable import writing

SAY_EVERY = 5000
"""Lines after which a console that is no terminal hears how far it is."""
PART = 200
"""Lines that are written at once."""
STDOUT = Path("-")


async def import_feedback(settings: Settings, path: Path, console: Console) -> int:
    """Take a file in, telling each line that is not taken. Raises UserError when it is no feedback file."""
    counts = Imported()
    with closing(await asyncio.to_thread(open_file, path)) as file:
        size = (await asyncio.to_thread(path.stat)).st_size
        async with open_stores(settings, no_engine(settings)) as stores:
            importer, pending, said = Importer(stores.database), batches(file), 0
            columns = (TextColumn("Importing"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
            shown = Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
            with closing(_Refused(console)) as refused, shown as bar:
                task = bar.add_task("", total=size)
                while (batch := await asyncio.to_thread(_next, pending)) is not None:
                    await importer.take(batch, counts)
                    for one in batch.rejected:
                        refused.tell(one)
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


class _Refused:
    """Tells the lines that are not taken: neighbours with the same reason at once, as a whole file may have it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._alike: list[Rejected] = []

    def tell(self, one: Rejected) -> None:
        """Tell what came before, unless `one` goes on with it."""
        if self._alike and (one.number, one.reason) != (self._alike[-1].number + 1, self._alike[-1].reason):
            self.close()
        self._alike = [*self._alike[:1], one]

    def close(self) -> None:
        """Tell what was not told yet."""
        if not self._alike:
            return
        first, last = self._alike[0].number, self._alike[-1].number
        lines = f"line {first}" if first == last else f"lines {first:,} to {last:,}"
        words = f"{lines}: {self._alike[0].reason}"
        self._console.print(words, style="yellow", markup=False, highlight=False, soft_wrap=True)
        self._alike = []


def _next(pending: Iterator[Batch]) -> Batch | None:
    return next(pending, None)


async def export_feedback(settings: Settings, path: Path, scenario: str, console: Console) -> int:
    """Write what people said of answers to a new file, whole or not at all; "-" is the standard output."""
    if path != STDOUT and await asyncio.to_thread(path.exists):
        raise UserError(f"{path} exists already; name a new file.")
    if scenario and scenario not in SCENARIOS:
        raise UserError(f"There is no scenario {scenario}; there are {', '.join(SCENARIOS)}.")
    left_out, written = Counter[str](), 0
    try:
        with nullcontext(sys.stdout) if path == STDOUT else writing(path) as file:
            async with open_stores(settings, no_engine(settings)) as stores:
                lines = _exported(stores, settings, [scenario] if scenario else SCENARIOS, left_out)
                with Progress(TextColumn("{task.completed:,} lines"), console=console, transient=True,
                              disable=not console.is_terminal) as bar:  # fmt: skip
                    task = bar.add_task("", total=None)
                    async for part in lines:
                        await asyncio.to_thread(file.writelines, part)
                        written += len(part)
                        bar.update(task, completed=written)
                        if not console.is_terminal and written // SAY_EVERY > (written - len(part)) // SAY_EVERY:
                            console.print(f"{written:,} lines")
            await asyncio.to_thread(file.flush)
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror}).") from error
    console.print(f"{written} lines in {path}.", markup=False, highlight=False, soft_wrap=True)
    for reason, count in left_out.most_common():
        console.print(f"{count} left out: {reason}", style="yellow", markup=False, soft_wrap=True)
    return 0


async def _exported(
    stores: Stores, settings: Settings, scenarios: Sequence[str], left_out: Counter[str]
) -> AsyncIterator[list[str]]:
    """The lines, some at a time."""
    router, part = catalogue(), []
    for name in scenarios:
        async for line in exported(stores, settings, name, router, left_out):
            part.append(json.dumps(line, ensure_ascii=False) + "\n")
            if len(part) == PART:
                yield part
                part = []
    if part:
        yield part
