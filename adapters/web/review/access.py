"""Access: who a request to the moderators' console comes from, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from adapters.web.frames import to
from adapters.web.sessions import Session, locale_of, named, write_cookie
from bot.places import Moderator
from bot.roles import Role, role_of
from bot.stores import Stores
from bot.visitors import VISIT, Visitor

NEEDED = {
    Role.REVIEW: "You may look here, but only this server's moderators can decide.",
    Role.TRAIN: "Only those who may train can do that. Nothing was changed.",
    Role.ADMIN: "Only the owner can do that. Nothing was changed.",
}


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Somebody on the console. `visit` is their browser's key, "" for the owner's own browser."""

    visitor: Visitor
    role: Role
    visit: str = ""

    @property
    def everywhere(self) -> bool:
        return bool(self.visitor.granted)

    @property
    def moderator(self) -> Moderator:
        """Them as the queue knows them."""
        one = self.visitor
        senior = one.admin or self.role >= Role.TRAIN
        return Moderator(one.user, one.name, one.platform, one.server, self.everywhere, senior)

    def must(self, role: Role) -> None:
        """Raises 403 with a sentence."""
        if self.role < role:
            raise web.HTTPForbidden(text=NEEDED[role])


REVIEWER = web.RequestKey("reviewer", Reviewer)


class Access:
    """Tells who comes. `trusted` are the servers whose admins may change what answers everywhere."""

    def __init__(self, stores: Stores, trusted: frozenset[str]) -> None:
        self._stores = stores
        self._trusted = trusted

    async def reviewer(self, request: web.Request, session: Session | None) -> Reviewer | None:
        """Who is signed in, else the owner if `session` is one that counts; None for anybody else.

        The role is what the server's settings say now, whatever they said when somebody signed in.
        """
        visit = request.cookies.get(_cookie(request), "")
        visitor = await self._stores.visitors.visitor(visit) if visit else None
        if visitor is not None:
            role = await self.role(visitor)
            return None if role is None else Reviewer(visitor, role, visit)
        if session is None:
            return None
        return Reviewer(
            Visitor(session.user, "Owner", session.name, locale=locale_of(request), granted="admin"), Role.ADMIN
        )

    async def role(self, visitor: Visitor) -> Role | None:
        server = await self._stores.places.server(visitor.platform, visitor.server)
        return role_of(visitor, server, trusted=f"{visitor.platform}:{visitor.server}" in self._trusted)

    def let_in(self, request: web.Request, visit: str) -> web.Response:
        """Sign the browser in, and go on to the console."""
        response = to("/review")
        write_cookie(request, response, _cookie(request), visit, int(VISIT.total_seconds()))
        return response

    def clear(self, request: web.Request, response: web.StreamResponse) -> None:
        response.del_cookie(_cookie(request), path="/")


def _cookie(request: web.Request) -> str:
    return named(request, "parley-review")
