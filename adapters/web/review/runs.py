"""Training runs on the console: the list, one run as it goes on, its report, and what is put into service."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from aiohttp import web

from adapters.web.body import read_json
from adapters.web.events import EventStream
from adapters.web.review.access import REVIEWER, Reviewer
from adapters.web.review.training import Training
from bot.errors import UserError
from bot.learning.promotion import Promotion
from bot.learning.registry import Service
from bot.learning.runs import UNFINISHED, Run
from bot.roles import Role
from bot.settings import SCENARIOS, Settings
from bot.stores import Stores
from models.durable import read_json as read_file

LOOK_SECONDS = 0.5
BEAT = 30
"""Looks without news after which the page hears that somebody is still there."""
WAITING = ("ready", "inconclusive")
"""States in which a person decides."""


class RunPages:
    """Everybody on the console may look; who may train decides. What people wrote is shown to these alone."""

    def __init__(self, settings: Settings, stores: Stores, training: Training | None) -> None:
        self._settings = settings
        self._stores = stores
        self._promotion = Promotion(settings, stores)
        self._training = training

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/review/data/runs", self.index),
            web.get("/review/data/runs/{run}", self.run),
            web.get("/review/data/runs/{run}/events", self.events),
            web.post("/review/data/runs/{run}/promote", self.promote),
            web.post("/review/data/runs/{run}/reject", self.reject),
            web.post("/review/data/runs/{run}/stop", self.stop),
            web.post("/review/data/scenarios/{scenario}/train", self.train),
            web.post("/review/data/scenarios/{scenario}/rollback", self.roll_back),
            web.post("/review/data/scenarios/{scenario}/canary", self.canary),
        ]

    async def index(self, request: web.Request) -> web.Response:
        services, reviewer = await self._stores.registry.services(), request[REVIEWER]
        runs = [shown(run_view(run, services), reviewer) for run in await self._stores.runs.recent()]
        view = {"runs": runs, "services": [service_view(one) for one in services], "scenarios": list(SCENARIOS)}
        return web.json_response(view | {"trains": self._training is not None})

    async def run(self, request: web.Request) -> web.Response:
        run, reviewer = await self._found(request), request[REVIEWER]
        folder = self._settings.runs / run.id
        report, manifest, failed = await asyncio.to_thread(_files, folder)
        events, _ = await asyncio.to_thread(_events, folder, 0)
        view = run_view(run, await self._stores.registry.services())
        trained = {stage: len(ids) for stage, ids in (manifest.get("trained") or {}).items()}
        lineage = {name: manifest.get(name) for name in LINEAGE if name in manifest} | {"trained": trained}
        if "dropped" in manifest:
            lineage["dropped"] = len(manifest["dropped"])
        view |= {"report": report, "lineage": lineage, "failed": failed, "events": events}
        return web.json_response(shown(view, reviewer))

    async def events(self, request: web.Request) -> web.StreamResponse:
        """What the trainer tells, as it tells it, until the run has ended."""
        run = await self._found(request)
        async with EventStream.open(request) as events:
            await self._follow(run, events, request[REVIEWER])
        return events.response

    async def promote(self, request: web.Request) -> web.Response:
        """Put a run's adapter into service; `force` although the gate did not let it pass."""
        run, reviewer, body = await self._found(request), _trainer(request), await read_json(request)
        force, share = body.get("force") is True, body.get("share")
        if share is not None and not (isinstance(share, int) and 0 <= share <= 99):
            raise web.HTTPBadRequest(text="A trial has a share of 1 to 99 percent; 0 is everybody at once.")
        by = reviewer.visitor.name
        service = await self._promotion.promote(run, by=by, words=_words(by, force), share=share, force=force)
        return web.json_response(service_view(service))

    async def reject(self, request: web.Request) -> web.Response:
        """Leave a run that waits for a person's word out of service; what it learned from is kept."""
        run, reviewer = await self._found(request), _trainer(request)
        if run.state not in WAITING:
            raise UserError(f"{run.adapter} is {run.state.replace('_', ' ')}; there is nothing to reject.")
        await self._stores.runs.end(run.id, "rejected", f"{reviewer.visitor.name} rejected it. {run.words}".strip())
        return web.json_response({})

    async def stop(self, request: web.Request) -> web.Response:
        run, _ = await self._found(request), _trainer(request)
        if run.state not in UNFINISHED:
            raise UserError(f"{run.adapter} has ended already.")
        await self._stores.runs.ask_to_stop(run.id)
        return web.json_response({})

    async def train(self, request: web.Request) -> web.Response:
        """Begin a run. Its page shows how it goes on."""
        reviewer = _trainer(request)
        if self._training is None:
            raise UserError("This process does not train. On the command line: python -m bot train")
        body = await read_json(request)
        run = await self._training.begin(_scenario(request), reviewer.visitor.name, force=body.get("force") is True)
        return web.json_response(run_view(run, await self._stores.registry.services()), status=201)

    async def roll_back(self, request: web.Request) -> web.Response:
        """Bring back what answered before."""
        by, scenario = _trainer(request).visitor.name, _scenario(request)
        service = await self._stores.registry.rollback(scenario, words=f"{by} rolled it back", by=by)
        return web.json_response(service_view(service))

    async def canary(self, request: web.Request) -> web.Response:
        """End a trial: `keep` gives it to everybody, else nobody has it any more."""
        by, scenario = _trainer(request).visitor.name, _scenario(request)
        keep = (await read_json(request)).get("keep") is True
        words = f"{by} ended the trial: {'it is for everybody' if keep else 'it goes'}"
        service = await self._stores.registry.end_canary(scenario, keep=keep, words=words, by=by)
        return web.json_response(service_view(service))

    async def _found(self, request: web.Request) -> Run:
        run = await self._stores.runs.get(request.match_info["run"])
        if run is None:
            raise web.HTTPNotFound(text="There is no such run.")
        return run

    async def _follow(self, run: Run, events: EventStream, reviewer: Reviewer) -> None:
        offset, quiet, state = 0, 0, ""
        while True:
            # The state first: what was told before the end is read after it.
            now = await self._stores.runs.get(run.id)
            told, offset = await asyncio.to_thread(_events, self._settings.runs / run.id, offset)
            for event in told:
                await events.send("event", shown(event, reviewer))
            if now is None or now.state != state:
                state = now.state if now is not None else "gone"
                words = now.words if now is not None else ""
                await events.send("state", shown({"state": state, "words": words}, reviewer))
            if state not in UNFINISHED:
                return
            quiet = 0 if told else quiet + 1
            if quiet >= BEAT:
                quiet = 0
                await events.beat()
            await asyncio.sleep(LOOK_SECONDS)


