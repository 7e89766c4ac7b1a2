"""Server-sent events: what the page hears while it waits."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import structlog
from aiohttp import web

from bot.delivery import SendForbidden

log = structlog.get_logger(__name__)


class EventStream:
    """A text/event-stream response that is being written. A reader who left is a SendForbidden."""

    def __init__(self, response: web.StreamResponse) -> None:
        self.response = response

    @classmethod
    @asynccontextmanager
    async def open(cls, request: web.Request) -> AsyncIterator[EventStream]:
        """The answer to `request` as a stream, ended at the end. A reader who left ends it early."""
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream; charset=utf-8",
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",  # nginx would hold the text back
            }
        )
        await response.prepare(request)
        events = cls(response)
        try:
            yield events
            await events.send("end", {})
            await response.write_eof()
        except SendForbidden:
            log.info("page_closed", path=request.path)

    async def send(self, name: str, data: Mapping[str, object]) -> None:
        body = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        await self._write(f"event: {name}\ndata: {body}\n\n")

    async def beat(self) -> None:
        """A comment, so that nobody on the way takes the silence for an end."""
        await self._write(": still here\n\n")

    async def _write(self, text: str) -> None:
        try:
            await self.response.write(text.encode())
        except ConnectionError as error:
            raise SendForbidden("the page was closed") from error
