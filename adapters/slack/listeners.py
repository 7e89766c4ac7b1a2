"""Listeners: what Slack delivers, acknowledged in time and handed to its workspace."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

from adapters.slack.blocks import DELETE, PRESS, RERUN, SHARE
from adapters.slack.clients import web_client
from adapters.slack.command_forms import COMMAND_FORM, SUGGEST
from adapters.slack.forms import PRESS_FORM
from adapters.slack.home_forms import CHANNEL_FORM, HOME, PERSON_FORM, SERVER_FORM
from adapters.slack.workspaces import Workspace, Workspaces
from bot.delivery import SendError
from bot.privacy import forget_everything, purge_server
from bot.settings import Settings
from bot.stores import Stores

log = structlog.get_logger(__name__)

ANY = re.compile(".*", re.DOTALL)

Body = dict[str, Any]
Acknowledge = Callable[..., Awaitable[Any]]
Handler = Callable[[Workspace, Body], Coroutine[Any, Any, None]]
Answering = Callable[[Workspace, Acknowledge, Body], Coroutine[Any, Any, None]]


class Listeners:
    """Everything that is listened to. What is being worked on can be waited for."""

    def __init__(self, workspaces: Workspaces, stores: Stores, settings: Settings) -> None:
        self._workspaces = workspaces
        self._stores = stores
        self._settings = settings
        self._tasks: set[asyncio.Task[None]] = set()
        # Bolt's warnings print what people wrote; ours say what is missing.
        self.logger = logging.getLogger("slack_bolt.parley")
        self.logger.setLevel(logging.CRITICAL)

    def app(self) -> AsyncApp:
        """Bolt's app over these listeners."""

        async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult | None:
            workspace = await self._workspaces.of(team_id or "")
            if workspace is None:
                return None
            office = workspace.office
            return AuthorizeResult(
                enterprise_id=enterprise_id, team_id=office.team, bot_user_id=office.me,
                bot_token=office.desk.calls.client.token,
            )  # fmt: skip

        app = AsyncApp(
            name="parley",
            logger=self.logger,
            signing_secret=self._settings.slack_signing_secret.get_secret_value() or "unused in Socket Mode",
            client=web_client(self._settings, None),
            authorize=authorize,  # type: ignore[arg-type]  # None: not installed there
            # A bot's own messages are told apart in reading.py, with those of all others.
            ignoring_self_events_enabled=False,
            attaching_conversation_kwargs_enabled=False,
        )
        app.event(ANY)(self._on_event)
        app.command(ANY)(self._acknowledged(lambda at, body: at.commands.typed(body)))
        app.shortcut("flag")(self._acknowledged(lambda at, body: at.presses.flag(body)))
        app.shortcut(ANY)(self._acknowledged(lambda at, body: at.talk.shortcut(body)))
        app.action(re.compile(f"^{PRESS}:"))(self._acknowledged(lambda at, body: at.presses.press(body)))
        app.action(DELETE)(self._acknowledged(lambda at, body: at.presses.delete(body)))
        app.action(SHARE)(self._acknowledged(lambda at, body: at.presses.share(body)))
        app.action(RERUN)(self._acknowledged(_rerun))
        app.action(re.compile(f"^{HOME}:"))(self._acknowledged(lambda at, body: at.home.pressed(body)))
        app.action(ANY)(self._acknowledged(_nothing))
        app.view(PRESS_FORM)(self._acknowledged(lambda at, body: at.presses.submitted(body)))
        app.view(SERVER_FORM)(self._answering(lambda at, ack, body: at.home.server_sent(ack, body)))
        app.view(CHANNEL_FORM)(self._answering(lambda at, ack, body: at.home.channel_sent(ack, body)))
        app.view(PERSON_FORM)(self._answering(lambda at, ack, body: at.home.person_sent(ack, body)))
        app.view(COMMAND_FORM)(self._answering(self._filled))
        app.options(re.compile(f"^{SUGGEST}:"))(self._answering(lambda at, ack, body: at.commands.suggest(ack, body)))
        return app

    async def settled(self) -> None:
        """Wait until everything that was delivered is dealt with."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def end(self, grace: float) -> None:
        """Let what runs come to its end for `grace` seconds, then stop it."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)

    async def _on_event(self, body: Body) -> None:
        """Events are acknowledged by Bolt; those of no interest too, lest Slack counts them as failed."""
        self._spawn(self._handled(self._event, body))

    async def _event(self, at: Workspace, body: Body) -> None:
        event = body.get("event") or {}
        match event.get("type"):
            case "message" | "app_mention":
                await at.talk.message(event)
            case "app_home_opened" if event.get("tab") == "home":
                await at.home.show(str(event["user"]))
            case "app_home_opened":
                await at.talk.prompts.offer(str(event["channel"]), str(event["user"]))
            case "app_context_changed":
                await at.talk.prompts.looked(event, body)
            case "app_uninstalled":
                await self._uninstalled(at.office.team)
            case "agent_session_stopped":
                await at.talk.stopped(event)

    async def _uninstalled(self, team: str) -> None:
        """A workspace that removed the app leaves nothing behind: its people are in no other one."""
        await self._workspaces.close(team)
        for person in await self._stores.turns.people_of("slack", team):
            await forget_everything(self._stores, person)
        await purge_server(self._stores, "slack", team)
        log.warning("slack_uninstalled", team=team)

    async def _filled(self, at: Workspace, ack: Acknowledge, body: Body) -> None:
        """A command's form: what is right is worked on after Slack has been told so."""
        work = await at.commands.filled(ack, body)
        if work is not None:
            self._spawn(work)

    def _acknowledged(self, handler: Handler) -> Callable[..., Awaitable[None]]:
        """A listener that says at once that it has heard, and works afterwards."""

        async def listener(ack: Acknowledge, body: Body) -> None:
            await ack()
            self._spawn(self._handled(handler, body))

        return listener

    def _answering(self, handler: Answering) -> Callable[..., Awaitable[None]]:
        """A listener whose acknowledgement says something, so that it works first: it is waited for at the end."""

        async def listener(ack: Acknowledge, body: Body) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            try:
                await self._guarded(self._handled(lambda at, body: handler(at, ack, body), body))
            finally:
                self._tasks.discard(task)

        return listener

    async def _handled(self, handler: Handler, body: Body) -> None:
        workspace = await self._workspaces.of(team_of(body))
        if workspace is not None:
            await handler(workspace, body)

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


def team_of(body: Mapping[str, Any]) -> str:
    """The workspace that a delivery is for: of a channel that two share, the one that installed the app."""
    installed = body.get("authorizations") or [{}]
    team = body.get("team") or {}
    return str(installed[0].get("team_id") or body.get("team_id") or team.get("id") or "")


async def _rerun(at: Workspace, body: Body) -> None:
    """An edited question is to be answered anew: the offer goes, or tells why not."""
    asked, trigger = str(body["actions"][0]["value"]), str(body["trigger_id"])
    refused = await at.talk.rerun(asked, str(body["user"]["id"]), trigger)
    await at.presses.answered(body, refused)


async def _nothing(_at: Workspace, _body: Body) -> None:
    """Another app's button, or a box that only gathers."""
