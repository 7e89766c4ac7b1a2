"""doctor's look at Discord: the token, the intents, the permissions, and the link that invites the bot."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import aiohttp
import discord

from adapters.discord.client import PORTAL
from adapters.discord.commands import KEPT
from adapters.discord.declared import Payload, compare, declared
from bot.doctor import Finding
from bot.scenarios.catalogue import catalogue
from bot.settings import Settings

PART = "Discord"
API = "https://discord.com/api/v10"
NEEDED = discord.Permissions(
    view_channel=True, send_messages=True, send_messages_in_threads=True, create_public_threads=True,
    read_message_history=True, attach_files=True,
)  # fmt: skip
"""The least that answering, threads for support and files want."""
MESSAGE_CONTENT = 1 << 18 | 1 << 19
"""Flags of an application that was granted the intent, or uses it below a hundred servers."""
SECONDS = 10.0
COMMANDS = "Discord commands"
MOST_ASKED = 10
"""Servers that are asked whether they show commands."""
NO_SCOPE = "Invite it anew with the link below, which asks for applications.commands; what is set there stays."
OK, FORBIDDEN = 200, 403

_TOKEN = re.compile(r"[\w-]{20,}\.[\w-]{5,}\.[\w-]{20,}")


def invite_link(application_id: int | str) -> str:
    """The address that adds the bot to a server, with the least permissions."""
    return discord.utils.oauth_url(int(application_id), permissions=NEEDED, scopes=("bot", "applications.commands"))


async def examine(settings: Settings) -> list[Finding]:
    """Ask Discord about the token and what goes with it; nothing is changed."""
    token = settings.discord_token.get_secret_value().strip()
    if not token:
        return [Finding(PART, "ok", "not used; DISCORD_TOKEN starts it, docs/discord.md tells how")]
    if token.isdecimal():
        return [_wrong("DISCORD_TOKEN is an application's id")]
    if _TOKEN.fullmatch(token) is None:
        return [_wrong("DISCORD_TOKEN has not the shape of a bot's token")]
    try:
        async with aiohttp.ClientSession(
            headers={"Authorization": f"Bot {token}"}, timeout=aiohttp.ClientTimeout(total=SECONDS)
        ) as session:
            return await _ask(session, settings)
    except (aiohttp.ClientError, TimeoutError) as error:
        remedy = "Check the network and DISCORD_API_URL; the bot tries again by itself."
        return [Finding(PART, "error", f"Discord cannot be reached: {type(error).__name__}", remedy)]


async def _ask(session: aiohttp.ClientSession, settings: Settings) -> list[Finding]:
    api = settings.discord_api_url.rstrip("/") or API
    status, user = await _get(session, f"{api}/users/@me")
    if status == 401:
        return [_wrong("Discord does not accept DISCORD_TOKEN")]
    if status != 200:
        return [Finding(PART, "error", f"Discord answered {status}", "Try again in a few minutes.")]
    _, application = await _get(session, f"{api}/applications/@me")
    _, guilds = await _get(session, f"{api}/users/@me/guilds")
    found = [Finding(PART, "ok", f"{user['username']}, in {len(guilds)} servers")]
    found.append(_intent(application, settings))
    found += await _commands(session, f"{api}/applications/{application['id']}", guilds, settings)
    found += [_rights(guild) for guild in guilds if _lacking(guild)]
    link = invite_link(application["id"])
    words = "invites the bot with the least permissions" if guilds else "the bot is in no server yet"
    found.append(Finding("invite link", "ok" if guilds else "warning", words, link))
    return found


async def _commands(
    session: aiohttp.ClientSession, application: str, guilds: list[dict[str, Any]], settings: Settings
) -> list[Finding]:
    """Whether Discord has the commands that this version declares, and whether servers may show them."""
    ours = await declared(catalogue().commands)
    names = {str(guild["id"]): str(guild["name"]) for guild in guilds}
    wanted = [str(guild) for guild in settings.discord_guild_ids]
    here = {guild: await _get(session, _address(application, guild)) for guild in (wanted or list(names)[:MOST_ASKED])}
    found = [
        Finding(COMMANDS, "error", f"{names.get(guild, guild)} does not let the bot have commands", NO_SCOPE)
        for guild, (status, _) in here.items() if status == FORBIDDEN
    ]  # fmt: skip
    places = here if wanted else {"": await _get(session, _address(application))}
    for guild, (status, theirs) in places.items():
        if status != FORBIDDEN:
            where = f" in {names.get(guild, guild)}" if guild else ""
            found.append(_in_sync(ours, theirs, where, settings) if status == OK else _untold(status, where))
    return found


def _address(application: str, guild: str = "") -> str:
    return f"{application}{f'/guilds/{guild}' if guild else ''}/commands?with_localizations=true"


def _in_sync(ours: Sequence[Payload], theirs: Sequence[Payload], where: str, settings: Settings) -> Finding:
    compared = compare(ours, theirs)
    if not compared.words:
        return Finding(COMMANDS, "ok", f"{len(ours)} commands{where}, as this version has them")
    kept = settings.data_dir / KEPT
    first = f"Delete {kept}, then start" if kept.exists() else "Start"
    remedy = f"{first} the bot: it tells Discord its commands."
    words = compared.words if theirs else "Discord has none yet"
    return Finding(COMMANDS, "warning", f"out of date{where}: {words}", remedy)


def _untold(status: int, where: str) -> Finding:
    return Finding(COMMANDS, "warning", f"Discord answered {status} to what commands stand{where}", "Try again later.")


def _intent(application: dict[str, Any], settings: Settings) -> Finding:
    granted = bool(application.get("flags", 0) & MESSAGE_CONTENT)
    if settings.discord_message_content and not granted:
        remedy = f"Switch it on at {PORTAL} under Bot, or set DISCORD_MESSAGE_CONTENT=false."
        return Finding("Discord intents", "error", "Message Content is off, and Discord will refuse the bot", remedy)
    if not settings.discord_message_content:
        words = "without Message Content: commands, mentions, replies and direct messages only"
        return Finding("Discord intents", "warning", words, "Support channels and linked channels want it.")
    return Finding("Discord intents", "ok", "Message Content is on")


def _rights(guild: dict[str, Any]) -> Finding:
    words = f"in {guild['name']} the bot lacks {', '.join(_lacking(guild))}"
    return Finding("Discord permissions", "warning", words, "Invite it anew with the link below, or edit its role.")


def _lacking(guild: dict[str, Any]) -> list[str]:
    """The permissions that a server does not grant, by name; nothing where Discord does not tell."""
    granted = discord.Permissions(int(guild.get("permissions") or NEEDED.value))
    if granted.administrator:
        return []
    return [name.replace("_", " ") for name, wanted in NEEDED if wanted and not getattr(granted, name)]


async def _get(session: aiohttp.ClientSession, url: str) -> tuple[int, Any]:
    async with session.get(url) as response:
        return response.status, await response.json(content_type=None)


def _wrong(words: str) -> Finding:
    remedy = f"Copy the token from the Bot page of your application at {PORTAL} (Reset Token)."
    return Finding(PART, "error", words, remedy)
