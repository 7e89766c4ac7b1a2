"""Slack: the app, connected by Socket Mode or listening for signed requests, for as long as the block lasts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, Self

import aiohttp
import structlog
from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.blocks import DELETE, PRESS, RERUN, SHARE
from adapters.slack.calls import Calls, error_of
from adapters.slack.command_forms import COMMAND_FORM, SUGGEST
from adapters.slack.commands import Commands
from adapters.slack.desk import Desk, Spot
from adapters.slack.files import Downloads, upload
from adapters.slack.forms import PRESS_FORM
from adapters.slack.home import Home
from adapters.slack.home_forms import CHANNEL_FORM, HOME, PERSON_FORM, SERVER_FORM
from adapters.slack.limiter import Limiter
from adapters.slack.moderation import CardCourier
from adapters.slack.office import Core, Office
from adapters.slack.people import People
from adapters.slack.presses import Presses
from adapters.slack.talk import Talk
from adapters.slack.text import safe
from bot.delivery import SendError
from bot.errors import UserError
from bot.privacy import purge_server
from bot.quotas import Quotas
from bot.request import MessageRef, Place
from bot.settings import Settings
from bot.stores import Stores
from bot.turn import File
from bot.turns import TurnRow

log = structlog.get_logger(__name__)

Answering = Callable[[Callable[..., Awaitable[Any]], dict[str, Any]], Coroutine[Any, Any, None]]

PING = 5.0
"""Seconds between two pings of the socket; four without an answer are a dead one."""
GRACE = 5.0
"""Seconds that running answers have when the app ends."""
ANY = re.compile(".*", re.DOTALL)
PATH = "/slack/events"
NO_TOKEN = {
    "SLACK_BOT_TOKEN": "Slack does not accept SLACK_BOT_TOKEN ({error}). It is the Bot User OAuth Token (xoxb-...) "
    "of the app's page Install App.",
    "SLACK_APP_TOKEN": "Slack does not accept SLACK_APP_TOKEN ({error}). It is an App-Level Token (xapp-...) with the "
    "scope connections:write, from the app's page Basic Information.",
}
TRANSIENT = frozenset({"ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"})


class SlackApp:
    """Slack, for one workspace. `async with` connects and, at the end, lets running answers finish."""

    def __init__(self, core: Core, stores: Stores, settings: Settings, limiter: Limiter | None = None) -> None:
        self._core = core
        self._stores = stores
        self._settings = settings
        self._limiter = limiter
        self._tasks: set[asyncio.Task[None]] = set()
        self._stack = contextlib.AsyncExitStack()
        self._socket: AsyncSocketModeHandler | None = None
        self.port = 0
        # Bolt's warnings print what people wrote; ours say what is missing.
        self._logger = logging.getLogger("slack_bolt.parley")
        self._logger.setLevel(logging.CRITICAL)

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._socket is not None:
            await self._socket.close_async()  # type: ignore[no-untyped-call]
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GRACE)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GRACE)
        await self._stack.aclose()

    async def readiness(self) -> tuple[bool, str]:
        """Whether Slack reaches the bot, and in words."""
        if self._socket is None:
            return True, "ready"
        connected = await self._socket.client.is_connected()
        return connected, "ready" if connected else "the connection to Slack is being made"

    async def settled(self) -> None:
        """Wait until everything that was delivered is dealt with."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def deliver(self, place: Place, turn: TurnRow, note: str) -> MessageRef:
        """Send an answer that a crash or a limit kept from its reader. What one person asked alone stays theirs."""
        user = turn.user.partition(":")[2]
        spot = Spot(place.server, place.channel, user, place.thread)
        if (place.thread or spot.direct) and "@private" not in turn.options:
            ids = await self._presses.post(spot, turn, note)
        else:
            ids = [await self._presses.whisper(spot, turn, note)]
        return MessageRef("slack", place.channel, tuple(ids))

    async def tell(self, person: str, words: str) -> None:
        """Words in the two's own conversation."""
        opened = await self._office.desk.calls("conversations.open", users=person)
        await self._office.desk.post(Spot(self._office.team, str(opened["channel"]["id"]), person), words)

    async def post(self, channel: str, words: str, picture: bytes) -> None:
        """Words for a channel, and a picture behind them where files are allowed."""
        spot = Spot(self._office.team, channel, "")
        await self._office.desk.post(spot, safe(words))
        if picture:
            try:
                await upload(self._office.desk.calls, spot, File("parley.png", "image/png", picture), private=False)
            except SendError as error:  # what counts has been said
                log.warning("slack_picture_failed", detail=error.detail)

    async def _start(self) -> None:
        settings = self._settings
        token = settings.slack_bot_token.get_secret_value()
        http = await self._stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)))
        client = AsyncWebClient(token, base_url=settings.slack_api_url, session=http, retry_handlers=[])
        client._logger.setLevel(logging.ERROR)
        known = await self._known(client)
        calls = Calls(client, self._limiter)
        desk = Desk(calls, settings.slack_command, [command.name for command in self._core.commands])
        downloads = Downloads(calls, http, token, settings.slack_api_url)
        office = Office(
            self._core,
            self._stores,
            desk,
            People(calls),
            downloads,
            http,
            str(known["user_id"]),
            str(known["team_id"]),
            str(known.get("url", "")),
        )
        self._office = office
        self._talk, self._presses, self._commands = Talk(office), Presses(office), Commands(office)
        self.cards = CardCourier(office)
        self._prompts = self._talk.prompts
        quotas = Quotas(self._stores.database, settings.quota, settings.quota_roles)
        self._home = Home(office, quotas, self._commands)
        app = self._app(office, client)
        if settings.slack_app_token.get_secret_value():
            await self._connect(app, settings.slack_app_token.get_secret_value())
        else:
            await self._listen(app)

    async def _known(self, client: AsyncWebClient) -> dict[str, Any]:
        """Who the bot is. Raises UserError for a token that will never do; waits for a Slack that is away."""
        pause = 1.0
        while True:
            try:
                known = dict((await client.auth_test()).data)  # type: ignore[arg-type]
            except SlackApiError as error:
                word = error_of(error)
                if error.response.status_code < 500 and word not in TRANSIENT:
                    raise UserError(NO_TOKEN["SLACK_BOT_TOKEN"].format(error=word)) from error
            except (aiohttp.ClientError, TimeoutError) as error:
                log.warning("slack_away", kind=type(error).__name__, retry_seconds=pause)
            else:
                if "bot_id" not in known:  # a person's: their mentions would be taken for the bot's
                    raise UserError(NO_TOKEN["SLACK_BOT_TOKEN"].format(error="it is a person's"))
                return known
            await asyncio.sleep(pause)
            pause = min(60.0, pause * 2)

    def _app(self, office: Office, client: AsyncWebClient) -> AsyncApp:
        async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
            return AuthorizeResult(
                enterprise_id=enterprise_id, team_id=team_id or office.team, bot_user_id=office.me,
                bot_token=client.token,
            )  # fmt: skip

        app = AsyncApp(
            name="parley",
            logger=self._logger,
            signing_secret=self._settings.slack_signing_secret.get_secret_value() or "unused in Socket Mode",
            client=AsyncWebClient(base_url=client.base_url, session=client.session, retry_handlers=[]),
            authorize=authorize,
            # A bot's own messages are told apart in reading.py, with those of all others.
            ignoring_self_events_enabled=False,
            attaching_conversation_kwargs_enabled=False,
        )
        app.event(ANY)(self._on_event)
        app.command(ANY)(self._acknowledged(self._commands.typed))
        app.shortcut("flag")(self._acknowledged(self._presses.flag))
        app.shortcut(ANY)(self._acknowledged(self._talk.shortcut))
        app.action(re.compile(f"^{PRESS}:"))(self._acknowledged(self._presses.press))
        app.action(DELETE)(self._acknowledged(self._presses.delete))
        app.action(SHARE)(self._acknowledged(self._presses.share))
        app.action(RERUN)(self._acknowledged(self._rerun))
        app.action(re.compile(f"^{HOME}:"))(self._acknowledged(self._home.pressed))
        app.action(ANY)(self._acknowledged(None))
        app.view(PRESS_FORM)(self._acknowledged(self._presses.submitted))
        app.view(SERVER_FORM)(self._answering(self._home.server_sent))
        app.view(CHANNEL_FORM)(self._answering(self._home.channel_sent))
        app.view(PERSON_FORM)(self._answering(self._home.person_sent))
        app.view(COMMAND_FORM)(self._answering(self._filled))
        app.options(re.compile(f"^{SUGGEST}:"))(self._answering(self._commands.suggest))
        return app

    async def _on_event(self, body: dict[str, Any]) -> None:
        """Events are acknowledged by Bolt; those of no interest too, lest Slack counts them as failed."""
        event, team = body.get("event") or {}, str(body.get("team_id") or "")
        match event.get("type"):
            case "message" | "app_mention":
                self._spawn(self._talk.message(event, team))
            case "app_home_opened" if event.get("tab") == "home":
                self._spawn(self._home.show(str(event["user"])))
            case "app_home_opened":
                self._spawn(self._prompts.offer(str(event["channel"]), str(event["user"])))
            case "app_context_changed":
                self._spawn(self._prompts.looked(event, body))
            case "app_uninstalled":
                self._spawn(self._uninstalled(team))
            case "agent_session_stopped":
                self._spawn(self._talk.stopped(event, team))

    def _answering(self, handler: Answering) -> Answering:
        """A listener whose acknowledgement says something, so that it works first: it is waited for at the end."""

        async def listener(ack: Callable[..., Awaitable[Any]], body: dict[str, Any]) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            try:
                await self._guarded(handler(ack, body))
            finally:
                self._tasks.discard(task)

        return listener

    async def _filled(self, ack: Callable[..., Awaitable[Any]], body: dict[str, Any]) -> None:
        """A command's form: what is right is worked on after Slack has been told so."""
        work = await self._commands.filled(ack, body)
        if work is not None:
            self._spawn(work)

    async def _rerun(self, body: dict[str, Any]) -> None:
        """An edited question is to be answered anew: the offer goes, or tells why not."""
        refused = await self._talk.questions.rerun(str(body["actions"][0]["value"]), str(body["user"]["id"]))
        await self._presses.answered(body, refused)

    async def _uninstalled(self, team: str) -> None:
        """A workspace that removed the app leaves nothing behind."""
        turns = await purge_server(self._stores, "slack", team)
        log.warning("slack_uninstalled", turns_deleted=turns)

    def _acknowledged(
        self, handler: Callable[[Any], Coroutine[Any, Any, None]] | None
    ) -> Callable[..., Awaitable[None]]:
        """A listener that says at once that it has heard, and works afterwards."""

        async def listener(ack: Callable[[], Awaitable[Any]], body: dict[str, Any]) -> None:
            await ack()
            if handler is not None:
                self._spawn(handler(body))

        return listener

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._guarded(work), name="slack")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except SendError as error:
            log.warning("slack_not_sent", kind=type(error).__name__, detail=error.detail)
        except Exception as error:
            log.error("slack_delivery_failed", exc_info=error)

    async def _connect(self, app: AsyncApp, token: str) -> None:
        client = AsyncWebClient(token, base_url=self._settings.slack_api_url)
        client._logger.setLevel(logging.CRITICAL)
        try:
            await client.apps_connections_open(app_token=token)
        except SlackApiError as error:
            word = error_of(error)
            if error.response.status_code < 500 and word not in TRANSIENT:
                raise UserError(NO_TOKEN["SLACK_APP_TOKEN"].format(error=word)) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("slack_away", kind=type(error).__name__)
        self._socket = AsyncSocketModeHandler(app, token, self._logger, web_client=client, ping_interval=PING)
        connect = self._socket.connect_async()  # type: ignore[no-untyped-call]
        connecting = asyncio.create_task(connect, name="slack connect")

        async def end() -> None:
            connecting.cancel()
            await asyncio.wait([connecting])

        self._stack.push_async_callback(end)
        # A Slack that is away must not keep the page from starting.
        await asyncio.wait([connecting], timeout=GRACE)
        log.info("slack_connected" if connecting.done() else "slack_connecting", transport="socket")

    async def _listen(self, app: AsyncApp) -> None:
        settings = self._settings
        if not settings.slack_signing_secret.get_secret_value():
            raise UserError(
                "Slack needs SLACK_APP_TOKEN for Socket Mode, or SLACK_SIGNING_SECRET to listen for its requests."
            )
        server = app.server(port=settings.slack_port, path=PATH, host=settings.slack_host)
        runner = web.AppRunner(server.web_app, access_log=None)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        try:
            await web.TCPSite(runner, settings.slack_host, settings.slack_port).start()
        except OSError as error:
            raise UserError(f"I cannot listen for Slack on port {settings.slack_port}: set SLACK_PORT.") from error
        self.port = int(runner.addresses[0][1])
        log.info("slack_listening", port=self.port)
