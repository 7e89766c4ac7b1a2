"""Slack: the app, connected by Socket Mode or listening for signed requests, for as long as the block lasts."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Self

import aiohttp
import structlog
from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError

from adapters.slack.calls import error_of
from adapters.slack.clients import NO_TOKEN, web_client, will_never_do
from adapters.slack.courier import SlackCourier
from adapters.slack.installing import Installing
from adapters.slack.limiter import Limiter
from adapters.slack.listeners import Listeners
from adapters.slack.manifest import EVENTS_PATH
from adapters.slack.office import Core
from adapters.slack.workspaces import Cards, Workspaces
from bot.errors import UserError
from bot.settings import Settings
from bot.stores import Stores

log = structlog.get_logger(__name__)

PING = 5.0
"""Seconds between two pings of the socket; four without an answer are a dead one."""
GRACE = 5.0
"""Seconds that running answers have when the app ends."""


class SlackApp:
    """Slack, for one workspace or all that install it. `async with` connects and, at the end, lets answers finish."""

    def __init__(self, core: Core, stores: Stores, settings: Settings, limiter: Limiter | None = None) -> None:
        self._core = core
        self._stores = stores
        self._settings = settings
        self._limiter = limiter
        self._stack = contextlib.AsyncExitStack()
        self._socket: AsyncSocketModeHandler | None = None
        self._started = False
        self.port = 0

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        self._started = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._started = False
        await self._stack.aclose()

    async def readiness(self) -> tuple[bool, str]:
        """Whether Slack reaches the bot, and in words."""
        if not self._started:
            return False, "Slack is not reached yet"
        if self._socket is None:
            return True, "ready"
        connected = await self._socket.client.is_connected()
        return connected, "ready" if connected else "the connection to Slack is being made"

    async def settled(self) -> None:
        """Wait until everything that was delivered is dealt with."""
        await self._listeners.settled()

    async def _start(self) -> None:
        settings = self._settings
        http = await self._stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)))
        self._workspaces = Workspaces(self._core, self._stores, settings, http, self._limiter)
        if settings.slack_bot_token.get_secret_value():
            await self._workspaces.open_own()
        self._listeners = Listeners(self._workspaces, self._stores, settings)
        # Once nothing more comes in, as what brings it is closed before.
        self._stack.push_async_callback(self._listeners.end, GRACE)
        self.cards, self.courier = Cards(self._workspaces), SlackCourier(self._workspaces)
        app = self._listeners.app()
        pages = Installing(settings, self._stores, http, self._workspaces.refresh) if settings.slack_client_id else None
        if token := settings.slack_app_token.get_secret_value():
            await self._connect(app, token)
            if pages is not None:
                await self._listen(None, pages)
        else:
            await self._listen(app, pages)

    async def _connect(self, app: AsyncApp, token: str) -> None:
        client = web_client(self._settings, None, token)
        try:
            await client.apps_connections_open(app_token=token)
        except SlackApiError as error:
            if will_never_do(error):
                raise UserError(NO_TOKEN["SLACK_APP_TOKEN"].format(error=error_of(error))) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("slack_away", kind=type(error).__name__)
        logger = self._listeners.logger
        socket = self._socket = AsyncSocketModeHandler(app, token, logger, web_client=client, ping_interval=PING)
        connecting = asyncio.create_task(socket.connect_async(), name="slack connect")  # type: ignore[no-untyped-call]

        async def end() -> None:
            connecting.cancel()
            await asyncio.wait([connecting])
            await socket.close_async()  # type: ignore[no-untyped-call]

        self._stack.push_async_callback(end)
        # A Slack that is away must not keep the page from starting.
        await asyncio.wait([connecting], timeout=GRACE)
        log.info("slack_connected" if connecting.done() else "slack_connecting", transport="socket")

    async def _listen(self, app: AsyncApp | None, pages: Installing | None) -> None:
        """Serve Slack's requests, the pages of installing, or both."""
        settings = self._settings
        served = web.Application()
        if app is not None:
            if not settings.slack_signing_secret.get_secret_value():
                raise UserError(
                    "Slack needs SLACK_APP_TOKEN for Socket Mode, or SLACK_SIGNING_SECRET to listen for its requests."
                )
            served = app.server(port=settings.slack_port, path=EVENTS_PATH, host=settings.slack_host).web_app
        if pages is not None:
            served.add_routes(pages.routes)
        runner = web.AppRunner(served, access_log=None)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        try:
            await web.TCPSite(runner, settings.slack_host, settings.slack_port).start()
        except OSError as error:
            raise UserError(f"I cannot listen for Slack on port {settings.slack_port}: set SLACK_PORT.") from error
        self.port = int(runner.addresses[0][1])
        log.info("slack_listening", port=self.port)
