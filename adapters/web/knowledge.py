"""The knowledge page's server side: documents added, listed, removed and searched."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from aiohttp import web

from adapters.web.body import MEGABYTE, read_body
from adapters.web.events import EventStream
from bot.errors import StoreError, UserError, words_for
from bot.knowledge.library import Added
from bot.request import one_line
from bot.stores import Stores
from models.engine import EngineError

MOST = 20
"""Megabytes a document may have."""
KINDS = "Markdown, text, HTML and PDF"
SUFFIXES = (".md", ".markdown", ".txt", ".rst", ".html", ".htm", ".xhtml", ".pdf")
FOUND = 8
SERVER = ""


@dataclass(slots=True)
class _Progress:
    """How far an import is, from who does it to who tells the page. Only the newest figure counts."""

    done: int = 0
    total: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, done: int, total: int) -> None:
        self.done, self.total = done, total
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
        found = await self._stores.library.documents(SERVER)
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
        if not name.lower().endswith(SUFFIXES):
            raise web.HTTPUnsupportedMediaType(text=f"{name or 'That'} is of a kind I cannot read; I read {KINDS}.")
        content = await read_body(request, MOST * MEGABYTE)
        events = await EventStream.open(request)
        await self._read_in(name, content, events)
        return await events.close()

    async def remove(self, request: web.Request) -> web.Response:
        if not await self._stores.library.remove(SERVER, request.match_info["id"]):
            raise web.HTTPNotFound(text="That document is gone already.")
        return web.json_response({})

    async def search(self, request: web.Request) -> web.Response:
        words = request.query.get("words", "").strip()[:500]
        found = (await self._stores.library.search(SERVER, words, FOUND)).hits if words else ()
        passages = [
            {"title": one.title, "heading": one.heading, "text": one.text, "score": round(one.score, 3)}
            for one in found
        ]
        return web.json_response({"passages": passages})

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
            await events.send("added", {"words": _added(added)})
        finally:
            reading.cancel()


def _added(added: Added) -> str:
    pieces = f"{added.passages} passage" + ("" if added.passages == 1 else "s")
    match added.outcome:
        case "same":
            return f"{added.title} is here already, unchanged."
        case "changed":
            return f"{added.title} is replaced: {pieces}."
        case _:
            return f"{added.title} is added: {pieces}."


async def _follow(reading: asyncio.Task[Added], progress: _Progress, events: EventStream) -> None:
    """Tell the page each new figure until `reading` has ended."""
    reading.add_done_callback(lambda _: progress.news.set())
    while not reading.done():
        await progress.news.wait()
        progress.news.clear()
        if progress.total and not reading.done():
            await events.send("progress", {"done": progress.done, "total": progress.total})
