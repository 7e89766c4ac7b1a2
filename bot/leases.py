"""Leases: what one host at a time may do, such as training. Owner of the table `leases`."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from bot.database import Database, Moment, insert, metadata, now

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("holder", sa.String(32), nullable=False),
    sa.Column("until", Moment, nullable=False),
)


class Leases:
    """Who holds what, and until when. A holder who dies loses it by the clock."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, name: str, holder: str, length: timedelta) -> bool:
        """Have `name` for `length` from now on, or longer if it is ours already. False: somebody else has it."""
        return await self._take(name, holder, length, sa.or_(leases.c.holder == holder, leases.c.until <= now()))

    async def claim(self, name: str, holder: str, length: timedelta) -> bool:
        """As `take`, but not what is ours already: for what is to be done once."""
        return await self._take(name, holder, length, leases.c.until <= now())

    async def _take(self, name: str, holder: str, length: timedelta, free: sa.ColumnElement[bool]) -> bool:
        row = {"name": name, "holder": holder, "until": now() + length}
        async with self._database.write() as connection:
            taken = leases.update().where(leases.c.name == name, free).values(row)
            if (await connection.execute(taken)).rowcount == 1:
                return True
            new = insert(connection, leases).values(row).on_conflict_do_nothing()
            return (await connection.execute(new)).rowcount == 1

    async def free(self, name: str, holder: str) -> None:
        """Give it back, if it is ours."""
        await self._database.execute(leases.delete().where(leases.c.name == name, leases.c.holder == holder))

    async def holder(self, name: str) -> str:
        """Who has it now, "" for nobody."""
        query = sa.select(leases.c.holder).where(leases.c.name == name, leases.c.until > now())
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalar_one_or_none() or ""

    async def sweep(self) -> None:
        """Delete what nobody holds any more."""
        await self._database.execute(leases.delete().where(leases.c.until <= now()))
