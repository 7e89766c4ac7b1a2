"""Conversations: a person's own, listed, opened, renamed and deleted."""

from __future__ import annotations

from aiohttp import web

from adapters.web.body import read_json, text_of
from adapters.web.chat import Core
from adapters.web.sessions import SESSION, Session
from adapters.web.turns import View, families, stored
from bot.memory import Conversation
from bot.privacy import forget_conversation
from bot.stores import Stores
from bot.turns import TurnRow

UNNAMED = "New conversation"


class Conversations:
    """The list beside the chat. A conversation is named by its key, which only its owner was given."""

    def __init__(self, core: Core, stores: Stores) -> None:
        self._core = core
        self._stores = stores

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/conversations", self.index),
            web.post("/conversations", self.new),
            web.get("/conversations/{key}", self.open),
            web.patch("/conversations/{key}", self.rename),
            web.delete("/conversations/{key}", self.delete),
        ]

    async def index(self, request: web.Request) -> web.Response:
        found = await self._stores.memory.conversations(request[SESSION].user)
        return web.json_response({"conversations": [_entry(one) for one in found if one.place.platform == "web"]})

    async def new(self, request: web.Request) -> web.Response:
        """A key for a conversation that begins with its first question."""
        return web.json_response({"key": request[SESSION].new_key()}, status=201)

    async def open(self, request: web.Request) -> web.Response:
        found = await self._find(request)
        rows = await self._stores.turns.of_conversation(found.id)
        views = [await self._view(row, versions, request[SESSION]) for row, versions in families(rows)]
        return web.json_response(_entry(found) | {"turns": views})

    async def rename(self, request: web.Request) -> web.Response:
        title = text_of(await read_json(request), "title").strip()
        if not title:
            raise web.HTTPBadRequest(text="A conversation needs a name.")
        found = await self._find(request)
        await self._stores.memory.rename(found.id, title)
        return web.json_response(_entry(await self._find(request)))

    async def delete(self, request: web.Request) -> web.Response:
        await forget_conversation(self._stores, (await self._find(request)).id)
        return web.json_response({})

    async def _find(self, request: web.Request) -> Conversation:
        session = request[SESSION]
        found = await self._stores.memory.find(session.user, session.place(request.match_info["key"]))
        if found is None:
            raise web.HTTPNotFound(text="There is no such conversation here.")
        return found

    async def _view(self, row: TurnRow, versions: list[str], session: Session) -> View:
        ratings = await self._stores.feedback.of_turn(row.id)
        own = (rating.rating for rating in ratings if rating.user == session.user and rating.kind == "thumb")
        commands = {command.name: command for command in self._core.commands}
        return stored(row, versions, next(own, ""), commands)


def _entry(conversation: Conversation) -> dict[str, object]:
    return {
        "key": conversation.place.thread,
        "title": conversation.title or UNNAMED,
        "summary": conversation.summary,
        "updated": conversation.updated.isoformat(),
    }