LINEAGE = (
    "base", "tokenizer_sha256", "parent", "versions", "seed", "dataset", "skipped", "steps", "seconds", "stopped",
    "peak_memory_bytes", "serves",
)  # fmt: skip
"""What the page shows of a manifest; it holds ids of turns as well."""


WRITTEN = frozenset({"samples", "flips", "critical_flips", "failures"})
"""The parts of a report that hold what people wrote, or name their turns."""
_QUOTED = re.compile(r": (?:'.*'|\".*\")(?=\.)", re.DOTALL)
"""A question as the gate's words end with it."""


def run_view(run: Run, services: list[Service]) -> dict[str, Any]:
    """A run as the page gets it. `serving`: whether its adapter answers now, for all or on trial."""
    here = next((one for one in services if one.scenario == run.scenario), None)
    serving = "" if here is None else "service" if here.adapter == run.adapter else ""
    if here is not None and here.canary == run.adapter:
        serving = "trial"
    return asdict(run) | {
        "created": run.created.isoformat(), "ended": run.ended.isoformat() if run.ended else "", "serving": serving,
        "unfinished": run.state in UNFINISHED, "waiting": run.state in WAITING,
    }  # fmt: skip


def service_view(service: Service) -> dict[str, Any]:
    return {
        "scenario": service.scenario, "adapter": service.adapter, "previous": list(service.previous),
        "canary": service.canary, "share": service.share, "since": service.since.isoformat(),
        "words": service.words, "by": service.by, "rolls_back": bool(service.canary or service.previous),
    }  # fmt: skip


def _trainer(request: web.Request) -> Reviewer:
    reviewer = request[REVIEWER]
    reviewer.must(Role.TRAIN)
    return reviewer


def _scenario(request: web.Request) -> str:
    scenario = request.match_info["scenario"]
    if scenario not in SCENARIOS:
        raise web.HTTPNotFound(text="There is no such scenario.")
    return scenario


def _words(by: str, force: bool) -> str:
    return f"{by} promoted it although the gate did not let it pass" if force else f"{by} promoted it"


def _files(folder: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    report, manifest, failed = (read_file(folder / f"{name}.json") for name in ("report", "manifest", "failed"))
    return report, manifest, {name: failed[name] for name in ("words",) if name in failed}


def shown(view: dict[str, Any], reviewer: Reviewer) -> dict[str, Any]:
    """What somebody may see of a run: who may not train sees no answers, and no words of what other servers asked."""
    return view if reviewer.role >= Role.TRAIN else cast("dict[str, Any]", _unquoted(view))


def _unquoted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _unquoted(inner) for name, inner in value.items() if name not in WRITTEN}
    if isinstance(value, list):
        return [_unquoted(inner) for inner in value]
    return _QUOTED.sub("", value) if isinstance(value, str) else value


def _events(folder: Path, offset: int) -> tuple[list[dict[str, Any]], int]:
    """The whole lines behind `offset`, and where they end. A line that a kill cut short is passed over. Blocks."""
    try:
        with (folder / "events.jsonl").open("rb") as file:
            file.seek(offset)
            data = file.read()
    except OSError:
        return [], offset
    whole, newline, _ = data.rpartition(b"\n")
    found = []
    for line in whole.split(b"\n"):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            found.append(event)
    return found, offset + len(whole) + len(newline)
