"""The knowledge page's server side: documents added, listed, removed and searched."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from aiohttp import web

from adapters.web.body import read_body
from adapters.web.events import EventStream
from bot.errors import StoreError, UserError, words_for
from bot.knowledge.library import Added
from bot.knowledge.reading import MOST_BYTES
from bot.request import one_line
from bot.stores import Stores
from models.engine import EngineError

FOUND = 8
SERVER = ""
"""The page and the console share the documents that belong to no guild or workspace."""
OUTCOMES = {"added": "Read", "changed": "Read anew, in place of the old one", "same": "Known already, nothing to do"}


@dataclass(slots=True)
class _Progress:
    """How far an import is, from who does it to who tells the page. Only the newest figure counts."""

    part: float = 0.0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, part: float) -> None:
        self.part = part
        self.news.set()


class Knowledge:
    """Documents of this machine's page, which `/support` answers from."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/knowledge/documents", self.index),
            web.post("/knowledge/documents", self.add),
            web.delete("/knowledge/documents/{id}", self.remove),
            web.get("/knowledge/search", self.search),
        ]

    async def index(self, request: web.Request) -> web.Response:
        found = await self._stores.library.list(SERVER)
        documents = [
            {
                "id": one.id,
                "title": one.title,
                "path": one.path,
                "size": one.size,
                "passages": one.passages,
                "added": one.added.isoformat(),
            }
            for one in found
        ]
        return web.json_response({"documents": documents})

    async def add(self, request: web.Request) -> web.StreamResponse:
        """Take one document, `?name=guide.md`, and tell how far its reading is."""
        name = one_line(request.query.get("name", ""), 120).replace("/", "_")
        content = await read_body(request, max(MOST_BYTES.values()))
        async with EventStream.open(request) as events:
            await self._read_in(name, content, events)
        return events.response

    async def remove(self, request: web.Request) -> web.Response:
        if not await self._stores.library.remove(SERVER, request.match_info["id"]):
            raise web.HTTPNotFound(text="That document is gone already.")
        return web.json_response({})

    async def search(self, request: web.Request) -> web.Response:
        words = request.query.get("words", "").strip()[:500]
        if not words:
            raise web.HTTPBadRequest(text="Type what to search for.")
        found = await self._stores.library.search(SERVER, words, FOUND)
        passages = [
            {"title": hit.title, "heading": hit.heading, "text": hit.text, "score": round(hit.score, 3)}
            for hit in found.hits
        ]
        view = {"passages": passages, "confidence": round(found.confidence, 3)}
        return web.json_response(view | {"sure": found.sure, "lexical": found.lexical})

    async def _read_in(self, name: str, content: bytes, events: EventStream) -> None:
        progress = _Progress()
        reading = asyncio.create_task(self._stores.library.add(SERVER, name, content, progress))
        try:
            await _follow(reading, progress, events)
            added = await reading
        except UserError as error:
            await events.send("failed", {"words": error.words})
        except (StoreError, EngineError) as error:
            await events.send("failed", {"words": words_for(error).text})
        else:
            passages = f"{added.passages} passage{'s' if added.passages != 1 else ''}"
            await events.send("added", {"title": added.title, "words": f"{OUTCOMES[added.outcome]}: {passages}"})
        finally:
            reading.cancel()


async def _follow(reading: asyncio.Task[Added], progress: _Progress, events: EventStream) -> None:
    """Tell the page each new figure until `reading` has ended."""
    reading.add_done_callback(lambda _: progress.news.set())
    while not reading.done():
        await progress.news.wait()
        progress.news.clear()
        if not reading.done():
            await events.send("progress", {"part": progress.part})
