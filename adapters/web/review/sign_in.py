"""Signing in with Discord or Slack: the browser is sent there, comes back, and has the role that its server gives."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Mapping
from dataclasses import replace

import aiohttp
import structlog
from aiohttp import web

from adapters.web.review.access import Access
from adapters.web.review.door import Choice, Door
from adapters.web.review.oauth import Attempt, Identity, Provider, Refused
from adapters.web.sessions import named, write_cookie
from bot.delivery import SendError
from bot.messengers import Messenger
from bot.request import Place
from bot.stores import Stores
from bot.visitors import LINK, Visitor

log = structlog.get_logger(__name__)

BACK = "/review/enter/back"
STALE = (
    "That sign-in was not begun in this browser, was used already, or took longer than "
    f"{int(LINK.total_seconds() // 60)} minutes. Begin again."
)


class SignIn:
    """Two addresses: one sends people to their platform, to the other it sends them back.

    What they may do is looked up as for a link from chat: the platform says who it is, the bot's own connection to it
    says where that person is a member with which roles, and the server's settings say what these may do. `messengers`
    are those connections; adapters enter themselves.
    """

    def __init__(
        self, stores: Stores, access: Access, door: Door, providers: Mapping[str, Provider],
        messengers: Mapping[str, Messenger], address: str,
    ) -> None:  # fmt: skip
        self._stores = stores
        self._access = access
        self._door = door
        self._providers = providers
        self._messengers = messengers
        self._address = address

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/review/enter/with/{platform}", self.begin), web.get(f"{BACK}/{{platform}}", self.end)]

    async def begin(self, request: web.Request) -> web.StreamResponse:
        provider, attempt = self._provider(request), Attempt.begin()
        response = web.Response(status=303, headers={"Location": provider.address(attempt, self._back(request))})
        # Lax, as a strict cookie would not come along when the platform sends the browser back.
        secrets, seconds = f"{attempt.state}.{attempt.verifier}", int(LINK.total_seconds())
        write_cookie(request, response, _cookie(request), secrets, seconds, path=BACK, samesite="Lax")
        return response

    async def end(self, request: web.Request) -> web.StreamResponse:
        response = await self._end(request, self._provider(request))
        response.del_cookie(_cookie(request), path=BACK)  # a second time with the same state is refused
        return response

    async def _end(self, request: web.Request, provider: Provider) -> web.StreamResponse:
        state, _, verifier = request.cookies.get(_cookie(request), "").partition(".")
        if not state or not hmac.compare_digest(state.encode(), request.query.get("state", "").encode()):
            return self._door.page(STALE, 400)
        if "code" not in request.query:
            log.info("sign_in_denied", platform=provider.platform)
            return self._door.page(f"{provider.title} says that it was not allowed, so nobody was signed in.", 403)
        messenger = self._messengers.get(provider.platform)
        if messenger is None:
            words = f"I am not connected to {provider.title} just now, so I cannot see what you may do. "
            return self._door.page(f"{words}Try again in a minute.", 503)
        try:
            attempt = Attempt(state, verifier)
            identity = await provider.identity(request.query["code"], attempt, self._back(request))
            visitors = await _visitors(provider.platform, identity, messenger)
        except Refused as error:
            log.warning("sign_in_refused", platform=provider.platform, error=str(error))
            return self._door.page(
                f"{provider.title} did not confirm it. Begin again; if that does not help, the owner finds the reason "
                "in the log.", 502,
            )  # fmt: skip
        except (aiohttp.ClientError, TimeoutError, SendError) as error:
            log.warning("sign_in_failed", platform=provider.platform, kind=type(error).__name__)
            return self._door.page(f"{provider.title} does not answer just now. Try again in a minute.", 502)
        return await self._let_in(request, provider, identity, visitors)

    async def _let_in(
        self, request: web.Request, provider: Provider, identity: Identity, visitors: list[Visitor]
    ) -> web.StreamResponse:
        """The only server where they may do something at once; of several they choose."""
        roles = [(visitor, role) for visitor in visitors if (role := await self._access.role(visitor)) is not None]
        if not roles:
            return self._door.page(
                f"You are signed in with {provider.title}, but are a moderator of no server that I am on. A server's "
                "admins say who its moderators are.", 403,
            )  # fmt: skip
        secrets = [await self._stores.visitors.invite(visitor) for visitor, _ in roles]
        if len(secrets) == 1 and (visit := await self._stores.visitors.enter(secrets[0])) is not None:
            return self._access.let_in(request, visit)
        return self._door.page(
            choices=[
                Choice(f"/review/enter/{secret}", identity.servers[visitor.server], role.label)
                for secret, (visitor, role) in zip(secrets, roles, strict=True)
            ]
        )

    def _provider(self, request: web.Request) -> Provider:
        provider = self._providers.get(request.match_info["platform"])
        if provider is None:
            raise web.HTTPNotFound
        return provider

    def _back(self, request: web.Request) -> str:
        """Where the platform sends people back to; the owner has entered the same address there."""
        origin = self._address or str(request.url.origin())
        return f"{origin}{BACK}/{request.match_info['platform']}"


async def _visitors(platform: str, identity: Identity, messenger: Messenger) -> list[Visitor]:
    """Them as a member of each server that the bot is on too. Raises a SendError."""
    authors = await asyncio.gather(*(messenger.member(server, identity.user) for server in identity.servers))
    return [
        Visitor.of(Place(platform, server), replace(author, locale=identity.locale))
        for server, author in zip(identity.servers, authors, strict=True) if author is not None
    ]  # fmt: skip


def _cookie(request: web.Request) -> str:
    return named(request, "parley-sign-in")
