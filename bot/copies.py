"""Copies: where a message of a linked channel stands in the others, so that edits and deletions reach it there. Owner
of the table `copies`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa

from bot.database import Database, Moment, insert, metadata, now

copies = sa.Table(
    "copies",
    metadata,
    sa.Column("platform", sa.String(32), primary_key=True),
    sa.Column("message", sa.String(64), primary_key=True),
    # Where the copy stands, and in which messages.
    sa.Column("channel", sa.String(64), primary_key=True),
    sa.Column("messages", sa.JSON, nullable=False),
    sa.Column("server", sa.String(64), nullable=False),
    sa.Column("created", Moment, nullable=False),
    sa.Index("ix_copies_created", "created"),
)


class Copies:
    """Ids alone; the words stand on the platform."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, platform: str, server: str, message: str, channel: str, messages: Sequence[str]) -> None:
        """Keep where the copy of a message stands in a channel."""
        row = {
            "platform": platform, "message": message, "channel": channel, "messages": list(messages),
            "server": server, "created": now(),
        }  # fmt: skip
        async with self._database.write() as connection:
            put = insert(connection, copies).values(row).on_conflict_do_update(
                index_elements=[copies.c.platform, copies.c.message, copies.c.channel],
                set_={"messages": row["messages"]},
            )  # fmt: skip
            await connection.execute(put)

    async def of(self, platform: str, message: str) -> dict[str, list[str]]:
        """The messages in which a message's copies stand, by channel."""
        query = sa.select(copies.c.channel, copies.c.messages).where(*_of(platform, message))
        async with self._database.read() as connection:
            return {row.channel: row.messages for row in await connection.execute(query)}

    async def remove(self, platform: str, message: str, channel: str) -> None:
        """A message's copy in a channel is gone."""
        await self._database.execute(copies.delete().where(*_of(platform, message), copies.c.channel == channel))

    async def sweep(self, days: int, platform: str = "", server: str = "") -> None:
        """Forget copies older than `days`, of one server where it is named."""
        here = (copies.c.platform == platform, copies.c.server == server) if platform else ()
        await self._database.execute(copies.delete().where(copies.c.created < now() - timedelta(days=days), *here))

    async def purge(self, platform: str, server: str) -> None:
        """The bot has left a server."""
        await self._database.execute(copies.delete().where(copies.c.platform == platform, copies.c.server == server))


def _of(platform: str, message: str) -> tuple[sa.ColumnElement[bool], ...]:
    return copies.c.platform == platform, copies.c.message == message
