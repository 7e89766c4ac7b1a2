"""Installations: the workspaces that added the app by themselves, with their tokens. Owner of `installations`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from bot.database import Database, Moment, metadata, now

installations = sa.Table(
    "installations",
    metadata,
    sa.Column("platform", sa.String(32), primary_key=True),
    sa.Column("server", sa.String(64), primary_key=True),
    sa.Column("data", sa.JSON, nullable=False),
    # Until when a host has the renewal of the token to itself: a refresh token is good for one use.
    sa.Column("renewing", Moment, nullable=False),
    sa.Column("created", Moment, nullable=False),
)

RENEWAL = timedelta(seconds=60)


class Installations:
    """What a platform gave for each server. `data` holds secrets: it is never logged and in no export."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, platform: str, server: str) -> dict[str, Any] | None:
        query = sa.select(installations.c.data).where(*_mine(platform, server))
        async with self._database.read() as connection:
            found: dict[str, Any] | None = (await connection.execute(query)).scalar_one_or_none()
        return found

    async def servers(self, platform: str) -> list[str]:
        """The servers that there is an installation of."""
        query = sa.select(installations.c.server).where(installations.c.platform == platform)
        async with self._database.read() as connection:
            return list((await connection.execute(query.order_by(installations.c.created))).scalars())

    async def put(self, platform: str, server: str, data: Mapping[str, Any]) -> None:
        """Keep an installation in place of the one before."""
        async with self._database.write() as connection:
            await connection.execute(installations.delete().where(*_mine(platform, server)))
            moment = now()
            row = {"platform": platform, "server": server, "data": dict(data), "renewing": moment, "created": moment}
            await connection.execute(installations.insert().values(row))

    async def renewing(self, platform: str, server: str) -> bool:
        """True for the one host that may renew the token now."""
        mine = (*_mine(platform, server), installations.c.renewing <= now())
        async with self._database.write() as connection:
            taken = await connection.execute(installations.update().where(*mine).values(renewing=now() + RENEWAL))
        return taken.rowcount == 1

    async def remove(self, platform: str, server: str) -> None:
        """Forget an installation, tokens and all."""
        async with self._database.write() as connection:
            await connection.execute(installations.delete().where(*_mine(platform, server)))


def _mine(platform: str, server: str) -> tuple[sa.ColumnElement[bool], ...]:
    return installations.c.platform == platform, installations.c.server == server
