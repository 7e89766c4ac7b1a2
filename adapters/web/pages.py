"""Pages: the frames that the browser gets, and the login in front of them."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from adapters.web.body import MEGABYTE, read_body
from adapters.web.chat import Core
from adapters.web.frames import HERE, Frames, from_elsewhere, to
from adapters.web.sessions import SESSION, Sessions
from bot.commands import Command
from bot.knowledge.reading import KINDS, MOST_BYTES

EXAMPLES = 5
_LOGIN_BODY = 4096


class Pages:
    """The chat, the knowledge page and the login."""

    def __init__(self, core: Core, sessions: Sessions, frames: Frames) -> None:
        self._core = core
        self._sessions = sessions
        self._frames = frames

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self.chat),
            web.get("/c/{key}", self.chat),
            web.get("/knowledge", self.knowledge),
            web.get("/login", self.login),
            web.post("/login", self.enter),
            web.post("/logout", self.leave),
            web.get("/favicon.ico", self.icon),
        ]

    async def chat(self, request: web.Request) -> web.Response:
        key = request.match_info.get("key", "")
        if key:
            request[SESSION].place(key)
        return self._page(request, "chat.html", key=key, examples=examples(self._core.commands))

    async def knowledge(self, request: web.Request) -> web.Response:
        limits = {f"most_{kind}": most // MEGABYTE for kind, most in MOST_BYTES.items()}
        return self._page(request, "knowledge.html", accept=",".join(KINDS), **limits)

    async def login(self, request: web.Request) -> web.Response:
        if not self._sessions.guarded or self._sessions.read(request):
            raise web.HTTPSeeOther("/")
        return self._frames.page("login.html", words="")

    async def enter(self, request: web.Request) -> web.StreamResponse:
        """Take the token. Wrong ones are answered more and more slowly."""
        address, attempts = request.remote or "", self._sessions.attempts
        wait = attempts.wait(address)
        if wait:
            words = f"Too many wrong tokens. Try again in {math.ceil(wait)} s."
            return self._frames.page("login.html", status=429, words=words)
        form = dict(_pairs(await read_body(request, _LOGIN_BODY)))
        if not self._sessions.accepts(form.get("token", "")):
            attempts.wrong(address)
            words = "That is not the token. It stands in the .env file as WEB_TOKEN."
            return self._frames.page("login.html", status=403, words=words)
        attempts.right(address)
        response = to("/")
        self._sessions.write(request, response, self._sessions.known(request))
        return response

    async def leave(self, request: web.Request) -> web.StreamResponse:
        response = to("/login" if self._sessions.guarded else "/")
        self._sessions.clear(request, response)
        return response

    async def icon(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(HERE / "static" / "icon.svg")

    def _page(self, request: web.Request, name: str, **values: Any) -> web.Response:
        """A page for a session. Its cookie is written, or written again so that it lives on."""
        if self._sessions.read(request) is None and from_elsewhere(request):
            # Ask once more from here, or a new cookie would take the place of theirs, and their conversations with it.
            return self._frames.page("again.html")
        response = self._frames.page(name, **values, guarded=self._sessions.guarded)
        self._sessions.write(request, response, request[SESSION])
        return response


def examples(commands: tuple[Command, ...], most: int = EXAMPLES) -> list[tuple[Command, str]]:
    """One example of each of the first commands that have any."""
    return [(command, command.examples[0]) for command in commands if command.examples][:most]


def _pairs(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(body.decode(errors="replace"))
