"""Places: what a server's admins have set for it and its channels. Owner of `place_settings` and `place_changes`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.database import Database, Moment, metadata, now
from bot.errors import UserError
from bot.place_settings import (
    NO_CHANNEL,
    NO_SERVER,
    ChannelSettings,
    ServerSettings,
    Value,
    channel_of,
    is_of_channel,
    read,
    server_of,
)
from bot.request import Author, Place, one_line

# One row a setting, so that two hosts that change two settings lose neither. Channel "" is the server itself.
place_settings = sa.Table(
    "place_settings",
    metadata,
    sa.Column("platform", sa.String(32), primary_key=True),
    sa.Column("server", sa.String(64), primary_key=True),
    sa.Column("channel", sa.String(64), primary_key=True),
    sa.Column("setting", sa.String(32), primary_key=True),
    sa.Column("value", sa.JSON, nullable=False),
)

place_changes = sa.Table(
    "place_changes",
    metadata,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("platform", sa.String(32), nullable=False),
    sa.Column("server", sa.String(64), nullable=False),
    sa.Column("channel", sa.String(64), nullable=False),
    sa.Column("user", sa.String(120), nullable=False),
    sa.Column("name", sa.String(120), nullable=False),
    sa.Column("setting", sa.String(32), nullable=False),
    sa.Column("before", sa.JSON),
    sa.Column("after", sa.JSON),
    sa.Column("created", Moment, nullable=False),
    sa.Index("ix_place_changes_platform_server_number", "platform", "server", "number"),
)

LEFT = "left"
"""Kept among a server's settings, though nobody sets it: when the bot was removed from there."""
MAX_AGE = 30.0
"""Seconds after which settings are read anew: another host may have changed them."""


@dataclass(frozen=True, slots=True)
class Change:
    """Who set what, when, from what to what (None = the default). `channel` "" is the server itself."""

    channel: str
    user: str
    name: str
    setting: str
    before: Any
    after: Any
    created: datetime


@dataclass(frozen=True, slots=True)
class Moderator:
    """Somebody who may review a server's flags; made by `Places.moderator`.

    `everywhere`: the owner's own console, which reviews every server. `senior`: what others pass on is theirs.
    """

    user: str
    name: str
    platform: str = ""
    server: str = ""
    everywhere: bool = False
    senior: bool = False

    def covers(self, platform: str, server: str) -> bool:
        return self.everywhere or (self.platform, self.server) == (platform, server)


@dataclass(frozen=True, slots=True)
class _Server:
    """All settings of one server, and when they were read (monotonic seconds)."""

    settings: ServerSettings
    channels: Mapping[str, ChannelSettings]
    read: float


