"""How the bot is doing: turns, the line, the time to the first token, errors, and what people think of each adapter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from aiohttp import web

from adapters.web.chat import Core
from adapters.web.review.access import REVIEWER
from adapters.web.review.runs import run_view, service_view, shown
from bot.learning.pulse import pulse, ratings
from bot.roles import Role
from bot.stores import Stores

Readiness = Callable[[], Awaitable[Mapping[str, tuple[bool, str]]]]
HOURS = {"1": 1, "24": 24, "168": 168}


class ServicePages:
    """The bot as it is now, adapters with their lineage, and who is signed in."""

    def __init__(self, core: Core, stores: Stores, readiness: Readiness) -> None:
        self._core = core
        self._stores = stores
        self._readiness = readiness

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/review/data/service", self.service),
            web.get("/review/data/adapters", self.adapters),
            web.get("/review/data/people", self.people),
            web.post("/review/data/people/{key}/dismiss", self.dismiss),
        ]

    async def service(self, request: web.Request) -> web.Response:
        """The last hour, day or week: `?hours=24`."""
        span = timedelta(hours=HOURS.get(request.query.get("hours", ""), 24))
        running, waiting = self._core.load
        parts = await self._readiness()
        return web.json_response({
            "running": running, "waiting": waiting,
            "parts": {name: {"ok": ok, "words": words} for name, (ok, words) in parts.items()},
            "services": [service_view(one) for one in await self._stores.registry.services()],
            **await pulse(self._stores.database, span),
            "ratings": await ratings(self._stores.database),
        })  # fmt: skip

    async def adapters(self, request: web.Request) -> web.Response:
        """Every adapter with where it comes from, and what people say of it."""
        services = await self._stores.registry.services()
        runs = {run.id: run for run in await self._stores.runs.recent(most=500)}
        said = {(one["scenario"], one["adapter"]): one for one in await ratings(self._stores.database)}
        views = []
        for adapter in await self._stores.registry.adapters():
            run = runs.get(adapter.run)
            trained = await self._stores.runs.rows(adapter.run)
            views.append({
                "name": adapter.name, "scenario": adapter.scenario, "parent": adapter.parent, "base": adapter.base,
                "digest": adapter.digest, "created": adapter.created.isoformat(),
                "forgotten": adapter.forgotten.isoformat() if adapter.forgotten else "",
                "retired": adapter.retired.isoformat() if adapter.retired else "",
                "run": shown(run_view(run, services), request[REVIEWER]) if run is not None else None,
                "trained": {stage: len(ids) for stage, ids in trained.items()},
                "rating": said.get((adapter.scenario, adapter.name)),
            })  # fmt: skip
        return web.json_response({"adapters": views, "services": [service_view(one) for one in services]})

    async def people(self, request: web.Request) -> web.Response:
        """Who is signed in."""
        request[REVIEWER].must(Role.ADMIN)
        visits = [
            {
                "key": visit.key, "name": visit.visitor.name, "user": visit.visitor.user,
                "server": f"{visit.visitor.platform} {visit.visitor.server}".strip(), "granted": visit.visitor.granted,
                "created": visit.created.isoformat(), "expires": visit.expires.isoformat(),
            }
            for visit in await self._stores.visitors.visits()
        ]  # fmt: skip
        return web.json_response({"visits": visits})

    async def dismiss(self, request: web.Request) -> web.Response:
        """Sign somebody out."""
        request[REVIEWER].must(Role.ADMIN)
        if not await self._stores.visitors.dismiss(request.match_info["key"]):
            raise web.HTTPNotFound(text="Nobody is signed in there any more.")
        return web.json_response({})
