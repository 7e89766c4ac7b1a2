"""Chat: a question or a press comes in by POST, its answer goes out as events on the same connection."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from aiohttp import web

from adapters.web.body import MEGABYTE, read_json, text_of
from adapters.web.events import EventStream
from adapters.web.reply import WebReply
from adapters.web.sessions import SESSION, Session, locale_of
from bot.commands import Command
from bot.controls import Control
from bot.reply import Reply, Stream
from bot.request import Attachment, MessageRef, Press, Request, one_line
from bot.stores import Stores
from bot.turn import Finished

BODY = 4 * MEGABYTE
FILES = 5
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_GONE = "There is no such answer here any more."


class Core(Protocol):
    """What the page needs of `bot.chatbot.ChatBot`."""

    @property
    def commands(self) -> tuple[Command, ...]: ...

    @property
    def load(self) -> tuple[int, int]: ...

    async def handle(self, request: Request, reply: Reply) -> None: ...

    async def aside(self, request: Request) -> Finished: ...


class Chat:
    """The one address for everything a person says or presses."""

    def __init__(self, core: Core, stores: Stores) -> None:
        self._core = core
        self._stores = stores
        self._running: dict[str, str] = {}

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/turns", self.ask)]

    async def ask(self, request: web.Request) -> web.StreamResponse:
        """Answer a question or a press. When the page goes away, the turn is stopped."""
        session = request[SESSION]
        wanted = await self._read(request, session)
        async with EventStream.open(request) as events:
            reply = WebReply(events, self._versions)
            await self._core.handle(wanted, _Watched(reply, self._running, session.user))
        return events.response

    async def _read(self, request: web.Request, session: Session) -> Request:
        body = await read_json(request, BODY)
        press = _press(body)
        if press is not None:
            await self._check_owner(press, session, text_of(body, "conversation"))
        message = text_of(body, "id") or secrets.token_hex(8)
        if _REQUEST_ID.fullmatch(message) is None:
            raise web.HTTPBadRequest(text="That request has a strange id.")
        text, attachments = text_of(body, "text"), _attachments(body)
        if press is None and not text.strip():
            raise web.HTTPBadRequest(text="Type a question first.")
        return Request(
            id=f"{session.name}:{message}",
            place=session.place(text_of(body, "conversation")),
            author=session.author(locale_of(request)),
            text=text,
            press=press,
            attachments=attachments,
        )

    async def _check_owner(self, press: Press, session: Session, key: str) -> None:
        if press.turn_id in self._running:
            if self._running[press.turn_id] != session.user:
                raise web.HTTPNotFound(text=_GONE)
            return
        row = await self._stores.turns.get(press.turn_id)
        if row is None or row.user != session.user or row.thread != key:
            raise web.HTTPNotFound(text=_GONE)

    async def _versions(self, turn_id: str) -> Sequence[str]:
        rows = await self._stores.turns.versions(turn_id)
        return [row.id for row in rows if row.state != "undone"] or [turn_id]


class _Watched:
    """A reply that notes whose turn is running, for as long as it is."""

    def __init__(self, reply: Reply, running: dict[str, str], user: str) -> None:
        self._reply = reply
        self._running = running
        self._user = user

    async def send(self, turn_id: str, stream: Stream) -> MessageRef:
        with self._noted(turn_id):
            return await self._reply.send(turn_id, stream)

    async def fail(self, words: str) -> None:
        await self._reply.fail(words)

    @contextmanager
    def _noted(self, turn_id: str) -> Iterator[None]:
        if turn_id in self._running:  # a press on a turn that still runs, such as Stop
            yield
            return
        self._running[turn_id] = self._user
        try:
            yield
        finally:
            del self._running[turn_id]


def _press(body: dict[str, Any]) -> Press | None:
    press = body.get("press")
    if press is None:
        return None
    if not isinstance(press, dict) or text_of(press, "control") not in list(Control):
        raise web.HTTPBadRequest(text="There is no such button.")
    return Press(text_of(press, "turn"), text_of(press, "control"), text_of(press, "value"))


def _attachments(body: dict[str, Any]) -> tuple[Attachment, ...]:
    files = body.get("attachments", [])
    if not isinstance(files, list) or not all(isinstance(file, dict) for file in files):
        raise web.HTTPBadRequest(text="attachments has to be a list of files.")
    if len(files) > FILES:
        raise web.HTTPBadRequest(text=f"Up to {FILES} files can go with one message.")
    return tuple(_attachment(file) for file in files)


def _attachment(file: dict[str, Any]) -> Attachment:
    name = one_line(text_of(file, "name"), 120) or "file"
    try:
        content = base64.b64decode(text_of(file, "content"), validate=True)
        content.decode()
    except binascii.Error:
        raise web.HTTPBadRequest(text=f"{name} arrived damaged. Attach it again.") from None
    except UnicodeDecodeError:
        words = f"{name} is not a text file. The knowledge page also takes PDF."
        raise web.HTTPUnsupportedMediaType(text=words) from None

    async def read() -> bytes:
        return content

    return Attachment(name, text_of(file, "mime") or "text/plain", len(content), read)
