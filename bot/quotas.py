"""Quotas: what people have had of their answers in an hour or a day. Owner of the table `usage`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.database import INSERTS, Database, Insert, Moment, metadata, now
from bot.errors import UserError
from bot.quota import Quota
from bot.request import Author

if TYPE_CHECKING:
    from bot.place_settings import ServerSettings

usage = sa.Table(
    "usage",
    metadata,
    sa.Column("user", sa.String(120), primary_key=True),
    sa.Column("window", Moment, primary_key=True),
    sa.Column("turns", sa.Integer, nullable=False),
)


def _one_more(insert: Insert) -> sa.Executable:
    taken = insert.values(turns=1).on_conflict_do_update(
        index_elements=[usage.c.user, usage.c.window], set_={"turns": usage.c.turns + 1}
    )
    return taken.returning(usage.c.turns)


_USE = {name: _one_more(insert(usage)) for name, insert in INSERTS.items()}

LOW = 3
"""From so many left on, the person is told."""


@dataclass(frozen=True, slots=True)
class Left:
    """What remains of a quota in the window that began at `since`."""

    turns: int
    until: datetime
    since: datetime

    @property
    def words(self) -> str:
        """ "3 left until 18:00"."""
        return f"{self.turns} left until {self.until:%H:%M}"


class Quotas:
    """The rule for everybody, and better ones for some roles. A server's admins may have set others for it."""

    def __init__(self, database: Database, everybody: str, roles: Mapping[str, str]) -> None:
        try:
            self._everybody = Quota.parse(everybody)
            self._roles = {role: Quota.parse(text) for role, text in roles.items()}
        except ValueError as error:
            raise UserError(f"QUOTA: {error}.") from error
        self._database = database

    def of(self, author: Author, server: ServerSettings | None = None) -> Quota | None:
        """The most generous quota an author has; None is none at all."""
        own = [self._roles[role] for role in author.roles if role in self._roles]
        own.append(Quota.parse(server.quota) if server is not None and server.quota else self._everybody)
        if server is not None:
            own += [Quota.parse(text) for who, text in server.quotas.items() if who in author.roles | {author.id}]
        quotas = [quota for quota in own if quota is not None]
        if len(quotas) < len(own):
            return None
        return max(quotas, key=lambda quota: quota.turns / quota.hours)

    def use(
        self, connection: sa.Connection, user: str, author: Author, server: ServerSettings | None = None
    ) -> Left | None:
        """Take one answer from a quota, in the caller's transaction. Raises UserError when none is left."""
        quota = self.of(author, server)
        if quota is None:
            return None
        window = quota.window(now())
        until = window + timedelta(hours=quota.hours)
        used: int = connection.execute(_USE[connection.dialect.name], {"user": user, "window": window}).scalar_one()
        if used > quota.turns:
            span = "hour" if quota.hours == 1 else "day"
            raise UserError(f"You have had your {quota.turns} answers of this {span}; the next come at {until:%H:%M}.")
        return Left(quota.turns - used, until, window)

    async def left(self, user: str, author: Author, server: ServerSettings | None = None) -> Left | None:
        """What a person has left, without taking any of it; None is no limit at all."""
        quota = self.of(author, server)
        if quota is None:
            return None
        window = quota.window(now())
        query = sa.select(usage.c.turns).where(usage.c.user == user, usage.c.window == window)
        async with self._database.read() as connection:
            used = (await connection.execute(query)).scalar_one_or_none() or 0
        return Left(max(0, quota.turns - used), window + timedelta(hours=quota.hours), window)

    async def reset(self, user: str) -> None:
        """Give a person their whole quota back."""
        async with self._database.write() as connection:
            await connection.execute(usage.delete().where(usage.c.user == user))

    async def sweep(self) -> None:
        """Drop windows that are over."""
        async with self._database.write() as connection:
            await connection.execute(usage.delete().where(usage.c.window < now() - timedelta(days=2)))


def give_back(connection: sa.Connection, user: str, left: Left) -> None:
    """Put an answer that came to nothing back, in the caller's transaction."""
    own = (usage.c.user == user, usage.c.window == left.since, usage.c.turns > 0)
    connection.execute(usage.update().where(*own).values(turns=usage.c.turns - 1))
