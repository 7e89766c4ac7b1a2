"""Training figures for Prometheus: runs, what the gate said, what is in service, what waits for review."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Gauge

from bot.learning.review import reviews
from bot.learning.runs import Run
from bot.settings import Settings
from bot.stores import Stores
from models.durable import read_json

EVERY_SECONDS = 60
MOST_RUNS = 2000


class TrainingMetrics:
    """Gauges that are set from the store: they count what all hosts did, not what this process saw."""

    def __init__(self, settings: Settings, stores: Stores, registry: CollectorRegistry) -> None:
        self._settings = settings
        self._stores = stores
        self._verdicts: dict[str, str] = {}

        def gauge(name: str, words: str, *labels: str) -> Gauge:
            return Gauge(f"parley_{name}", words, labels, registry=registry)

        self._runs = gauge("training_runs", "Training runs, by where they stand", "scenario", "state")
        self._seconds = gauge("training_last_run_seconds", "How long the last run that ended took", "scenario")
        self._gate = gauge("gate_verdicts", "Runs by what the gate said, of those whose report is kept",
                           "scenario", "verdict")  # fmt: skip
        self._service = gauge("adapter_share_percent", "Part of its scenario's people that an adapter answers",
                              "scenario", "adapter")  # fmt: skip
        self._open = gauge("review_open_items", "Flagged answers that wait for review", "scenario")
        self._corrections = gauge("corrections_approved", "Better answers that reviewers approved", "scenario")

    async def refresh(self) -> None:
        """Set every gauge to what the store says now."""
        runs = await self._stores.runs.recent(most=MOST_RUNS)
        verdicts = [(run.scenario, await self._verdict(run)) for run in runs]
        services = await self._stores.registry.services()
        shares = {(one.scenario, one.adapter or "base"): 100 - one.share * bool(one.canary) for one in services}
        shares |= {(one.scenario, one.canary): one.share for one in services if one.canary}
        last = {run.scenario: (run.ended - run.created).total_seconds() for run in reversed(runs) if run.ended}
        waiting, approved = await self._reviewed()
        _set(self._runs, Counter((run.scenario, run.state) for run in runs))
        _set(self._gate, Counter(one for one in verdicts if one[1]))
        _set(self._service, shares)
        _set(self._seconds, {(scenario,): seconds for scenario, seconds in last.items()})
        _set(self._open, waiting)
        _set(self._corrections, approved)

    async def _verdict(self, run: Run) -> str:
        """What the gate said of a run, "" where it said nothing or the report is gone. A report never changes."""
        if run.ended is None:
            return ""
        if run.id not in self._verdicts:
            report = await asyncio.to_thread(read_json, self._settings.runs / run.id / "report.json")
            self._verdicts[run.id] = str(report.get("verdict", ""))
        return self._verdicts[run.id]

    async def _reviewed(self) -> tuple[dict[tuple[str, ...], int], dict[tuple[str, ...], int]]:
        """Open items and approved corrections by scenario."""
        counted = sa.select(reviews.c.scenario, sa.func.count()).group_by(reviews.c.scenario)
        right = reviews.c.state.in_(("approved", "edited")), reviews.c.correction != ""
        async with self._stores.database.read() as connection:
            waiting = (await connection.execute(counted.where(reviews.c.state == "open"))).all()
            approved = (await connection.execute(counted.where(*right))).all()
        return {(one,): count for one, count in waiting}, {(one,): count for one, count in approved}


def _set(gauge: Gauge, values: Mapping[Any, float]) -> None:
    """The series that there are now, and none that there were."""
    gauge.clear()
    for labels, value in values.items():
        gauge.labels(*labels).set(value)
