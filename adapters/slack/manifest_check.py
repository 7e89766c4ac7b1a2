"""The manifest that Slack has, beside the one that the code needs: events, commands, shortcuts and switches."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.calls import error_of
from adapters.slack.manifest import manifest
from bot.doctor import Finding
from bot.scenarios.catalogue import catalogue
from bot.settings import Settings

PART = "Slack"
MANIFEST = "Paste `python -m bot slack manifest` into the app's page App Manifest, then reinstall the app."
NOT_COMPARED = (
    "To have them compared, set SLACK_CONFIG_TOKEN: api.slack.com/apps, Your App Configuration Tokens. "
    "Or paste the manifest again after each change."
)
EVENTS = {
    "agent_session_stopped": "Slack's own Stop button would end nothing",
    "app_context_changed": "nothing is offered for the channel somebody looks at",
    "app_home_opened": "the Home tab stays empty",
    "app_mention": "mentions are not heard",
    "app_uninstalled": "a workspace that removes the app is not forgotten",
    "message.channels": "threads in public channels are not heard",
    "message.groups": "threads in private channels are not heard",
    "message.im": "direct messages are not heard",
    "message.mpim": "group messages are not heard",
}
"""What goes wrong without an event."""


async def compare(settings: Settings, session: aiohttp.ClientSession) -> list[Finding]:
    """What differs, each with what to do. Needs a token that may read the app's configuration."""
    token = settings.slack_config_token.get_secret_value()
    if not token:
        return [Finding(PART, "ok", "events and commands were not compared", NOT_COMPARED)]
    app_id = await _app_id(settings, session)
    client = AsyncWebClient(token, base_url=settings.slack_api_url, session=session, retry_handlers=[])
    try:
        answer = (await client.api_call("apps.manifest.export", data={"app_id": app_id})).data
    except SlackApiError as error:
        words = f"Slack does not show the app's manifest: {error_of(error)}"
        remedy = "Make SLACK_CONFIG_TOKEN anew; it lasts twelve hours, and has to be of somebody who manages the app."
        return [Finding(PART, "warning", words, remedy)]
    theirs = answer.get("manifest") if isinstance(answer, dict) else None
    found = differences(theirs if isinstance(theirs, dict) else {}, settings)
    return found or [Finding(PART, "ok", "events, commands and shortcuts are as they should be")]


def differences(theirs: Mapping[str, Any], settings: Settings) -> list[Finding]:
    """What the app on Slack has otherwise than the code needs it."""
    address = "" if settings.slack_app_token.get_secret_value() else settings.slack_address or "https://address"
    ours = manifest(settings, catalogue().commands, address)
    found = [
        Finding(PART, "error", f"the event {event} is not subscribed: {EVENTS.get(event, 'it is needed')}", MANIFEST)
        for event in _missing(ours, theirs, "settings", "event_subscriptions", "bot_events")
    ]
    for kind, key, words in (("slash_commands", "command", "command"), ("shortcuts", "callback_id", "shortcut")):
        wanted, there = _named(ours, kind, key), _named(theirs, kind, key)
        found += [Finding(PART, "error", f"the {words} {name} is missing", MANIFEST) for name in sorted(wanted - there)]
        if more := sorted(there - wanted):
            found.append(Finding(PART, "warning", f"{words}s nothing answers: {', '.join(more)}", MANIFEST))
    if "agent_view" not in (theirs.get("features") or {}):
        found.append(
            Finding(PART, "error", "the app is no agent: it has no conversations and no Stop button", MANIFEST)
        )
    return found + _switches(ours, theirs)


def _switches(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[Finding]:
    found = []
    if not _at(theirs, "settings", "interactivity", "is_enabled"):
        found.append(Finding(PART, "error", "interactivity is off: buttons and forms do nothing", MANIFEST))
    wanted = bool(_at(ours, "settings", "socket_mode_enabled"))
    if bool(_at(theirs, "settings", "socket_mode_enabled")) is not wanted:
        words = "Socket Mode is off, but SLACK_APP_TOKEN is set" if wanted else "Socket Mode is on: no request comes"
        found.append(Finding(PART, "error", words, MANIFEST))
    if not _at(theirs, "features", "app_home", "home_tab_enabled"):
        found.append(Finding(PART, "warning", "the Home tab is off", MANIFEST))
    return found


async def _app_id(settings: Settings, session: aiohttp.ClientSession) -> str:
    """The app's id: it stands in the app-level token; else Slack tells it of the bot."""
    parts = settings.slack_app_token.get_secret_value().split("-")
    if len(parts) > 2 and parts[2].startswith("A"):
        return parts[2]
    token = settings.slack_bot_token.get_secret_value()
    if not token:
        return ""
    client = AsyncWebClient(token, base_url=settings.slack_api_url, session=session, retry_handlers=[])
    try:
        known = await client.auth_test()
        answer = await client.bots_info(bot=str(known.get("bot_id") or ""))
    except SlackApiError:
        return ""
    return str((answer.get("bot") or {}).get("app_id") or "")


def _at(whole: Mapping[str, Any], *path: str) -> Any:
    found: Any = whole
    for part in path:
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _missing(ours: Mapping[str, Any], theirs: Mapping[str, Any], *path: str) -> list[str]:
    wanted: Collection[str] = _at(ours, *path) or ()
    return sorted(set(wanted) - set(_at(theirs, *path) or ()))


def _named(whole: Mapping[str, Any], kind: str, key: str) -> set[str]:
    return {str(one.get(key)) for one in _at(whole, "features", kind) or ()}
