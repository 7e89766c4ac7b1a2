"""Clients of Slack's Web API, and whose token one has."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.calls import error_of
from bot.errors import UserError
from bot.settings import Settings

log = structlog.get_logger(__name__)

NO_TOKEN = {
    "SLACK_BOT_TOKEN": "Slack does not accept SLACK_BOT_TOKEN ({error}). It is the Bot User OAuth Token (xoxb-...) "
    "of the app's page Install App.",
    "SLACK_APP_TOKEN": "Slack does not accept SLACK_APP_TOKEN ({error}). It is an App-Level Token (xapp-...) with the "
    "scope connections:write, from the app's page Basic Information.",
}
TRANSIENT = frozenset({"ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"})


def web_client(settings: Settings, http: aiohttp.ClientSession | None, token: str = "") -> AsyncWebClient:
    """A client that never retries by itself, and logs no more than what went wrong."""
    client = AsyncWebClient(token or None, base_url=settings.slack_api_url, session=http, retry_handlers=[])
    client._logger.setLevel(logging.ERROR)
    return client


async def tokens_for(settings: Settings, http: aiohttp.ClientSession, **given: str) -> dict[str, Any]:
    """Slack's tokens for a code, or for the refresh token of an old one."""
    asked = {
        "client_id": settings.slack_client_id,
        "client_secret": settings.slack_client_secret.get_secret_value(),
        **given,
    }
    answer = (await web_client(settings, http).api_call("oauth.v2.access", data=asked)).data
    return answer if isinstance(answer, dict) else {}


def will_never_do(error: SlackApiError) -> bool:
    """Whether trying again is of no use."""
    return error.response.status_code < 500 and error_of(error) not in TRANSIENT


async def bot_of(client: AsyncWebClient) -> dict[str, Any]:
    """Who the bot is. Raises UserError for a token that will never do; waits for a Slack that is away."""
    pause = 1.0
    while True:
        try:
            known = dict((await client.auth_test()).data)  # type: ignore[arg-type]
        except SlackApiError as error:
            if will_never_do(error):
                raise UserError(NO_TOKEN["SLACK_BOT_TOKEN"].format(error=error_of(error))) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("slack_away", kind=type(error).__name__, retry_seconds=pause)
        else:
            if "bot_id" not in known:  # a person's: their mentions would be taken for the bot's
                raise UserError(NO_TOKEN["SLACK_BOT_TOKEN"].format(error="it is a person's"))
            return known
        await asyncio.sleep(pause)
        pause = min(60.0, pause * 2)
