"""Datasets on the console: what was put together for training, where each row comes from, and what was left out."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from adapters.web.body import read_json as read_body
from adapters.web.body import text_of
from adapters.web.review.access import REVIEWER, Reviewer
from bot.roles import Role
from bot.settings import Settings
from bot.stores import Stores
from models.durable import read_json

PAGE = 40
FILES = {
    "sft.train": "Learns to answer so", "sft.validation": "Watched while it learns", "dpo.train": "Learns to prefer",
    "kto.train": "Learns from thumbs", "test": "Flagged questions, held out for the gate",
    "golden": "Golden questions, for the gate", "safety": "Must not be said again, for the gate",
}  # fmt: skip
_NAME = re.compile(r"[a-z]+-[0-9a-f]{12}")


class DatasetPages:
    """Counts are for everybody on the console; rows are what people wrote, so who may not train sees no others than
    those of their own server."""

    def __init__(self, settings: Settings, stores: Stores) -> None:
        self._folder = settings.data_dir / "datasets"
        self._stores = stores

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/review/data/datasets", self.index),
            web.get("/review/data/golden", self.golden),
            web.post("/review/data/golden/{id}", self.mark),
            web.get("/review/data/datasets/{name}", self.dataset),
            web.get("/review/data/datasets/{name}/rows", self.rows),
        ]

    async def index(self, request: web.Request) -> web.Response:
        runs: dict[str, list[str]] = {}
        for run in await self._stores.runs.recent(most=500):
            runs.setdefault(run.dataset, []).append(run.adapter)
        found = await asyncio.to_thread(_all, self._folder)
        return web.json_response({"datasets": [one | {"runs": runs.get(one["name"], [])} for one in found]})

    async def golden(self, request: web.Request) -> web.Response:
        """The golden set; its texts for those who may train."""
        found, counts = await self._stores.golden.everything(), Counter[str]()
        for one in found:
            counts[one.scenario] += 1
        items = [
            {
                "id": one.id, "scenario": one.scenario, "question": one.question, "reference": one.reference,
                "critical": one.critical, "created": one.created.isoformat(),
            }
            for one in (found if request[REVIEWER].role >= Role.TRAIN else ())
        ]  # fmt: skip
        return web.json_response({"counts": dict(counts), "items": items})

    async def mark(self, request: web.Request) -> web.Response:
        """Make a golden item critical, or not, or take it out: `{"wanted": "critical" | "in" | "out"}`."""
        request[REVIEWER].must(Role.TRAIN)
        item_id, wanted = request.match_info["id"], text_of(await read_body(request), "wanted")
        if wanted == "out":
            await self._stores.golden.remove([item_id])
        elif not await self._stores.golden.mark(item_id, critical=wanted == "critical"):
            raise web.HTTPNotFound(text="That is no longer in the golden set.")
        return web.json_response({})

    async def dataset(self, request: web.Request) -> web.Response:
        name, manifest = await self._manifest(request)
        runs = [
            {"id": run.id, "adapter": run.adapter, "state": run.state}
            for run in await self._stores.runs.recent(most=500) if run.dataset == name
        ]  # fmt: skip
        return web.json_response(_summary(name, manifest) | {"runs": runs, "files": _files(manifest)})

    async def rows(self, request: web.Request) -> web.Response:
        """Rows of one file, with their provenance: `?file=sft.train&from=0&words=`."""
        name, manifest = await self._manifest(request)
        file, words = request.query.get("file", ""), request.query.get("words", "")[:200].casefold()
        if file not in FILES:
            raise web.HTTPBadRequest(text="There is no such file.")
        first = int(request.query.get("from", "0")) if request.query.get("from", "0").isdecimal() else 0
        known = {row["id"]: row for row in manifest.get("rows", []) if _file_of(row) == file}
        lines = await asyncio.to_thread(_lines, self._folder / name / f"{file}.jsonl")
        read = [line | {"provenance": known.get(line["id"], {})} for line in lines]
        mine = [line for line in read if _readable(line["provenance"], request[REVIEWER])]
        found = [line for line in mine if words in json.dumps(line, ensure_ascii=False).casefold()]
        shown = found[first : first + PAGE]
        trained = await self._stores.registry.trained_on([_turn(line) for line in shown])
        for line in shown:
            line["adapters"] = trained.get(_turn(line), [])
        return web.json_response({"rows": shown, "count": len(found), "hidden": len(read) - len(mine)})

    async def _manifest(self, request: web.Request) -> tuple[str, dict[str, Any]]:
        name = request.match_info["name"]
        if _NAME.fullmatch(name) is None:  # it becomes a path
            raise web.HTTPNotFound(text="There is no such dataset.")
        manifest = await asyncio.to_thread(read_json, self._folder / name / "manifest.json")
        if not manifest:
            raise web.HTTPNotFound(text="There is no such dataset.")
        return name, manifest


def _readable(provenance: Mapping[str, Any], reviewer: Reviewer) -> bool:
    """Whether somebody may read a row that comes from there."""
    if reviewer.role >= Role.TRAIN:
        return True
    return reviewer.moderator.covers(str(provenance.get("platform", "")), str(provenance.get("server", "")))


def _all(folder: Path) -> list[dict[str, Any]]:
    found = [
        _summary(path.name, read_json(path / "manifest.json"))
        for path in (folder.iterdir() if folder.is_dir() else ())
        if _NAME.fullmatch(path.name)
    ]
    return sorted(found, key=lambda one: str(one["created"]), reverse=True)


def _summary(name: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
    rows = manifest.get("rows", [])
    return {
        "name": name, "scenario": manifest.get("scenario", name.partition("-")[0]), "hash": manifest.get("hash", ""),
        "seed": manifest.get("seed"), "created": manifest.get("created", ""), "held": manifest.get("held", ""),
        "whole": bool(manifest), "counts": manifest.get("counts", {}),
        "sources": dict(Counter(str(row.get("source", "")) for row in rows).most_common()),
        "dropped": dict(Counter(str(row.get("reason", "")) for row in manifest.get("dropped", [])).most_common()),
    }  # fmt: skip


def _turn(line: Mapping[str, Any]) -> str:
    """The turn that a row was made from; what was derived from one is named `turn#...`."""
    return str(line["id"]).partition("#")[0]


def _files(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    counts = Counter(_file_of(row) for row in manifest.get("rows", []))
    return [{"file": name, "title": title, "count": counts[name]} for name, title in FILES.items() if counts[name]]


def _file_of(row: Mapping[str, Any]) -> str:
    stage, split = str(row.get("stage", "")), str(row.get("split", ""))
    return stage if stage == split else f"{stage}.{split}"


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return []
    return list(_parsed(text))


def _parsed(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        value = json.loads(line)
        if isinstance(value, dict):
            yield value
