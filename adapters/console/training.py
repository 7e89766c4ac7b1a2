"""`runs`, `promote`, `rollback`: training from the command line, beside a running bot or without one."""

from __future__ import annotations

import contextlib
import getpass
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from bot.database import Database
from bot.errors import UserError
from bot.learning.registry import Registry, Service
from bot.learning.runs import Run
from bot.settings import SCENARIOS, Settings

if TYPE_CHECKING:
    from bot.stores import Stores


@contextlib.asynccontextmanager
async def stores_alone(settings: Settings) -> AsyncIterator[Stores]:
    """The store without a model: what is done here needs none."""
    from bot.parley import open_stores
    from models.engine import EngineClient

    async with EngineClient("http://127.0.0.1:9") as nobody, open_stores(settings, nobody) as stores:
        yield stores


async def list_runs(settings: Settings, scenario: str, console: Console) -> int:
    """Print the runs, and what is in service."""
    async with stores_alone(settings) as stores:
        found = await stores.runs.recent(scenario)
        services = await stores.registry.services()
    if not found:
        console.print("No runs yet; `train` starts one when there is something to learn.")
        return 0
    table = Table("adapter", "state", "begun", "by", "why", "run", box=None, pad_edge=False)
    for column in (0, 1, 5):  # what is typed or told apart by is never cut
        table.columns[column].overflow = "fold"
        table.columns[column].no_wrap = True
    serving = {name for service in services for name in service.names}
    for run in found:
        state = "in service" if run.adapter in serving and run.state == "promoted" else run.state.replace("_", " ")
        table.add_row(run.adapter, state, f"{run.created.astimezone():%Y-%m-%d %H:%M}", run.by, run.words, run.id)
    console.print(table)
    for service in services:
        console.print(_served(service))
    return 0


async def promote(settings: Settings, name: str, share: int | None, force: bool, console: Console) -> int:
    """Put a run's adapter into service."""
    from bot.learning.promotion import Promotion

    async with stores_alone(settings) as stores:
        run = await find_run(stores, name)
        service = await Promotion(settings, stores).promote(run, by=getpass.getuser(), share=share, force=force)
    console.print(_served(service))
    return 0


async def roll_back(settings: Settings, scenario: str, console: Console) -> int:
    """Bring back what answered before."""
    check_scenario(scenario)
    by = getpass.getuser()
    async with Database(settings.database) as database:  # it has to be quick, so nothing else is opened
        await database.migrate()
        service = await Registry(database).rollback(scenario, words=f"{by} rolled it back", by=by)
    console.print(_served(service))
    return 0


async def find_run(stores: Stores, name: str) -> Run:
    """A run by its id or its adapter. Raises UserError."""
    run = await stores.runs.get(name)
    if run is None:
        raise UserError(f"There is no run {name}; `runs` lists them, by id and by adapter.")
    return run


def check_scenario(scenario: str) -> None:
    if scenario not in SCENARIOS:
        raise UserError(f"There is no scenario {scenario}; there are: {', '.join(SCENARIOS)}.")


def _served(service: Service) -> str:
    name = service.adapter or "the model as it came"
    trial = f"; {service.canary} is on trial for {service.share} % of the people" if service.canary else ""
    return f"/{service.scenario} is answered by {name}{trial}. A running bot follows within a second."
