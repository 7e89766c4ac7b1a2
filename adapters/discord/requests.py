"""From Discord's objects to the core's: places, people, quoted messages, files."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import discord

from bot.errors import UserError
from bot.request import Attachment, Author, Place, Quote

PLATFORM = "discord"
HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
MOST_BYTES = 8 * 2**20
"""The largest file that is fetched."""
SECONDS = 30.0
"""How long fetching a file may take."""


def place_of(channel: Any, guild_id: int | None) -> Place:
    """A channel, or a thread of one, or a direct conversation."""
    server = str(guild_id) if guild_id else ""
    if isinstance(channel, discord.Thread):
        return Place(PLATFORM, server, str(channel.parent_id), str(channel.id))
    return Place(PLATFORM, server, str(channel.id))


def adults_only(channel: Any) -> bool:
    """Whether Discord lets only grown-ups read a channel; a thread is as its channel."""
    marked = getattr(channel, "is_nsfw", None)
    return bool(marked()) if marked is not None else False


def author_of(user: discord.User | discord.Member, locale: str = "en", *, admin: bool | None = None) -> Author:
    """Who asks. Roles count by name and by id. `admin`: what Discord said of it, None = to be worked out."""
    if not isinstance(user, discord.Member):
        return Author(str(user.id), user.display_name, locale=locale)
    roles = frozenset(word for role in user.roles if not role.is_default() for word in (role.name, str(role.id)))
    may = user.guild_permissions.manage_guild if admin is None else admin
    return Author(str(user.id), user.display_name, roles, locale, may)


def presser_of(interaction: discord.Interaction[Any]) -> Author:
    """Who is behind an interaction."""
    return author_of(interaction.user, interaction.locale.value, admin=interaction.permissions.manage_guild)


def without_mention(text: str, me: int) -> str:
    """The words without the mention that calls the bot."""
    return re.sub(rf"\s*<@!?{me}>\s*", " ", text).strip()


def words_of(message: discord.Message) -> str:
    """What a message says: its text, what it forwards, or the text in its components."""
    said = [message.content, *(snapshot.content for snapshot in message.message_snapshots)]
    said += [component.content for component in _texts(message.components)]
    return "\n".join(part for part in said if part).strip()


def quote_of(message: discord.Message) -> Quote | None:
    """A message that is talked about."""
    words = words_of(message)
    return Quote(message.author.display_name, words) if words else None


def attachments_of(message: discord.Message, hosts: frozenset[str] = HOSTS) -> tuple[Attachment, ...]:
    """The files of a message and of what it forwards; each is fetched when a scenario wants it."""
    files = [*message.attachments, *(file for snapshot in message.message_snapshots for file in snapshot.attachments)]
    return tuple(
        Attachment(file.filename, _mime(file), file.size, _Fetch(file.url, file.size, hosts)) for file in files
    )


def _mime(file: discord.Attachment) -> str:
    if file.is_voice_message():
        return "audio/ogg"
    return (file.content_type or "application/octet-stream").partition(";")[0]


class _Fetch:
    """Reads one file, from Discord's own hosts only and never more than allowed. Redirects are not followed."""

    def __init__(self, url: str, size: int, hosts: frozenset[str]) -> None:
        self._url = url
        self._size = size
        self._hosts = hosts

    async def __call__(self) -> bytes:
        if urlsplit(self._url).hostname not in self._hosts:
            raise UserError("I read files from Discord's own servers only.")
        if self._size > MOST_BYTES:
            raise UserError(f"That file is too large: I read up to {MOST_BYTES // 2**20} MB.")
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        try:
            # No token goes along: the address carries its own permission.
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(self._url, allow_redirects=False) as response,
            ):
                if response.status != 200:
                    raise UserError("Discord did not give me that file; send it again, please.")
                content = await response.content.read(MOST_BYTES + 1)
                while len(content) <= MOST_BYTES and (more := await response.content.read(MOST_BYTES)):
                    content += more
        except (aiohttp.ClientError, TimeoutError) as error:
            raise UserError("I could not fetch that file from Discord; send it again, please.") from error
        if len(content) > MOST_BYTES:
            raise UserError(f"That file is too large: I read up to {MOST_BYTES // 2**20} MB.")
        return content


def _texts(components: Any) -> list[discord.TextDisplay]:
    found = []
    for component in components:
        if isinstance(component, discord.TextDisplay):
            found.append(component)
        found += _texts(getattr(component, "children", ()))
    return found
