"""Workspaces: the one of the settings' token, or those that installed the app, each with its own people and limits."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.calls import Calls, error_of
from adapters.slack.clients import bot_of, tokens_for, web_client
from adapters.slack.commands import Commands
from adapters.slack.desk import Desk
from adapters.slack.files import Downloads
from adapters.slack.home import Home
from adapters.slack.limiter import Limiter
from adapters.slack.moderation import CardCourier
from adapters.slack.office import Core, Office
from adapters.slack.people import People
from adapters.slack.presses import Presses
from adapters.slack.talk import Talk
from bot.delivery import SendForbidden
from bot.learning.review_cards import Card
from bot.quotas import Quotas
from bot.request import MessageRef
from bot.settings import Settings
from bot.stores import Stores

log = structlog.get_logger(__name__)

AHEAD = 2 * 3600.0
"""Seconds before a token's end in which it is renewed; Slack's last twelve hours."""
PATIENCE = 20
"""Seconds to wait for another host that renews a token."""


class Workspace:
    """One workspace: what its people can do, over its own office."""

    def __init__(self, office: Office, quotas: Quotas) -> None:
        self.office = office
        self.talk = Talk(office)
        self.presses = Presses(office)
        self.commands = Commands(office)
        self.home = Home(office, quotas, self.commands)
        self.cards = CardCourier(office)


class Workspaces:
    """All workspaces by their team's id, opened when something comes from there."""

    def __init__(
        self, core: Core, stores: Stores, settings: Settings, http: aiohttp.ClientSession, limiter: Limiter | None
    ) -> None:
        self._core = core
        self._stores = stores
        self._settings = settings
        self._http = http
        self._limiter = limiter
        self._own: Workspace | None = None
        self._open: dict[str, Workspace] = {}
        self._expiry: dict[str, float] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def open_own(self) -> None:
        """Open the workspace of SLACK_BOT_TOKEN. Raises UserError for a token that will never do."""
        client = web_client(self._settings, self._http, self._settings.slack_bot_token.get_secret_value())
        self._own = self._made(client, await bot_of(client), Calls(client, self._limiter), "")

    async def of(self, team: str) -> Workspace | None:
        """The workspace of a team, "" = that of the settings; None for one that has not installed the app."""
        own = self._own
        if own is not None and (team in ("", own.office.team) or not self._settings.slack_client_id):
            return own
        known = self._open.get(team)
        if known is not None and not self._due(team):
            return known
        async with self._locks[team]:
            return await self._opened(team)

    async def all(self) -> list[Workspace]:
        """Every workspace that the bot is in now."""
        teams = await self._stores.installations.servers("slack") if self._settings.slack_client_id else []
        found = [self._own, *[await self.of(team) for team in teams]]
        return [workspace for workspace in found if workspace is not None]

    async def close(self, team: str) -> None:
        """Forget a workspace that removed the app, with its tokens."""
        self._open.pop(team, None)
        await self._stores.installations.remove("slack", team)

    def refresh(self, team: str) -> None:
        """A workspace installed the app once more: its token is another one."""
        self._open.pop(team, None)

    async def _opened(self, team: str) -> Workspace | None:
        kept = await self._stores.installations.get("slack", team)
        if kept is None:
            self._open.pop(team, None)
            return None
        self._expiry[team] = float(kept.get("expires") or 0)
        if self._due(team):
            kept = await self._renewed(team, kept)
            self._expiry[team] = float(kept.get("expires") or 0)
        known = self._open.get(team)
        if known is not None:
            known.office.desk.calls.client.token = str(kept["token"])
            return known
        client = web_client(self._settings, self._http, str(kept["token"]))
        try:
            answer = (await client.auth_test()).data
        except (SlackApiError, aiohttp.ClientError, TimeoutError) as error:
            word = error_of(error) if isinstance(error, SlackApiError) else type(error).__name__
            log.warning("slack_workspace_closed", team=team, error=word)
            return None
        made = self._made(client, dict(answer), Calls(client), team)  # type: ignore[arg-type]
        return self._open.setdefault(team, made)

    def _due(self, team: str) -> bool:
        expiry = self._expiry.get(team, 0.0)
        return bool(expiry) and expiry - time.time() < AHEAD

    async def _renewed(self, team: str, kept: dict[str, Any]) -> dict[str, Any]:
        """The installation with a new token. The refresh token is good for once, so that one host asks for all."""
        installations, settings = self._stores.installations, self._settings
        if not await installations.renewing("slack", team):
            return await self._renewed_elsewhere(team, kept)
        ticket = str(kept["refresh"])
        try:
            answer = await tokens_for(settings, self._http, grant_type="refresh_token", refresh_token=ticket)
        except (SlackApiError, aiohttp.ClientError, TimeoutError) as error:
            word = error_of(error) if isinstance(error, SlackApiError) else type(error).__name__
            log.error("slack_token_not_renewed", team=team, error=word, remedy="install the app again")
            return kept
        renewed = kept | token_of(answer)
        await installations.put("slack", team, renewed)
        log.info("slack_token_renewed", team=team)
        return renewed

    async def _renewed_elsewhere(self, team: str, kept: dict[str, Any]) -> dict[str, Any]:
        for _ in range(PATIENCE):
            found = await self._stores.installations.get("slack", team)
            if found is None or found["token"] != kept["token"] or float(kept["expires"]) > time.time():
                return found or kept  # the old token does while another host is at it
            await asyncio.sleep(1)
        return kept

    def _made(self, client: AsyncWebClient, known: dict[str, Any], calls: Calls, realm: str) -> Workspace:
        settings, core = self._settings, self._core
        desk = Desk(calls, settings.slack_command, [command.name for command in core.commands])
        office = Office(
            core, self._stores, desk, People(calls, realm), Downloads(calls, self._http, settings.slack_api_url),
            self._http, str(known["user_id"]), str(known["team_id"]), str(known.get("url", "")), realm,
        )  # fmt: skip
        return Workspace(office, Quotas(self._stores.database, settings.quota, settings.quota_roles))


class Cards:
    """The moderators' cards of all workspaces, each brought to its own."""

    def __init__(self, workspaces: Workspaces) -> None:
        self._workspaces = workspaces

    async def post(self, card: Card, channel: str) -> MessageRef:
        return await (await self._courier(card)).post(card, channel)

    async def update(self, card: Card, at: MessageRef) -> None:
        await (await self._courier(card)).update(card, at)

    async def _courier(self, card: Card) -> CardCourier:
        workspace = await self._workspaces.of(card.place.server)
        if workspace is None:
            raise SendForbidden("the workspace has no installation")
        return workspace.cards


def token_of(answer: Any) -> dict[str, Any]:
    """The token in an answer of oauth.v2.access, with its end and its successor's ticket where it has them."""
    lasts = float(answer.get("expires_in") or 0)
    return {
        "token": str(answer["access_token"]),
        "refresh": str(answer.get("refresh_token") or ""),
        "expires": time.time() + lasts if lasts else 0,
    }
