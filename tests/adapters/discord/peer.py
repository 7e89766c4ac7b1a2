"""A Discord on loopback: simcord's rules behind real sockets, with the faults that the real one has."""

from __future__ import annotations

import asyncio
import fnmatch
import io
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace, TracebackType
from typing import Any, Self

import simcord.http.routes  # noqa: F401 - registers every route
from aiohttp import web
from simcord._clock import Clock
from simcord.backend import Backend, cdn
from simcord.backend.errors import BackendError
from simcord.backend.models import Message
from simcord.http.router import dispatch

from tests.adapters.discord.gateway import Gateway

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.Gabcde.not-a-real-token-only-for-the-peer"
API = "/api/v10"


class RealClock(Clock):
    """Wall time: deadlines of the peer are the real ones. `ahead` seconds can be added."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time() + self.ahead, UTC)


@dataclass
class Fault:
    """The next `times` requests that fit get `status` instead of an answer; `delay` seconds pass first."""

    method: str
    path: str
    status: int = 0
    times: int = 1
    retry_after: float = 0.1
    code: int = 0
    delay: float = 0.0
    after: bool = False


@dataclass(frozen=True)
class Call:
    """One request that the bot sent. `status` is what it was told."""

    method: str
    path: str
    body: Any
    status: int
    at: float


@dataclass
class Peer:
    """The virtual Discord. `backend` is simcord's; `calls` is all that the bot sent, in order."""

    backend: Backend = field(default_factory=lambda: Backend(clock=RealClock()))
    token: str = TOKEN
    calls: list[Call] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    port: int = 0
    patience: float = 3.0
    """Seconds within which an interaction has to be acknowledged, as with Discord."""

    def __post_init__(self) -> None:
        self.gateway = Gateway(self.backend, self.token)
        self._news = asyncio.Event()
        self.gateway.news = self._news
        self.backend.subscribers.append(lambda event, payload: self._news.set())

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_get("/gateway", self.gateway.handle)
        app.router.add_get("/cdn/{path:.*}", self._cdn)
        app.router.add_route("*", API + "/{path:.*}", self._rest)
        self._runner = web.AppRunner(app, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.gateway.url = f"ws://127.0.0.1:{self.port}/gateway"
        cdn.CDN_BASE = f"http://127.0.0.1:{self.port}/cdn"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    @property
    def settings(self) -> dict[str, str]:
        """What a bot has to be told to talk to this peer."""
        return {
            "discord_token": self.token,
            "discord_api_url": f"http://127.0.0.1:{self.port}{API}",
            "discord_gateway_url": self.gateway.url,
        }

    async def until(self, condition: Callable[[], Any], seconds: float = 60.0, words: str = "") -> Any:
        """What `condition` gives once it is true; looked at whenever something happened on the wire."""
        try:
            async with asyncio.timeout(seconds):
                while not (found := condition()):
                    self._news.clear()
                    await self._news.wait()
                return found
        except TimeoutError:
            raise AssertionError(f"not within {seconds} s: {words or condition}\n{self.story()}") from None

    def notify(self) -> None:
        """Something happened beside the wire that somebody may wait for."""
        self._news.set()

    def story(self) -> str:
        """The last calls, for a failed test."""
        return "\n".join(f"{c.status} {c.method} {c.path} {json.dumps(c.body)[:300]}" for c in self.calls[-25:])

    def messages(self, channel_id: int) -> list[Message]:
        """What stands in a channel, oldest first."""
        return list(self.backend.messages.get(channel_id, {}).values())

    def answers(self, channel_id: int) -> list[Message]:
        """What the bot has standing in a channel, oldest first."""
        me = self.backend.bot_user.id
        return [message for message in self.messages(channel_id) if message.author_id == me]

    async def _cdn(self, request: web.Request) -> web.Response:
        blob = self.backend.cdn.get(f"{cdn.CDN_BASE}/{request.match_info['path']}")
        return web.Response(status=404) if blob is None else web.Response(body=blob)

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        path = "/" + request.match_info["path"]
        body, files = await _read(request)
        fault = self._fault(request.method, path)
        if fault is not None:
            await asyncio.sleep(fault.delay)
        if fault is not None and fault.status and not fault.after:
            status, answer = fault.status, _trouble(fault)
        else:
            status, answer = self._answer(request, path, body, files)
            if fault is not None and fault.after:
                status, answer = fault.status, _trouble(fault)
        self.calls.append(Call(request.method, path, body, status, time.monotonic()))
        self._news.set()
        return _response(status, answer, fault)

    def _fault(self, method: str, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.method in (method, "*") and fnmatch.fnmatch(path, fault.path):
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                return fault
        return None

    def _answer(self, request: web.Request, path: str, body: Any, files: list[Any]) -> tuple[int, Any]:
        by_token = path.startswith(("/webhooks/", "/interactions/"))
        if not by_token and request.headers.get("Authorization") != f"Bot {self.token}":
            return 401, {"code": 0, "message": "401: Unauthorized"}
        if path == "/gateway/bot":
            limit = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
            return 200, {"url": self.gateway.url, "shards": 1, "session_start_limit": limit}
        if request.method == "GET" and path in ("/applications/@me", "/oauth2/applications/@me"):
            return 200, self._application()
        try:
            answer = dispatch(
                self.backend, request.method, path, json=body, params=dict(request.query), files=files,
                reason=request.headers.get("X-Audit-Log-Reason"),
            )  # fmt: skip
        except BackendError as error:
            return error.status, error.to_json()
        if request.method == "DELETE" and path.endswith("/messages/@original"):
            # simcord goes on taking the deleted message for the one to complete.
            token = path.split("/")[3]
            self.backend.interaction_by_token(token).complete_deferred()
        return (204, None) if answer is None else (200, answer)

    def _application(self) -> dict[str, Any]:
        answer = dict(dispatch(self.backend, "GET", "/oauth2/applications/@me"))
        approved = self.gateway.approved
        answer["flags"] = (1 << 18 if approved.message_content else 0) | (1 << 14 if approved.members else 0)
        return answer


async def _read(request: web.Request) -> tuple[Any, list[Any]]:
    """The JSON body and the files of a request."""
    if not request.can_read_body:
        return None, []
    if request.content_type == "application/json":
        return await request.json(), []
    if request.content_type != "multipart/form-data":
        return None, []
    body: Any = None
    files = []
    async for part in await request.multipart():
        content = await part.read(decode=True)  # type: ignore[union-attr]
        if part.name == "payload_json":
            body = json.loads(content)
        else:
            files.append(SimpleNamespace(fp=io.BytesIO(content), filename=part.filename, description=None))  # type: ignore[union-attr]
    return body, files


def _trouble(fault: Fault) -> dict[str, Any]:
    if fault.status == 429:
        return {"message": "You are being rate limited.", "retry_after": fault.retry_after, "global": False}
    return {"message": "trouble", "code": fault.code}


def _response(status: int, answer: Any, fault: Fault | None) -> web.Response:
    if status == 204:
        return web.Response(status=204)
    headers = {"Content-Type": "application/json"}  # discord.py reads JSON under exactly this type
    if status == 429 and fault is not None:
        # discord.py takes a 429 without Via for a ban of Cloudflare's and gives up.
        headers |= {"Retry-After": str(fault.retry_after), "Via": "1.1 peer"}
    return web.Response(status=status, body=json.dumps(answer).encode(), headers=headers)
