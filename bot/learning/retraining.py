"""Retraining: from what moderators approved to an adapter in service, and what a crash left is taken up again."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from bot.errors import StoreError, UserError
from bot.hosts import Hosts
from bot.learning.drafts import Build, Prepared, approved, not_enough
from bot.learning.promotion import Promotion, trained
from bot.learning.runs import Run, RunState
from bot.learning.trainer import LOOK_SECONDS, Events, Outcome, Trainer, Watcher, alive, outcome
from bot.learning.training_config import training_config
from bot.settings import Settings
from bot.stores import Stores
from models.durable import read_json, write_text

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=90)
LEASE_SECONDS = 15.0
"""How often who waits for another host's run looks again."""
TRIES = 3
"""So often a trainer is started on one run: it goes on from where the last one was killed."""
LEARNED: tuple[RunState, ...] = ("ready", "promoted", "rolled_back", "rejected", "inconclusive")
"""A run in one of these states has said what it can of its rows."""


class Lost(Exception):
    """Another host has taken the run over, as we were thought dead."""


class Retraining:
    """Trains, one run at a time over all hosts of the store. `hosts` is this process's; `beside` is held while a
    trainer is at work."""

    def __init__(
        self, settings: Settings, stores: Stores, hosts: Hosts, build: Build, promotion: Promotion,
        beside: Callable[[], contextlib.AbstractAsyncContextManager[None]] = contextlib.nullcontext,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._stores = stores
        self._hosts = hosts
        self._build = build
        self._promotion = promotion
        self._beside = beside
        self._working = asyncio.Lock()
        self._task: asyncio.Task[Any] | None = None
        self.current: Run | None = None
        """The run that this process is at work on."""

    async def close(self) -> None:
        """Leave what this process is at work on to the next one."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])

    async def prepare(self, scenario: str) -> Prepared:
        """The dataset as it stands now, written down."""
        draft = await self._build(scenario)
        manifest = await asyncio.to_thread(read_json, draft.folder / "manifest.json")
        last = next((run for run in await self._stores.runs.recent(scenario) if run.state in LEARNED), None)
        known: set[str] = set()
        if last is not None and last.dataset:
            known = approved(
                await asyncio.to_thread(read_json, self._settings.datasets / last.dataset / "manifest.json")
            )
        return Prepared(draft, manifest, len(approved(manifest) - known))

    async def train(
        self, scenario: str, *, by: str, force: bool = False, wait: bool = False, watch: Watcher | None = None
    ) -> Run:
        """Train a scenario, or go on with a run of it that a crash left, to the end: promoted, or with the reason.

        `force`: however few new rows there are. `wait`: for another run, here or on another host. Raises UserError.
        """
        async with self._alone(wait):
            for left in await self._orphans():
                if left.scenario == scenario and await self._stores.runs.take_over(left, self._hosts.id):
                    return await self._finish(left, watch)
            return await self._finish(await self._begin(scenario, by, force), watch)

    async def resume(self) -> None:
        """Take up what dead hosts left unfinished, unless somebody trains just now."""
        orphans = await self._orphans()
        if not orphans:
            return
        try:
            async with self._alone(wait=False):
                for run in orphans:
                    if await self._stores.runs.take_over(run, self._hosts.id):
                        log.warning("run_taken_up", run=run.id, adapter=run.adapter, state=run.state)
                        await self._finish(run, None)
        except UserError as error:
            log.info("run_not_taken_up", words=error.words)

    async def _orphans(self) -> list[Run]:
        """Unfinished runs whose process is gone."""
        mine = self.current.id if self.current is not None else ""
        left = [run for run in await self._stores.runs.unfinished() if run.id != mine]
        return [run for run in left if run.host == self._hosts.id or not await self._hosts.alive(run.host)]

    @contextlib.asynccontextmanager
    async def _alone(self, wait: bool) -> AsyncIterator[None]:
        """Have nobody else train meanwhile, here or on another host. Raises UserError."""
        if self._working.locked() and not wait:
            raise UserError(f"{self.current.adapter if self.current else 'Another run'} is training; wait for its end.")
        async with self._working:
            while not await self._take_lease():
                if not wait:
                    raise UserError("Another process on this store is training; wait for its end. `runs` shows it.")
                await asyncio.sleep(LEASE_SECONDS)
            self._task = asyncio.current_task()
            renewing = asyncio.create_task(self._renew(), name="training lease")
            try:
                yield
            finally:
                self.current = self._task = None
                renewing.cancel()
                await asyncio.wait([renewing])
                await self._stores.leases.free("train", self._hosts.id)

    async def _take_lease(self) -> bool:
        leases = self._stores.leases
        if await leases.take("train", self._hosts.id, LEASE):
            return True
        holder = await leases.holder("train")
        if holder and await self._hosts.alive(holder):
            return False
        await leases.free("train", holder)
        return await leases.take("train", self._hosts.id, LEASE)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 4)
            try:
                await self._stores.leases.take("train", self._hosts.id, LEASE)
            except StoreError as error:
                log.warning("lease_not_renewed", detail=error.detail)

    async def _begin(self, scenario: str, by: str, force: bool) -> Run:
        prepared = await self.prepare(scenario)
        if not prepared.fresh or (prepared.fresh < self._settings.retrain_minimum and not force):
            raise not_enough(scenario, prepared.fresh, self._settings.retrain_minimum)
        service = await self._stores.registry.service(scenario)
        parent = service.adapter if service is not None else ""
        run = self.current = await self._stores.runs.begin(scenario, parent=parent, by=by, host=self._hosts.id)
        counts = dict(prepared.manifest.get("counts") or {})
        folder = prepared.draft.folder
        await self._stores.runs.change(run.id, dataset=folder.name, counts=counts)
        log.info("run_begun", run=run.id, adapter=run.adapter, by=by, dataset=folder.name)
        await prepared.draft.settle()
        try:
            config = await training_config(self._settings, run, folder)
        except UserError as error:
            return await self._end(run, "failed", error.words)
        folder = self._settings.runs / run.id
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        await asyncio.to_thread(write_text, folder / "config.json", json.dumps(config, indent=1, ensure_ascii=False))
        await self._stores.runs.change(run.id, state="training")
        return await self._get(run)

    async def _finish(self, run: Run, watch: Watcher | None) -> Run:
        """Bring a run to its end, from wherever it stands."""
        self.current = run
        folder = self._settings.runs / run.id
        events = Events(folder)
        try:
            while run.state in ("preparing", "training", "passed"):
                found = await asyncio.to_thread(outcome, folder)
                if run.stop_asked:
                    return await self._end(run, "stopped", "It was stopped.")
                if run.state == "preparing":
                    return await self._end(
                        run, "failed", "The bot ended while it was prepared; the next one starts anew."
                    )
                if found is not None and not alive(folder):
                    return await self._judge(run, found)
                if not alive(folder) and run.tries >= TRIES:
                    words = f"The trainer ended {run.tries} times without a result; the log of the run says more."
                    return await self._end(run, "failed", words)
                async with self._beside():
                    await self._work(run, events, folder, watch)
                run = await self._get(run)
        except Lost:
            log.warning("run_lost", run=run.id, adapter=run.adapter)
            return await self._get(run)
        return run

    async def _work(self, run: Run, events: Events, folder: Path, watch: Watcher | None) -> None:
        """Have a trainer at work on the run, and follow it to its end."""
        if alive(folder):
            trainer = Trainer(folder)
        else:
            await self._stores.runs.change(run.id, tries=run.tries + 1)
            trainer = await Trainer.start(folder, self._settings.train_launcher)
        ended = asyncio.create_task(trainer.wait(), name=f"trainer of {run.adapter}")
        try:
            await self._follow(run, trainer, ended, events, watch)
        finally:
            if not ended.done():  # we are ending, or the run is to stop: what it has done is kept
                await trainer.stop()
                ended.cancel()
                await asyncio.wait([ended])

    async def _follow(
        self, run: Run, trainer: Trainer, ended: asyncio.Task[None], events: Events, watch: Watcher | None
    ) -> None:
        stage = ""
        started = asyncio.get_running_loop().time()
        limit = 120 * self._settings.retrain_minutes + 900  # the trainer keeps its own; this one is for a hung trainer
        while True:
            over, _ = await asyncio.wait([ended], timeout=LOOK_SECONDS)
            for event in events.new():
                if event.get("stage") != stage:
                    stage = str(event.get("stage"))
                    log.info("training", run=run.id, adapter=run.adapter, stage=stage, words=event.get("words", ""))
                if watch is not None:
                    watch(event)
            if over:
                if await asyncio.to_thread(outcome, trainer.folder) is None:
                    log.warning("trainer_died", run=run.id, adapter=run.adapter, said=trainer.last_words)
                return
            now = await self._get(run)
            if now.host != self._hosts.id:
                raise Lost
            if now.stop_asked:
                return
            if self._settings.retrain_minutes and asyncio.get_running_loop().time() - started > limit:
                await self._end(run, "failed", "The trainer did not come to an end; the log of the run says more.")
                return

    async def _judge(self, run: Run, found: Outcome) -> Run:
        folder = self._settings.runs / run.id
        rows = trained(await asyncio.to_thread(read_json, folder / "manifest.json"))
        await self._stores.runs.keep_rows(run.id, rows)
        match found.verdict:
            case "failed":
                return await self._end(run, "failed", found.words or "The trainer gave up without a word.")
            case "fail":
                return await self._end(run, "rejected", found.words)
            case "inconclusive":
                return await self._end(run, "inconclusive", found.words)
        if found.serves != "adapter":
            return await self._end(run, "ready", f"{found.words} {_whole_model(run, folder)}".strip())
        if not self._settings.retrain_promote:
            return await self._end(run, "ready", f"{found.words} It waits for somebody to promote it.".strip())
        await self._stores.runs.change(run.id, state="passed", words=found.words)
        run = await self._get(run)
        try:
            await self._promotion.promote(run, by="gate", words=found.words)
        except UserError as error:
            return await self._end(run, "failed", error.words)
        log.info("run_promoted", run=run.id, adapter=run.adapter)
        return await self._get(run)

    async def _end(self, run: Run, state: RunState, words: str) -> Run:
        await self._stores.runs.end(run.id, state, words)
        log.info("run_ended", run=run.id, adapter=run.adapter, state=state, words=words)
        await self._promotion.tidy(run.scenario)
        return await self._get(run)

    async def _get(self, run: Run) -> Run:
        found = await self._stores.runs.get(run.id)
        assert found is not None, "runs are not deleted"
        return found


def _whole_model(run: Run, folder: Path) -> str:
    if not (folder / "model").is_dir():
        return f"The method's outcome cannot be served; it lies in {folder}."
    return f"It is a whole model: MODEL_{run.scenario.upper()}={folder / 'model'} and a restart have it served."
