"""The web app: its parts put together and served at WEB_HOST:WEB_PORT."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from aiohttp import web
from prometheus_client import REGISTRY, CollectorRegistry

from adapters.web.chat import Chat, Core
from adapters.web.conversations import Conversations
from adapters.web.frames import HERE, Frames
from adapters.web.guard import Guard, protect
from adapters.web.health import Health, Readiness
from adapters.web.knowledge import Knowledge
from adapters.web.pages import Pages
from adapters.web.palette import Palette
from adapters.web.review.access import Access
from adapters.web.review.datasets import DatasetPages
from adapters.web.review.door import Door
from adapters.web.review.entry import Entry
from adapters.web.review.oauth import providers
from adapters.web.review.pages import ReviewPages
from adapters.web.review.queue import ReviewQueue
from adapters.web.review.runs import RunPages
from adapters.web.review.service import ServicePages
from adapters.web.review.sign_in import SignIn
from adapters.web.review.training import Training
from adapters.web.sessions import Sessions
from bot.errors import UserError
from bot.learning.retraining import Retraining
from bot.messengers import Messenger
from bot.settings import Settings
from bot.stores import Stores

SHUTDOWN_SECONDS = 3.0


class WebApp:
    """Chat, knowledge and the moderators' console. `async with WebApp(...)` serves them until it is left.

    `messengers` tell, by platform, who is a member where; adapters may enter themselves later.
    """

    def __init__(
        self,
        core: Core,
        stores: Stores,
        settings: Settings,
        readiness: Readiness,
        registry: CollectorRegistry = REGISTRY,
        retraining: Retraining | None = None,
        messengers: Mapping[str, Messenger] | None = None,
    ) -> None:
        self._settings = settings
        self._training = Training(retraining) if retraining is not None else None
        sessions = Sessions(settings.web_token.get_secret_value())
        frames, access = Frames(), Access(stores, settings.console_servers)
        known = providers(settings)
        titles = [(provider.platform, provider.title) for provider in known.values()]
        door = Door(frames, titles, guarded=sessions.guarded)
        guard = Guard(sessions, access, frames, settings.web_host, settings.web_address)
        app = web.Application(middlewares=guard.middlewares())
        parts = (
            Pages(core, sessions, frames),
            Chat(core, stores),
            Conversations(core, stores),
            Palette(core),
            Knowledge(stores),
            Health(readiness, registry),
            Entry(stores, access, door),
            SignIn(stores, access, door, known, {} if messengers is None else messengers, settings.web_url),
            ReviewPages(frames, sessions),
            ReviewQueue(core, stores),
            DatasetPages(settings, stores),
            RunPages(settings, stores, self._training),
            ServicePages(core, stores, readiness),
        )
        for part in parts:
            app.add_routes(part.routes())
        app.router.add_static("/static", HERE / "static")
        app.on_response_prepare.append(protect)
        # A page that goes away cancels its handler, and with it the turn.
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=SHUTDOWN_SECONDS, access_log=None)

    @property
    def port(self) -> int:
        """The port listened on; WEB_PORT=0 takes a free one."""
        return int(self._runner.addresses[0][1])

    @property
    def url(self) -> str:
        """Where a browser on this machine finds the page."""
        host = self._settings.web_host
        name = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(host, host)
        return f"http://{name}:{self.port}/"

    async def start(self) -> None:
        """Listen. Raises UserError when the address cannot be had."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._settings.web_host, self._settings.web_port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise UserError(_words(error, self._settings)) from error

    async def close(self) -> None:
        await self._runner.cleanup()
        if self._training is not None:
            await self._training.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _words(error: OSError, settings: Settings) -> str:
    host, port = settings.web_host, settings.web_port
    match error.errno:
        case errno.EADDRINUSE:
            return f"Port {port} is in use by another program; set WEB_PORT to a free one."
        case errno.EACCES:
            return f"This system does not let me listen on port {port}; set WEB_PORT to one above 1024."
        case _:
            return f"I cannot listen on {host}: this machine has no such address. Check WEB_HOST."
