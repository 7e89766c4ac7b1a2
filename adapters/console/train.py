"""`train`: a run from the command line, beside a running bot or without one, with its progress."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import signal
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from adapters.console.training import check_scenario, stores_alone
from bot.errors import StoreError, UserError
from bot.hosts import BEAT_SECONDS, Hosts
from bot.interrupts import signals_to
from bot.learning.curation import build
from bot.learning.dataset import Dataset
from bot.learning.drafting import retraining_over
from bot.learning.retraining import Retraining
from bot.learning.runs import Run
from bot.parley import open_awake, open_engine, open_stores
from bot.scenarios.catalogue import catalogue
from bot.settings import SCENARIOS, Settings
from bot.stores import Stores
from models.durable import read_json

log = structlog.get_logger(__name__)

READS = "support"
"""The scenario whose prompts hold passages, which the embedding model finds."""
REASONS = 12
COUNTED = ("flagged", "golden", "safety")
"""The sets of a report whose figures are numbers of answers."""


async def train(settings: Settings, scenario: str, console: Console, *, dry_run: bool, force: bool) -> int:
    """Train one scenario, or each that has something new. The exit code is 1 when one did not come to a verdict."""
    if scenario:
        check_scenario(scenario)
    ended: list[Run] = []
    for name in (scenario,) if scenario else SCENARIOS:
        async with stores_with_encoder(settings, name, console) as stores:
            if dry_run:
                await _foresee(settings, stores, name, console, quiet=not scenario)
                continue
            try:
                ended.append(await _train(settings, stores, name, console, force=force))
            except UserError as error:
                if scenario:
                    raise
                console.print(error.words, style="dim", markup=False)
    return 1 if any(run.state in ("failed", "stopped") for run in ended) else 0


@contextlib.asynccontextmanager
async def stores_with_encoder(settings: Settings, scenario: str, console: Console) -> AsyncIterator[Stores]:
    """The store; with the encoder where prompts are made of passages."""
    if scenario != READS:
        async with stores_alone(settings) as stores:
            yield stores
        return
    async with stores_alone(settings) as stores:
        documents = await stores.library.list("")
    async with contextlib.AsyncExitStack() as stack:
        if not documents:
            yield await stack.enter_async_context(stores_alone(settings))
            return
        engine, keeper, _worker = await stack.enter_async_context(open_engine(settings))
        with console.status("The encoder is loading"):
            if not await keeper.wait_ready():
                raise UserError(keeper.words)
        yield await stack.enter_async_context(open_stores(settings, engine))


async def _train(settings: Settings, stores: Stores, scenario: str, console: Console, *, force: bool) -> Run:
    hosts = Hosts(stores.database)
    await hosts.enter()
    shown = Shown(console)
    retraining = retraining_over(
        settings, stores, hosts, catalogue(), partial(open_awake, settings), told=shown.wordings
    )
    beating = asyncio.create_task(_beat(hosts))
    try:
        with _stoppable(retraining, stores, console), shown:
            run = await retraining.train(scenario, by=getpass.getuser(), force=force, watch=shown.event)
    finally:
        beating.cancel()
        await asyncio.wait([beating])
        await hosts.leave()
    _tell(settings, run, console)
    return run


async def _beat(hosts: Hosts) -> None:
    while True:
        await asyncio.sleep(BEAT_SECONDS)
        try:
            await hosts.beat()
        except StoreError as error:  # a later one may pass before the others take this host for dead
            log.warning("beat_failed", detail=error.detail)


@contextlib.contextmanager
def _stoppable(retraining: Retraining, stores: Stores, console: Console) -> Any:
    """Ctrl-C stops the run for good, and says so in the store. Before there is a run, it ends the preparations."""
    tasks: set[asyncio.Task[None]] = set()
    training = asyncio.current_task()
    assert training is not None

    def stop() -> None:
        if retraining.current is None:
            console.print("Stopped before anything was trained.")
            training.cancel()
        else:
            console.print("Stopping the run.")
            tasks.add(asyncio.create_task(stores.runs.ask_to_stop(retraining.current.id)))

    with signals_to(stop, signal.SIGINT, signal.SIGTERM):
        yield


class Shown:
    """A trainer's events as a bar for each stage; a line a stage where nobody watches."""

    def __init__(self, console: Console) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._console = console
        self._bar = Progress(*columns, console=console, disable=not console.is_terminal)
        self._tasks: dict[str, TaskID] = {}
        self._said = ""

    def __enter__(self) -> Shown:
        self._bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._bar.stop()

    def event(self, event: dict[str, Any]) -> None:
        stage, words = str(event.get("stage", "")), str(event.get("words") or "")
        if words and words != self._said and stage != "gate":
            self._said = words
            self._bar.console.print(f"{stage}: {words}", markup=False, highlight=False)
        if event.get("steps"):
            self._step(stage, event)

    def wordings(self, done: int, of: int) -> None:
        """Questions are put in other words, before the run begins."""
        self._step("wordings", {"step": done, "steps": of})

    def _step(self, stage: str, event: dict[str, Any]) -> None:
        steps, step = int(event["steps"]), int(event.get("step") or 0)
        task = self._tasks.get(stage)
        if task is None:
            task = self._tasks[stage] = self._bar.add_task(stage, total=steps)
        loss = f" loss {float(event['loss']):.3f}" if event.get("loss") is not None else ""
        self._bar.update(task, completed=step, total=steps, description=f"{stage}{loss}")
        quarter = max(1, steps // 4)
        if not self._console.is_terminal and (step % quarter == 0 or step == steps):
            self._console.print(f"{stage}: {step} of {steps}{loss}", markup=False, highlight=False)


def _tell(settings: Settings, run: Run, console: Console) -> None:
    """What a run came to, and what the gate counted."""
    report = read_json(settings.runs / run.id / "report.json")
    table = Table("set", "items", "right before", "right now", box=None)
    for name, counted in (report.get("sets") or {}).items():
        if name in COUNTED and {"n", "candidate", "incumbent"} <= counted.keys():
            table.add_row(name, *(f"{counted[key]}" for key in ("n", "incumbent", "candidate")))
    if table.row_count:
        console.print(table)
    style = {"promoted": "green", "rejected": "yellow", "inconclusive": "yellow", "ready": "yellow"}.get(
        run.state, "red"
    )
    what = {
        "promoted": "is in service", "rejected": "did not pass the gate", "inconclusive": "waits for you to decide",
        "ready": "waits for you to promote it",
    }.get(run.state, run.state)  # fmt: skip
    console.print(f"{run.adapter} {what}.", style=style, markup=False, highlight=False)
    console.print(run.words, markup=False, highlight=False)
    if run.state in ("inconclusive", "ready"):
        console.print(f"`python -m bot promote {run.adapter}` puts it into service.", markup=False)


async def _foresee(settings: Settings, stores: Stores, scenario: str, console: Console, *, quiet: bool) -> None:
    """Say what would be trained; nothing is written."""
    dataset = await build(stores, settings, scenario, catalogue())
    if quiet and not dataset.rows and not dataset.dropped:
        return
    console.print(f"/{scenario}: dataset {dataset.name}", style="bold", markup=False)
    for name, count in dataset.counts.items():
        console.print(f"  {name}: {count}", markup=False, highlight=False)
    for reason, count in _reasons(dataset):
        console.print(f"  left out, {count}: {reason}", markup=False, highlight=False)
    if dataset.held:
        console.print(f"  nothing may be promoted from it: {dataset.held}", style="yellow", markup=False)


def _reasons(dataset: Dataset) -> list[tuple[str, int]]:
    return Counter(dataset.dropped.values()).most_common(REASONS)
