"""Members: what a person has set for themselves. Owner of the table `members`."""

from __future__ import annotations

import sqlalchemy as sa

from bot.database import Database, metadata

members = sa.Table(
    "members",
    metadata,
    sa.Column("user", sa.String(120), primary_key=True),
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)


class Members:
    """Preferences by person and key, as text."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def preference(self, user: str, key: str, default: str = "") -> str:
        return await self._database.query(preference_of, user, key, default)

    async def prefer(self, user: str, key: str, value: str) -> None:
        """Set a preference; an empty value takes it back."""
        async with self._database.write() as connection:
            await connection.execute(members.delete().where(members.c.user == user, members.c.key == key))
            if value:
                await connection.execute(members.insert().values(user=user, key=key, value=value))

    async def everything(self, user: str) -> dict[str, str]:
        """All of a person's preferences, for their export."""
        query = sa.select(members.c.key, members.c.value).where(members.c.user == user).order_by(members.c.key)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return {row.key: row.value for row in rows}

    async def having(self, key: str) -> list[tuple[str, str]]:
        """Everybody who has set `key`, with what they set it to."""
        query = sa.select(members.c.user, members.c.value).where(members.c.key == key).order_by(members.c.user)
        async with self._database.read() as connection:
            return [(row.user, row.value) for row in (await connection.execute(query)).all()]

    async def forget(self, user: str) -> None:
        async with self._database.write() as connection:
            await connection.execute(members.delete().where(members.c.user == user))


_PREFERENCE = sa.select(members.c.value).where(
    members.c.user == sa.bindparam("user"), members.c.key == sa.bindparam("key")
)


def preference_of(connection: sa.Connection, user: str, key: str, default: str = "") -> str:
    """A preference, on a connection of the caller's."""
    value: str | None = connection.execute(_PREFERENCE, {"user": user, "key": key}).scalar_one_or_none()
    return default if value is None else value
