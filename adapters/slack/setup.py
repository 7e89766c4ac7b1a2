"""Set-up: what is wrong between the settings, the app's page on Slack and what the code needs."""

from __future__ import annotations

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.calls import error_of
from adapters.slack.manifest import INSTALL, SCOPES
from adapters.slack.manifest_check import MANIFEST, PART, compare
from bot.doctor import Finding
from bot.settings import Settings


async def examine(settings: Settings) -> list[Finding]:
    """Ask Slack about the tokens; nothing is changed."""
    token, app_token = settings.slack_bot_token.get_secret_value(), settings.slack_app_token.get_secret_value()
    if not settings.slack:
        if app_token:
            remedy = "Set SLACK_BOT_TOKEN too: the Bot User OAuth Token (xoxb-...) of the page Install App."
            return [Finding(PART, "error", "SLACK_APP_TOKEN is set, but SLACK_BOT_TOKEN is not", remedy)]
        return [Finding(PART, "ok", "not used; SLACK_BOT_TOKEN starts it, docs/slack.md tells how")]
    findings = _shapes(token, app_token, settings)
    if any(finding.level == "error" for finding in findings):
        return findings
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            found = [*await _bot(token, settings, session), *await _socket(app_token, settings, session)]
            return [*findings, *found, *await compare(settings, session)]
    except (aiohttp.ClientError, TimeoutError) as error:
        remedy = "Check the network and SLACK_API_URL; the bot tries again by itself."
        return [*findings, Finding(PART, "error", f"Slack cannot be reached: {type(error).__name__}", remedy)]


def _shapes(token: str, app_token: str, settings: Settings) -> list[Finding]:
    findings = []
    if not token:
        where = f"{settings.slack_address.rstrip('/')}{INSTALL}"
        findings.append(Finding(PART, "ok", f"workspaces install the app at {where}"))
    elif token.startswith("xoxe.xoxb-"):
        remedy = f"It ends after twelve hours. Install the app at SLACK_ADDRESS{INSTALL}, or switch token rotation off."
        findings.append(Finding(PART, "warning", "SLACK_BOT_TOKEN is a token that ends", remedy))
    elif token.startswith("xoxp-"):
        remedy = "Take the Bot User OAuth Token (xoxb-...) instead: with this one the bot would act as you."
        findings.append(Finding(PART, "error", "SLACK_BOT_TOKEN is a user token", remedy))
    elif not token.startswith("xoxb-"):
        findings.append(
            Finding(PART, "error", "SLACK_BOT_TOKEN is no bot token", "It begins with xoxb-; see the page Install App.")
        )
    if app_token and not app_token.startswith("xapp-"):
        remedy = "It begins with xapp-; make one with connections:write on the page Basic Information."
        findings.append(Finding(PART, "error", "SLACK_APP_TOKEN is no app-level token", remedy))
    if not app_token and not settings.slack_signing_secret.get_secret_value():
        remedy = "Set SLACK_APP_TOKEN for Socket Mode, or SLACK_SIGNING_SECRET for requests to a public address."
        findings.append(Finding(PART, "error", "neither Socket Mode nor signed requests are set", remedy))
    return findings


async def _bot(token: str, settings: Settings, session: aiohttp.ClientSession) -> list[Finding]:
    if not token:
        return []
    client = AsyncWebClient(token, base_url=settings.slack_api_url, session=session)
    try:
        answer = await client.auth_test()
    except SlackApiError as error:
        remedy = "Copy the Bot User OAuth Token from the app's page Install App again."
        return [Finding(PART, "error", f"Slack does not accept SLACK_BOT_TOKEN: {error_of(error)}", remedy)]
    headers = {name.lower(): value for name, value in answer.headers.items()}
    findings = [Finding(PART, "ok", f"@{answer['user']} in {answer['team']}")]
    if "bot_id" not in answer:
        findings = [Finding(PART, "error", "SLACK_BOT_TOKEN belongs to a person", "Take the Bot User OAuth Token.")]
    granted = {scope.strip() for scope in headers.get("x-oauth-scopes", "").split(",") if scope.strip()}
    if not granted:
        return findings
    for scope in sorted(SCOPES.keys() - granted):
        findings.append(Finding(PART, "error", f"the scope {scope} is missing: {SCOPES[scope]}", MANIFEST))
    if more := sorted(granted - SCOPES.keys()):
        findings.append(Finding(PART, "warning", f"scopes nothing needs: {', '.join(more)}", MANIFEST))
    return findings


async def _socket(token: str, settings: Settings, session: aiohttp.ClientSession) -> list[Finding]:
    if not token:
        where = f"{settings.slack_host}:{settings.slack_port}/slack/events"
        remedy = "A reverse proxy with a certificate has to pass Slack's requests on to it."
        return [Finding(PART, "ok", f"listens for signed requests at {where}", remedy)]
    client = AsyncWebClient(token, base_url=settings.slack_api_url, session=session)
    try:
        await client.apps_connections_open(app_token=token)
    except SlackApiError as error:
        word = error_of(error)
        remedy = {
            "missing_scope": "Make the app-level token anew with the scope connections:write.",
            "not_allowed_token_type": "SLACK_APP_TOKEN is the App-Level Token of the page Basic Information.",
        }.get(word, "Switch Socket Mode on and copy the App-Level Token again; " + MANIFEST)
        return [Finding(PART, "error", f"Socket Mode does not work: {word}", remedy)]
    return [Finding(PART, "ok", "Socket Mode is on")]
