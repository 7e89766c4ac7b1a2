"""Visitors: who is signed in to the moderators' console, by links that work once. Owner of `sign_ins`, `visits`."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot.database import Database, Moment, metadata, now
from bot.request import Author, Place, one_line

# Keys are digests: who reads the store cannot sign in with what stands there.
sign_ins = sa.Table(
    "sign_ins",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("user", sa.String(120), nullable=False),
    sa.Column("visitor", sa.JSON, nullable=False),
    sa.Column("expires", Moment, nullable=False),
)

visits = sa.Table(
    "visits",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("user", sa.String(120), nullable=False),
    sa.Column("visitor", sa.JSON, nullable=False),
    sa.Column("created", Moment, nullable=False),
    sa.Column("expires", Moment, nullable=False),
)

LINK = timedelta(minutes=10)
"""How long a link waits to be used."""
VISIT = timedelta(hours=12)
"""How long somebody stays signed in: roles that a platform takes away count no longer after that."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody as their platform knew them when they asked for the link.

    `user` is their key in the store. `granted` names a role that the owner gave, for every server; "" = the settings
    of `server` say what they may do.
    """

    user: str
    name: str
    id: str = ""
    platform: str = ""
    server: str = ""
    roles: frozenset[str] = frozenset()
    admin: bool = False
    locale: str = "en"
    granted: str = ""

    @classmethod
    def of(cls, place: Place, author: Author) -> Visitor:
        return cls(
            user=author.key(place.platform), name=one_line(author.name), id=author.id, platform=place.platform,
            server=place.server, roles=author.roles, admin=author.admin, locale=author.locale,
        )  # fmt: skip

    @property
    def kept(self) -> dict[str, Any]:
        """As the store keeps it."""
        return {
            "user": self.user, "name": self.name, "id": self.id, "platform": self.platform, "server": self.server,
            "roles": sorted(self.roles), "admin": self.admin, "locale": self.locale, "granted": self.granted,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who is signed in. `key` names the visit; nobody can sign in with it."""

    key: str
    visitor: Visitor
    created: datetime
    expires: datetime


class Visitors:
    """Links to sign in with, and who did."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def invite(self, visitor: Visitor) -> str:
        """A secret that signs `visitor` in, once and soon."""
        secret = secrets.token_urlsafe(24)
        row = {"key": _digest(secret), "user": visitor.user, "visitor": visitor.kept, "expires": now() + LINK}
        async with self._database.write() as connection:
            await connection.execute(sign_ins.delete().where(sign_ins.c.expires <= now()))
            await connection.execute(sign_ins.insert().values(row))
        return secret

    async def invited(self, secret: str) -> Visitor | None:
        """Whom a secret would sign in; None when it is used, too old or made up."""
        query = sa.select(sign_ins.c.visitor).where(sign_ins.c.key == _digest(secret), sign_ins.c.expires > now())
        async with self._database.read() as connection:
            kept = (await connection.execute(query)).scalar_one_or_none()
        return None if kept is None else _visitor(kept)

    async def enter(self, secret: str) -> str | None:
        """Use a secret up. Returns the key of the visit that began, for the visitor's browser alone; None as above."""
        key, visit = _digest(secret), secrets.token_hex(24)
        async with self._database.write() as connection:
            query = sign_ins.select().where(sign_ins.c.key == key, sign_ins.c.expires > now())
            row = (await connection.execute(query)).one_or_none()
            used = await connection.execute(sign_ins.delete().where(sign_ins.c.key == key))
            if row is None or used.rowcount != 1:
                return None
            began = {"key": _digest(visit), "user": row.user, "visitor": row.visitor, "created": now()}
            await connection.execute(visits.delete().where(visits.c.expires <= now()))
            await connection.execute(visits.insert().values(**began, expires=now() + VISIT))
        return visit

    async def visitor(self, visit: str) -> Visitor | None:
        """Who is signed in with this key."""
        query = sa.select(visits.c.visitor).where(visits.c.key == _digest(visit), visits.c.expires > now())
        async with self._database.read() as connection:
            kept = (await connection.execute(query)).scalar_one_or_none()
        return None if kept is None else _visitor(kept)

    async def leave(self, visit: str) -> None:
        """End a visit by its visitor's key."""
        await self.dismiss(_digest(visit))

    async def visits(self) -> list[Visit]:
        """Everybody who is signed in, the newest first."""
        query = visits.select().where(visits.c.expires > now()).order_by(visits.c.created.desc())
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [Visit(row.key, _visitor(row.visitor), row.created, row.expires) for row in rows]

    async def dismiss(self, key: str) -> bool:
        """End the visit named `key`. Returns whether there was one."""
        return await self._database.execute(visits.delete().where(visits.c.key == key)) == 1

    async def forget(self, user: str) -> None:
        """Sign a person out everywhere."""
        async with self._database.write() as connection:
            for table in (sign_ins, visits):
                await connection.execute(table.delete().where(table.c.user == user))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _visitor(kept: Mapping[str, Any]) -> Visitor:
    return Visitor(**{**kept, "roles": frozenset(kept["roles"])})
