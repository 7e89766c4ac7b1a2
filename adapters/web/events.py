"""Server-sent events: what the page hears while it waits."""

from __future__ import annotations

import json
from collections.abc import Mapping

from aiohttp import web

from bot.delivery import SendForbidden


class EventStream:
    """A text/event-stream response that is being written. A reader who left is a SendForbidden."""

    def __init__(self, response: web.StreamResponse) -> None:
        self._response = response

    @classmethod
    async def open(cls, request: web.Request) -> EventStream:
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream; charset=utf-8",
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",  # nginx would hold the text back
            }
        )
        await response.prepare(request)
        return cls(response)

    async def send(self, name: str, data: Mapping[str, object]) -> None:
        body = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        await self._write(f"event: {name}\ndata: {body}\n\n")

    async def beat(self) -> None:
        """A comment, so that nobody on the way takes the silence for an end."""
        await self._write(": still here\n\n")

    async def close(self) -> web.StreamResponse:
        await self.send("end", {})
        await self._response.write_eof()
        return self._response

    async def _write(self, text: str) -> None:
        try:
            await self._response.write(text.encode())
        except ConnectionError as error:
            raise SendForbidden("the page was closed") from error
