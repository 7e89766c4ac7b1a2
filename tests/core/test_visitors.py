"""Visitors: links that work once, and what somebody may do by the settings of their server."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.database import Database, now
from bot.place_settings import ServerSettings
from bot.request import Author, Place
from bot.roles import Role, role_of
from bot.visitors import Visitor, Visitors, sign_ins, visits

GUILD = Place("discord", "77", "general")
MO = Visitor.of(GUILD, Author("2", "Mo", frozenset({"mods"})))


async def test_a_link_works_once(database: Database) -> None:
    visitors = Visitors(database)
    secret = await visitors.invite(MO)
    assert await visitors.invited(secret) == MO
    assert await visitors.invited(secret) == MO  # looking at it does not use it up
    entered = await asyncio.gather(*(visitors.enter(secret) for _ in range(5)))
    (visit,) = [one for one in entered if one is not None]
    assert await visitors.visitor(visit) == MO
    assert await visitors.invited(secret) is None
    await visitors.leave(visit)
    assert await visitors.visitor(visit) is None


async def test_links_and_visits_run_out(database: Database) -> None:
    visitors = Visitors(database)
    late, visit = await visitors.invite(MO), await visitors.enter(await visitors.invite(MO))
    assert visit is not None
    async with database.write() as connection:
        for table in (sign_ins, visits):
            await connection.execute(table.update().values(expires=now() - timedelta(seconds=1)))
    assert await visitors.invited(late) is None
    assert await visitors.enter(late) is None
    assert await visitors.visitor(visit) is None
    assert await visitors.visits() == []


async def test_what_stands_in_the_store_signs_nobody_in(database: Database) -> None:
    visitors = Visitors(database)
    secret = await visitors.invite(MO)
    async with database.read() as connection:
        (kept,) = (await connection.execute(sign_ins.select())).all()
    assert secret not in str(kept)
    assert await visitors.enter(kept.key) is None
    assert await visitors.enter(secret) is not None
    (visit,) = await visitors.visits()
    assert await visitors.visitor(visit.key) is None


async def test_who_is_forgotten_is_signed_out(database: Database) -> None:
    visitors = Visitors(database)
    secret, visit = await visitors.invite(MO), await visitors.enter(await visitors.invite(MO))
    assert visit is not None
    await visitors.forget("discord:2")
    assert await visitors.invited(secret) is None
    assert await visitors.visitor(visit) is None


@pytest.mark.parametrize(
    ("author", "trusted", "untrusted"),
    [
        (Author("1", admin=True), Role.TRAIN, Role.REVIEW),
        (Author("2", roles=frozenset({"mods"})), Role.REVIEW, Role.REVIEW),
        (Author("6"), Role.REVIEW, Role.REVIEW),
        (Author("4", roles=frozenset({"trainers"})), Role.TRAIN, Role.REVIEW),
        (Author("5", roles=frozenset({"watchers"})), Role.VIEW, Role.VIEW),
        (Author("9", roles=frozenset({"others"})), None, None),
    ],
)
def test_roles(author: Author, trusted: Role | None, untrusted: Role | None) -> None:
    settings = ServerSettings(
        moderator_roles=frozenset({"mods"}), moderators=frozenset({"6"}), trainers=frozenset({"trainers"}),
        viewers=frozenset({"watchers"}),
    )  # fmt: skip
    visitor = Visitor.of(GUILD, author)
    assert role_of(visitor, settings, trusted=True) == trusted
    assert role_of(visitor, settings, trusted=False) == untrusted


def test_the_owner_grants_roles_everywhere() -> None:
    for role in Role:
        assert role_of(Visitor("console:a", "A", granted=role.label), ServerSettings(), trusted=False) == role
    assert role_of(Visitor.of(Place("discord"), Author("1", admin=True)), ServerSettings(), trusted=True) is None