class Places:
    """Settings by place. Reads cost no statement while what was read is younger than `max_age` seconds."""

    def __init__(self, database: Database, max_age: float = MAX_AGE) -> None:
        self._database = database
        self._max_age = max_age
        self._known: dict[tuple[str, str], _Server] = {}
        self._changes = 0

    async def moderated(self) -> list[tuple[str, str, str]]:
        """Platform, server and moderators' channel of every server that has one."""
        table = place_settings.c
        query = sa.select(table.platform, table.server, table.value)
        query = query.where(table.setting == "moderators_channel", table.channel == "")
        async with self._database.read() as connection:
            found = (await connection.execute(query.order_by(table.platform, table.server))).all()
        return [(platform, server, str(channel)) for platform, server, channel in found if channel]

    async def server(self, platform: str, server: str) -> ServerSettings:
        """A server's settings; those of direct messages and the web page ("") are the defaults."""
        return (await self._load(platform, server)).settings if server else NO_SERVER

    async def channel(self, place: Place) -> ChannelSettings:
        """The settings of the channel that `place` is in."""
        if not place.server:
            return NO_CHANNEL
        known = await self._load(place.platform, place.server)
        return known.channels.get(place.channel, NO_CHANNEL)

    async def channels(self, platform: str, server: str) -> Mapping[str, ChannelSettings]:
        """The channels of a server that have settings of their own, by id."""
        return (await self._load(platform, server)).channels if server else {}

    async def linked(self, place: Place) -> dict[str, ChannelSettings]:
        """The channels that `place`'s is linked with, by id, itself left out."""
        own = await self.channel(place)
        if not own.link:
            return {}
        known = await self._load(place.platform, place.server)
        return {
            channel: settings for channel, settings in known.channels.items()
            if settings.link == own.link and settings.tongue and channel != place.channel
        }  # fmt: skip

    async def change(self, place: Place, author: Author, setting: str, value: Value) -> None:
        """Set one setting of the server or, where it is a channel's, of `place.channel`. "" gives the default back.

        Raises UserError: `author` is no admin there, or the value is wrong.
        """
        _must_manage(place, author)
        after = read(setting, value)
        channel = place.channel if is_of_channel(setting) else ""
        if is_of_channel(setting) and not channel:
            raise UserError("Name the channel that this is for.")
        default = getattr(NO_CHANNEL if channel else NO_SERVER, setting)
        kept = None if after == default or (not after and not default) else after
        await self._put((place.platform, place.server, channel, setting), kept, place, author)

    async def note(self, place: Place, author: Author, what: str, whom: str) -> None:
        """Keep among the changes what an admin did that is no setting. Raises UserError: `author` is no admin."""
        _must_manage(place, author)
        async with self._database.write() as connection:
            await connection.execute(place_changes.insert().values(_change(place, author, "", what, None, whom)))

    async def audit(self, platform: str, server: str, most: int = 50) -> list[Change]:
        """The changes of a server's settings, newest first."""
        mine = (place_changes.c.platform == platform, place_changes.c.server == server)
        query = place_changes.select().where(*mine).order_by(place_changes.c.number.desc()).limit(most)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [
            Change(row.channel, row.user, row.name, row.setting, row.before, row.after, row.created) for row in rows
        ]

    async def having(self, setting: str) -> list[tuple[str, str, Any]]:
        """Every server that has set a setting of its own: platform, server, value."""
        query = place_settings.select().where(place_settings.c.setting == setting, place_settings.c.channel == "")
        async with self._database.read() as connection:
            return [(row.platform, row.server, row.value) for row in (await connection.execute(query)).all()]

    async def note_left(self, platform: str, server: str, moment: datetime | None) -> None:
        """The bot has left a server, or is back (None)."""
        mine = {"platform": platform, "server": server, "channel": "", "setting": LEFT}
        async with self._database.write() as connection:
            same = [place_settings.c[name] == value for name, value in mine.items()]
            await connection.execute(place_settings.delete().where(*same))
            if moment is not None:
                await connection.execute(place_settings.insert().values(**mine, value=moment.timestamp()))

    async def purge(self, platform: str, server: str) -> None:
        """Forget a server, which the bot has left."""
        async with self._database.write() as connection:
            for table in (place_settings, place_changes):
                await connection.execute(table.delete().where(table.c.platform == platform, table.c.server == server))
        self._forget(platform, server)

    async def moderator(self, place: Place, author: Author) -> Moderator:
        """`author` as a moderator of the server. Raises UserError when they are none."""
        settings = await self.server(place.platform, place.server)
        chosen = author.id in settings.moderators or not settings.moderator_roles.isdisjoint(author.roles)
        if not (author.admin or (chosen and place.server)):
            raise UserError("Only this server's moderators can do that.")
        user = author.key(place.platform)
        return Moderator(user, author.name, place.platform, place.server, senior=author.admin)

    async def _put(self, key: tuple[str, str, str, str], value: Any, place: Place, author: Author) -> None:
        columns = (*place_settings.primary_key.columns,)
        mine = [column == part for column, part in zip(columns, key, strict=True)]
        async with self._database.write() as connection:
            before = (await connection.execute(sa.select(place_settings.c.value).where(*mine))).scalar_one_or_none()
            if before == value:
                return
            await connection.execute(place_settings.delete().where(*mine))
            named = dict(zip((column.name for column in columns), key, strict=True))
            if value is not None:
                await connection.execute(place_settings.insert().values(**named, value=value))
            change = _change(place, author, named["channel"], named["setting"], before, value)
            await connection.execute(place_changes.insert().values(change))
        self._forget(place.platform, place.server)

    async def _load(self, platform: str, server: str) -> _Server:
        known = self._known.get((platform, server))
        if known is not None and time.monotonic() - known.read < self._max_age:
            return known
        changes, moment = self._changes, time.monotonic()
        mine = (place_settings.c.platform == platform, place_settings.c.server == server)
        async with self._database.read() as connection:
            rows = (await connection.execute(place_settings.select().where(*mine))).all()
        kept: dict[str, dict[str, Any]] = {}
        for row in rows:
            kept.setdefault(row.channel, {})[row.setting] = row.value
        channels = {channel: channel_of(values) for channel, values in kept.items() if channel}
        known = _Server(server_of(kept.get("", {})), channels, moment)
        if changes == self._changes:  # else a change overtook this read, which may hold the old value
            self._known[(platform, server)] = known
        return known

    def _forget(self, platform: str, server: str) -> None:
        self._changes += 1
        self._known.pop((platform, server), None)


def _must_manage(place: Place, author: Author) -> None:
    """Raises UserError where there is nothing to set, or `author` may not."""
    if not place.server:
        raise UserError("There is no server here to change settings of; the owner sets the bot's in its `.env`.")
    if not author.admin:
        raise UserError("Only people who manage this server can change its settings.")


def _change(place: Place, author: Author, channel: str, setting: str, before: Any, after: Any) -> dict[str, Any]:
    """A row of `place_changes`."""
    return {
        "platform": place.platform, "server": place.server, "channel": channel, "setting": setting, "before": before,
        "after": after, "user": author.key(place.platform), "name": one_line(author.name), "created": now(),
    }  # fmt: skip
