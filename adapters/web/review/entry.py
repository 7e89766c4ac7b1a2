"""Entry: the way in by a link that works once, and the way out."""

from __future__ import annotations

from aiohttp import web

from adapters.web.frames import to
from adapters.web.review.access import REVIEWER, Access
from adapters.web.review.door import Door
from bot.stores import Stores


class Entry:
    """Links. Opening one changes nothing, as chats open links to preview them; a press does."""

    def __init__(self, stores: Stores, access: Access, door: Door) -> None:
        self._stores = stores
        self._access = access
        self._door = door

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/review/enter", self.closed),
            web.get("/review/enter/{secret}", self.open),
            web.post("/review/enter/{secret}", self.enter),
            web.post("/review/leave", self.leave),
        ]

    async def closed(self, request: web.Request) -> web.StreamResponse:
        """How one comes in."""
        if REVIEWER in request:
            raise web.HTTPSeeOther("/review")
        return self._door.page()

    async def open(self, request: web.Request) -> web.StreamResponse:
        visitor = await self._stores.visitors.invited(request.match_info["secret"])
        if visitor is None:
            return self._door.page("That link was used already, or is too old.", 410)
        role = await self._access.role(visitor)
        if role is None:
            return self._door.page("That link is of somebody who is no longer a moderator there.", 403)
        return self._door.page(name=visitor.name, role=role.label)

    async def enter(self, request: web.Request) -> web.StreamResponse:
        visit = await self._stores.visitors.enter(request.match_info["secret"])
        if visit is None:
            return self._door.page("That link was used already, or is too old.", 410)
        return self._access.let_in(request, visit)

    async def leave(self, request: web.Request) -> web.StreamResponse:
        """Sign out. An owner's own browser is not signed in; for it there is the lock of the page."""
        if request[REVIEWER].visit:
            await self._stores.visitors.leave(request[REVIEWER].visit)
        response = to("/review/enter")
        self._access.clear(request, response)
        return response
