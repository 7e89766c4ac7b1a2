"""The manifest: what Slack has to know of the app, and what it has to allow; made from the settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.slack.prompts import PROMPTS
from bot.commands import Command
from bot.settings import Settings

SCOPES = {
    "app_mentions:read": "hear when somebody mentions the bot",
    "assistant:write": "the agent's conversations, its status and its suggestions",
    "channels:history": "follow threads, and answer in support channels",
    "chat:write": "answer",
    "commands": "the slash command and the shortcuts",
    "files:read": "read files that people send to the bot",
    "files:write": "send long answers and exports as files",
    "groups:history": "the same in private channels it was invited to",
    "im:history": "hear direct messages",
    "im:write": "send a private file",
    "mpim:history": "the same in group messages",
    "users:read": "names instead of ids, people's languages, and who manages the workspace",
}
"""Every scope the code needs, and what for. None else is asked for."""
EVENTS = (
    "agent_session_stopped", "app_context_changed", "app_home_opened", "app_mention", "app_uninstalled",
    "message.channels", "message.groups", "message.im", "message.mpim",
)  # fmt: skip
SHORTCUTS = (
    ("translate", "Translate", "Into your language, for your eyes only"),
    ("flag", "Flag", "Tell the moderators that an answer is bad"),
    ("correct", "Correct my text", "Mistakes in a message, with the reasons"),
    ("support", "Ask support", "Look this question up in the documents"),
    ("summarize", "Summarise", "A message or its whole thread in a few lines"),
)
EVENTS_PATH, INSTALL, REDIRECT = "/slack/events", "/slack/install", "/slack/oauth_redirect"
SIGN_IN = "/review/enter/back/slack"
"""Where Slack sends moderators back to who sign in to the console."""
DESCRIPTION = "Translates, tutors, tells stories, writes, and answers support questions from your documents."
LONG = (
    "Parley is your own assistant: it runs on your machine with an open model, so that what people write stays in the "
    "house. Mention it in a channel, write to it directly, or type its command. It translates and keeps mentions, "
    "links and code intact, tutors, tells stories, writes headlines and reports, summarises threads, and answers "
    "support questions from your documents with their sources. Moderators correct it, and it learns from them."
)


def manifest(settings: Settings, commands: Sequence[Command], address: str = "") -> dict[str, Any]:
    """The app's manifest. `address`: the public URL that Slack reaches the bot at, "" for Socket Mode."""
    url = f"{address.rstrip('/')}{EVENTS_PATH}" if address else ""
    oauth: dict[str, Any] = {"scopes": {"bot": sorted(SCOPES)}}
    redirects = [f"{settings.slack_address.rstrip('/')}{REDIRECT}"] if settings.slack_client_id else []
    if settings.console_slack_client_id and settings.web_url.startswith("https://"):
        redirects.append(f"{settings.web_url}{SIGN_IN}")
    if redirects:
        oauth["redirect_urls"] = redirects
    return {
        "display_information": {
            "name": "Parley",
            "description": DESCRIPTION,
            "long_description": LONG,
            "background_color": "#27413a",
        },
        "features": {
            "agent_view": {
                "agent_description": DESCRIPTION,
                "suggested_prompts": [{"title": title, "message": message} for title, message in PROMPTS],
            },
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": "Parley", "always_online": True},
            "shortcuts": [
                {"name": name, "type": "message", "callback_id": callback, "description": words}
                for callback, name, words in SHORTCUTS
            ],
            "slash_commands": [_with_url(one, url) for one in slash_commands(settings, commands)],
        },
        "oauth_config": oauth,
        "settings": {
            "event_subscriptions": _with_url({"bot_events": sorted(EVENTS)}, url, "request_url"),
            "interactivity": _with_url({"is_enabled": True}, url, "request_url"),
            "org_deploy_enabled": False,
            "socket_mode_enabled": not url,
            "token_rotation_enabled": settings.slack_token_rotation,
        },
    }


def slash_commands(settings: Settings, commands: Sequence[Command]) -> list[dict[str, Any]]:
    """The umbrella command and, where the owner wants them, each command by its own name."""
    names = [command.name for command in commands if command.name != "chat"]
    made = [
        {
            "command": settings.slack_command,
            "description": "Ask, or run a command: " + ", ".join(names[:6]),
            "usage_hint": "translate Good morning to:French",
            "should_escape": True,
        }
    ]
    if settings.slack_short_commands:
        own = [
            command for command in commands if command.name in names and f"/{command.name}" != settings.slack_command
        ]
        made += [
            {
                "command": f"/{command.name}",
                "description": command.description[:2000],
                "usage_hint": command.usage.partition(" ")[2][:1000] or "type it alone",
                "should_escape": True,
            }
            for command in own
        ]
    return made


def _with_url(part: dict[str, Any], url: str, key: str = "url") -> dict[str, Any]:
    return part | ({key: url} if url else {})
