"""Health: whether the page is up, whether each part can work, and the figures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

Readiness = Callable[[], Awaitable[Mapping[str, tuple[bool, str]]]]
"""Each part of the bot: whether it is ready, and words that a person can read."""


class Health:
    """`/healthz` for the process, `/readyz` for its parts, `/metrics` for a collector."""

    def __init__(self, readiness: Readiness, registry: CollectorRegistry) -> None:
        self._readiness = readiness
        self._registry = registry

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/healthz", self.alive),
            web.get("/readyz", self.ready),
            web.get("/metrics", self.metrics),
        ]

    async def alive(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def ready(self, request: web.Request) -> web.Response:
        parts = await self._readiness()
        ready = all(ok for ok, _ in parts.values())
        body = {"ready": ready, "parts": {name: {"ok": ok, "words": words} for name, (ok, words) in parts.items()}}
        return web.json_response(body, status=200 if ready else 503)

    async def metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
