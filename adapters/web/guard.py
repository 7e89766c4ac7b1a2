"""The guard at the door: who may come in, from which page, and what a browser may do with what it gets."""

from __future__ import annotations

from urllib.parse import urlsplit

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from adapters.web.frames import Frames, from_elsewhere
from adapters.web.review.access import REVIEWER, Access
from adapters.web.sessions import SESSION, Session, Sessions
from bot.errors import StoreError, UserError, words_for
from bot.settings import LOOPBACK

log = structlog.get_logger(__name__)

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not "no-referrer": with that, browsers hide the origin of a form's POST, which is checked here.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
OPEN = ("/healthz", "/readyz", "/login")
METRICS = "/metrics"
"""For a collector, which keeps no cookie: it sends WEB_TOKEN as a bearer."""
SAFE = ("GET", "HEAD")
CONSOLE, ENTRY = "/review", "/review/enter"


async def protect(request: web.Request, response: web.StreamResponse) -> None:
    """Signal before each response: what the browser may do with it."""
    response.headers.update(HEADERS)
    stays = "no-cache" if request.path.startswith("/static/") else "no-store"
    response.headers.setdefault("Cache-Control", stays)


class Guard:
    """Checks each request before a handler sees it.

    On a loopback address only loopback names are served, else a hostile page could reach this one by giving its own
    name that address. Whatever changes something has to come from this very page. `address` is the page's public one,
    which a proxy in front of it serves.
    """

    def __init__(self, sessions: Sessions, access: Access, frames: Frames, host: str, address: str) -> None:
        self._sessions = sessions
        self._access = access
        self._frames = frames
        self._loopback = host in LOOPBACK
        self._public = urlsplit(address)

    def middlewares(self) -> list[Middleware]:
        return [_words, self._host, self._origin, self._session]

    @web.middleware
    async def _host(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        name = urlsplit(f"//{request.host}").hostname or ""
        if self._loopback and name not in (*LOOPBACK, self._public.hostname):
            raise web.HTTPForbidden(text="This page answers only on the machine it runs on, as 127.0.0.1 or localhost.")
        return await handler(request)

    @web.middleware
    async def _origin(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method not in SAFE:
            origin = urlsplit(request.headers.get("Origin", "")).netloc
            own = (request.host, request.headers.get("X-Forwarded-Host"), self._public.netloc)
            if not origin or origin not in own:
                raise web.HTTPForbidden(text="That did not come from this page, so nothing was done.")
        return await handler(request)

    @web.middleware
    async def _session(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in OPEN or request.path.startswith("/static/"):
            return await handler(request)
        if request.path == METRICS and self._sessions.bears(request):
            return await handler(request)
        session = self._sessions.read(request)
        if request.path == CONSOLE or request.path.startswith(f"{CONSOLE}/"):
            return await self._console(request, handler, session)
        if session is None and self._sessions.guarded:
            if _is_page(request):
                raise web.HTTPSeeOther("/login")
            raise web.HTTPUnauthorized(text="This page has been locked. Reload it and enter the token.")
        request[SESSION] = session or self._sessions.known(request)
        return await handler(request)

    async def _console(self, request: web.Request, handler: Handler, session: Session | None) -> web.StreamResponse:
        """The moderators' console, for who is signed in to it, and for the owner."""
        entry = request.path.startswith(ENTRY)
        if session is None and not entry and _is_page(request) and from_elsewhere(request):
            return self._frames.page("again.html")
        known = session if self._sessions.guarded else session or self._sessions.known(request)
        reviewer = await self._access.reviewer(request, known)
        if reviewer is not None:
            request[REVIEWER] = reviewer
            if known is not None:
                request[SESSION] = known
        elif not entry:
            if _is_page(request):
                raise web.HTTPSeeOther(ENTRY)
            raise web.HTTPUnauthorized(text="You are no longer signed in. Ask for a new link with /review.")
        return await handler(request)


@web.middleware
async def _words(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors as one sentence: JSON for scripts, plain text for a person."""
    try:
        return await handler(request)
    except UserError as error:
        return _sentence(request, 400, error.words)
    except StoreError as error:
        return _sentence(request, 503, words_for(error).text)
    except web.HTTPError as error:
        words = {404: "There is nothing here.", 405: "That cannot be done here."}.get(error.status, "")
        plain = error.text is None or error.text == f"{error.status}: {error.reason}"
        return _sentence(request, error.status, words if plain and words else error.text or error.reason)
    except web.HTTPException:
        raise  # a way to another page
    except Exception as error:
        if request.writer.output_size > 0:
            raise  # in the middle of an answer: the page sees that it broke off
        log.error("page_failed", path=request.path, exc_info=error)
        return _sentence(request, 500, "Something in me broke on this one. It is in the log; nothing was lost.")


def _sentence(request: web.Request, status: int, words: str) -> web.Response:
    if _is_page(request):
        return web.Response(status=status, text=words)
    return web.json_response({"error": words}, status=status)


def _is_page(request: web.Request) -> bool:
    return "text/html" in request.headers.get("Accept", "")
