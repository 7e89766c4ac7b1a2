"""The peer's gateway: identify, heartbeats, sequence numbers, resume, and the faults that Discord has."""

from __future__ import annotations

import asyncio
import copy
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import discord
from aiohttp import WSMsgType, web
from simcord import intents as rules
from simcord.backend import Backend, serializers

DISPATCH, HEARTBEAT, IDENTIFY, RESUME, RECONNECT, INVALID_SESSION, HELLO, ACK = 0, 1, 2, 6, 7, 9, 10, 11
HEARTBEAT_MS = 41_250


@dataclass(eq=False)
class Session:
    """One identified client: what it was sent stays here, so that it can be sent again.

    `shard`: its number and how many there are; it hears of the guilds that fall to it, and of direct messages as the
    first.
    """

    id: str
    intents: discord.Intents
    socket: web.WebSocketResponse | None
    shard: tuple[int, int] = (0, 1)
    sent: list[dict[str, Any]] = field(default_factory=list)
    outbox: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)

    def hears_of(self, guild_id: int) -> bool:
        number, count = self.shard
        return (guild_id >> 22) % count == number


class Gateway:
    """`approved`: the intents switched on in the portal. Counts `identified` and `resumed` connections."""

    def __init__(self, backend: Backend, token: str) -> None:
        self.url = ""
        self.approved = discord.Intents.all()
        self.sessions: dict[str, Session] = {}
        self.news = asyncio.Event()
        self.identified = 0
        self.resumed = 0
        self._backend = backend
        self._token = token
        backend.subscribers.append(self._emit)

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": HELLO, "d": {"heartbeat_interval": HEARTBEAT_MS}})
        session: Session | None = None
        pump: asyncio.Task[None] | None = None
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    continue
                said = json.loads(message.data)
                if said["op"] == HEARTBEAT:
                    await socket.send_json({"op": ACK})
                elif said["op"] == IDENTIFY:
                    session = await self._identify(socket, said["d"])
                elif said["op"] == RESUME:
                    session = await self._resume(socket, said["d"])
                if session is not None and pump is None:
                    pump = asyncio.create_task(self._pump(session, socket))
        finally:
            if pump is not None:
                pump.cancel()
                await asyncio.wait([pump])
            if session is not None and session.socket is socket:
                session.socket = None
        return socket

    async def drop(self) -> None:
        """Cut every connection without a word; the sessions can be resumed."""
        for session in list(self.sessions.values()):
            if session.socket is not None and session.socket._req is not None:
                transport = session.socket._req.transport
                session.socket = None
                if transport is not None:
                    transport.abort()

    async def order_reconnect(self) -> None:
        """Opcode 7."""
        await self._order({"op": RECONNECT, "d": None})

    async def invalidate(self) -> None:
        """Opcode 9: the session is gone."""
        sockets = [session.socket for session in self.sessions.values() if session.socket is not None]
        self.sessions.clear()
        for socket in sockets:
            await socket.send_json({"op": INVALID_SESSION, "d": False})

    async def _order(self, payload: dict[str, Any]) -> None:
        for session in list(self.sessions.values()):
            if session.socket is not None:
                await session.socket.send_json(payload)

    async def _identify(self, socket: web.WebSocketResponse, said: dict[str, Any]) -> Session | None:
        if said["token"] != self._token:
            await socket.close(code=4004, message=b"Authentication failed.")
            return None
        intents = discord.Intents._from_value(said["intents"])
        if rules.missing_privileged_intents(intents, self.approved):
            await socket.close(code=4014, message=b"Disallowed intent(s).")
            return None
        backend = self._backend
        number, count = said.get("shard", (0, 1))
        session = Session(secrets.token_hex(8), intents, socket, (number, count))
        guilds = {id: guild for id, guild in backend.guilds.items() if session.hears_of(id)}
        self.sessions[session.id] = session
        self.identified += 1
        self.news.set()
        self._give(session, "READY", {
            "v": 10, "user": dict(serializers.user_payload(backend.bot_user)),
            "guilds": [{"id": str(guild), "unavailable": True} for guild in guilds],
            "session_id": session.id, "resume_gateway_url": self.url, "shard": [number, count],
            "application": {"id": str(backend.application_id), "flags": 0},
        })  # fmt: skip
        for guild in guilds.values():
            self._give(session, "GUILD_CREATE", serializers.guild_create_payload(backend, guild))
        return session

    async def _resume(self, socket: web.WebSocketResponse, said: dict[str, Any]) -> Session | None:
        session = self.sessions.get(said["session_id"])
        if session is None or said["token"] != self._token:
            await socket.send_json({"op": INVALID_SESSION, "d": False})
            return None
        self.resumed += 1
        self.news.set()
        session.socket = socket
        session.outbox = asyncio.Queue()
        for frame in session.sent[said["seq"] :]:
            session.outbox.put_nowait(frame)
        self._give(session, "RESUMED", {})
        return session

    async def _pump(self, session: Session, socket: web.WebSocketResponse) -> None:
        outbox = session.outbox
        while not socket.closed:
            await socket.send_json(await outbox.get())

    def _emit(self, event: str, payload: Mapping[str, Any]) -> None:
        for session in self.sessions.values():
            gate = rules.required_intent(event, payload)
            allowed = gate is None or getattr(session.intents, gate)
            if allowed and session.hears_of(_guild_of(event, payload)):
                self._give(session, event, payload)

    def _give(self, session: Session, event: str, payload: Mapping[str, Any]) -> None:
        shown = copy.deepcopy(dict(payload))
        me = self._backend.bot_user.id
        if not session.intents.message_content:
            self._censor(event, shown, me)
        if event == "GUILD_CREATE":
            rules.prune_guild_create(shown, session.intents, me)
        frame = {"op": DISPATCH, "t": event, "s": len(session.sent) + 1, "d": shown}
        session.sent.append(frame)
        session.outbox.put_nowait(frame)

    def _censor(self, event: str, payload: dict[str, Any], me: int) -> None:
        if event in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
            rules.censor_message(payload, me, backend=self._backend)
        elif event == "INTERACTION_CREATE" and isinstance(payload.get("message"), dict):
            rules.censor_message(payload["message"], me, backend=self._backend, exempt_root=True)


def _guild_of(event: str, payload: Mapping[str, Any]) -> int:
    """The guild that an event is of; 0 for direct messages."""
    own = event in ("GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE")
    return int(payload["id"] if own else payload.get("guild_id") or 0)
