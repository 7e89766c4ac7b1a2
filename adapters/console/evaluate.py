"""`eval`: the gate's questions asked of the model as it came and of what is in service."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from adapters.console.train import COUNTED, stores_with_encoder
from adapters.console.training import check_scenario
from bot.errors import UserError
from bot.learning.curation import build
from bot.learning.dataset_folder import write
from bot.learning.training_config import base_folder
from bot.scenarios.catalogue import catalogue
from bot.settings import Settings


async def evaluate(settings: Settings, scenario: str, console: Console, show: int) -> int:
    """Build the questions, ask them in a process of their own, print what came out."""
    check_scenario(scenario)
    async with stores_with_encoder(settings, scenario, console) as stores:
        dataset = await build(stores, settings, scenario, catalogue())
        service = await stores.registry.service(scenario)
    asked = sum(row.split in ("test", "golden") for row in dataset.rows)
    if not asked:
        raise UserError(f"There is nothing to ask for /{scenario}: no held-out correction, no golden item.")
    model = await base_folder(settings, scenario)
    adapter = settings.adapters / service.adapter if service is not None and service.adapter else None
    with tempfile.TemporaryDirectory() as place, console.status(f"Asking {asked} questions"):
        folder = await asyncio.to_thread(write, dataset, Path(place) / dataset.name)
        found = await _ask(settings, model, folder, adapter)
    console.print(_counted(scenario, found, adapter.name if adapter else "the model as it came"))
    for sample in found["samples"][:show]:
        console.print(f"\n{sample['question']}", style="bold", markup=False)
        for who, said, right in zip(("before", "now"), (sample["incumbent"], sample["candidate"]), sample["passed"],
                                    strict=True):  # fmt: skip
            console.print(f"  {who}: {said.strip()} ({'right' if right else 'wrong'})", markup=False, highlight=False)
    return 0


async def _ask(settings: Settings, model: Path, dataset: Path, adapter: Path | None) -> dict[str, Any]:
    options = ["--model", str(model), "--dataset", str(dataset), "--device", settings.device]
    options += ["--quantize", "none" if settings.engine_url else settings.quantize]
    options += ["--threads", str(settings.train_threads), "--nice", str(settings.train_nice)]
    options += ["--adapter", str(adapter)] if adapter else []
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "models.evaluate", *options, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    if process.returncode:
        raise UserError(f"The questions could not be asked: {err.decode(errors='replace').strip()[-300:]}")
    found: dict[str, Any] = json.loads(out.decode().splitlines()[-1])
    return found


def _counted(scenario: str, found: dict[str, Any], name: str) -> Table:
    table = Table(
        "set", "questions", "right as it came", f"right by {name}", title=f"/{scenario}", title_justify="left"
    )
    for part, counted in found["sets"].items():
        if part in COUNTED:
            table.add_row(part, str(counted["n"]), str(counted["incumbent"]), str(counted["candidate"]))
    for measure, value in found["metrics"].get("candidate", {}).items():
        before = found["metrics"]["incumbent"].get(measure)
        if isinstance(value, int | float):
            table.add_row(measure, str(found["metrics"]["n"]), f"{before:.3f}", f"{value:.3f}")
    return table
