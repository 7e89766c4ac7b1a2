"""Promotion: what a run has left goes into service, and out of it again."""

from __future__ import annotations

import asyncio
from typing import Any

from bot.errors import UserError
from bot.learning import artefacts
from bot.learning.registry import Adapter, Service
from bot.learning.runs import Run
from bot.settings import Settings
from bot.stores import Stores
from models.durable import read_json

WILL_NOT = {
    "preparing": "is still being prepared",
    "training": "is still training",
    "failed": "broke off before it had anything to promote",
    "stopped": "was stopped before it had anything to promote",
}


KEEP_RUNS = 20
"""So many runs of a scenario keep what they left."""


class Promotion:
    """Puts runs into service. The registry changes in one transaction, once the files are in place."""

    def __init__(self, settings: Settings, stores: Stores) -> None:
        self._settings = settings
        self._stores = stores

    async def promote(
        self, run: Run, *, by: str, words: str = "", share: int | None = None, force: bool = False
    ) -> Service:
        """Have a run's adapter answer: everybody, or `share` percent of its scenario's people as a trial.

        `force`: although the gate rejected it. Raises UserError.
        """
        if run.state in WILL_NOT:
            raise UserError(f"{run.adapter} {WILL_NOT[run.state]}.")
        if run.state == "rejected" and not force:
            raise UserError(f"{run.adapter} did not pass the gate: {run.words} It has to be forced.")
        folder = self._settings.runs / run.id
        report = await asyncio.to_thread(read_json, folder / "report.json")
        if report.get("serves", "adapter") != "adapter":
            raise UserError(f"{run.adapter} cannot be served as an adapter. {run.words}")
        target = self._settings.adapters / run.adapter
        source = folder / "adapter" if (folder / "adapter").is_dir() else target
        digest = await asyncio.to_thread(artefacts.place, source, target)
        manifest = await asyncio.to_thread(read_json, folder / "manifest.json")
        adapter = Adapter(
            name=run.adapter, scenario=run.scenario, number=run.number, run=run.id, parent=run.parent,
            base=str((manifest.get("base") or {}).get("name", "")), digest=digest, created=run.created,
        )  # fmt: skip
        service = await self._stores.registry.promote(
            adapter, trained(manifest), words=words or f"{by} promoted it", by=by,
            share=self._settings.canary_percent if share is None else share,
        )  # fmt: skip
        await self.tidy(run.scenario)
        return service

    async def tidy(self, scenario: str) -> None:
        """Delete the weights of adapters that are not kept, and those that old runs left unpromoted; their reports
        stay."""
        registry, folders = self._stores.registry, self._settings.runs
        for adapter in await registry.retire(scenario):
            await asyncio.to_thread(artefacts.remove, self._settings.adapters / adapter.name)
            await asyncio.to_thread(artefacts.remove, folders / adapter.run / "adapter")
        kept = {adapter.run for adapter in await registry.adapters(scenario) if adapter.retired is None}
        for run in (await self._stores.runs.recent(scenario))[KEEP_RUNS:]:
            if run.id not in kept:
                for left in ("adapter", "model", "state"):
                    await asyncio.to_thread(artefacts.remove, folders / run.id / left)


def trained(manifest: dict[str, Any]) -> dict[str, list[str]]:
    """The turns of a manifest by stage. What was derived from one is named `turn#...`."""
    stages = manifest.get("trained") or {}
    return {stage: [str(row).partition("#")[0] for row in rows] for stage, rows in stages.items()}
