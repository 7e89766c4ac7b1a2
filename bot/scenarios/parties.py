"""Parties as kept: one a story that several tell. Owner of the table `parties`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from bot.database import Database, Moment, metadata, now
from bot.errors import UserError
from bot.request import Place
from bot.scenarios.party import Move, Party, Player, Rule

parties = sa.Table(
    "parties",
    metadata,
    # The id of the turn that began the story.
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("platform", sa.String(32), nullable=False),
    sa.Column("server", sa.String(64), nullable=False),
    sa.Column("channel", sa.String(64), nullable=False),
    sa.Column("thread", sa.String(64), nullable=False),
    sa.Column("rule", sa.String(16), nullable=False),
    sa.Column("host", sa.String(120), nullable=False),
    sa.Column("players", sa.JSON, nullable=False),
    sa.Column("turn", sa.Integer, nullable=False),
    sa.Column("words", sa.JSON, nullable=False),
    sa.Column("votes", sa.JSON, nullable=False),
    sa.Column("told", sa.JSON, nullable=False),
    sa.Column("updated", Moment, nullable=False),
    sa.Index("ix_parties_place", "platform", "server", "channel", "thread"),
)


class Parties:
    """The store of parties. A change is read, made and written in one transaction: players act at the same time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, party_id: str, place: Place, rule: Rule, host: Player) -> None:
        """A story has begun."""
        row = {
            "id": party_id, "platform": place.platform, "server": place.server, "channel": place.channel,
            "thread": place.thread, "rule": rule, "host": host.user, "players": [[host.user, host.name]], "turn": 0,
            "words": {}, "votes": {}, "told": [party_id], "updated": now(),
        }  # fmt: skip
        async with self._database.write() as connection:
            await connection.execute(parties.insert().values(row))

    async def get(self, party_id: str) -> Party | None:
        async with self._database.read() as connection:
            found = (await connection.execute(parties.select().where(parties.c.id == party_id))).one_or_none()
        return None if found is None else _party(found)

    async def at(self, place: Place) -> str:
        """The newest party of a thread, "" for none."""
        at = (parties.c.platform == place.platform, parties.c.server == place.server)
        here = (parties.c.channel == place.channel, parties.c.thread == place.thread)
        query = sa.select(parties.c.id).where(*at, *here).order_by(parties.c.updated.desc()).limit(1)
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalar_one_or_none() or ""

    async def move(self, party_id: str, thread: str) -> None:
        """The story goes on in a thread of its own."""
        await self._database.execute(parties.update().where(parties.c.id == party_id).values(thread=thread))

    async def end(self, party_id: str) -> None:
        """No party any more; its parts stay where they were told."""
        await self._database.execute(parties.delete().where(parties.c.id == party_id))

    async def act(self, party_id: str, rule: Callable[[Party], tuple[Party, Move]]) -> tuple[Party, Move]:
        """Apply a rule. Raises UserError when there is no such party any more, and what the rule raises."""
        async with self._database.write() as connection:
            query = parties.select().where(parties.c.id == party_id).with_for_update()
            found = (await connection.execute(query)).one_or_none()
            if found is None:
                raise UserError("That story has ended. Begin another one with /story.")
            party, move = rule(_party(found))
            party = replace(party, updated=now())
            await connection.execute(parties.update().where(parties.c.id == party_id).values(_values(party)))
        return party, move

    async def told(self, party_id: str, turn_id: str) -> None:
        """Another part stands in a turn."""
        async with self._database.write() as connection:
            query = sa.select(parties.c.told).where(parties.c.id == party_id).with_for_update()
            known: list[str] | None = (await connection.execute(query)).scalar_one_or_none()
            if known is not None and turn_id not in known:
                values = {"told": [*known, turn_id], "updated": now()}
                await connection.execute(parties.update().where(parties.c.id == party_id).values(values))

    async def purge(self, platform: str, server: str) -> None:
        """Forget a server, which the bot has left."""
        mine = (parties.c.platform == platform, parties.c.server == server)
        await self._database.execute(parties.delete().where(*mine))

    async def forget(self, user: str) -> None:
        """Forget a person: the stories they began end, from others they are gone."""
        async with self._database.write() as connection:
            await connection.execute(parties.delete().where(parties.c.host == user))
            for row in (await connection.execute(parties.select())).all():
                party = _party(row)
                kept = tuple(player for player in party.players if player.user != user)
                if kept != party.players:
                    words = {who: said for who, said in party.words.items() if who != user}
                    votes = {who: choice for who, choice in party.votes.items() if user not in (who, choice)}
                    left = replace(party, players=kept, turn=party.turn % len(kept), words=words, votes=votes)
                    await connection.execute(parties.update().where(parties.c.id == party.id).values(_values(left)))


def _party(row: sa.Row[Any]) -> Party:
    players = tuple(Player(user, name) for user, name in row.players)
    return Party(
        row.id, Rule(row.rule), row.host, players, row.updated, row.turn, dict(row.words), dict(row.votes),
        tuple(row.told),
    )  # fmt: skip


def _values(party: Party) -> dict[str, Any]:
    return {
        "players": [[player.user, player.name] for player in party.players], "turn": party.turn,
        "words": dict(party.words), "votes": dict(party.votes), "updated": party.updated,
    }  # fmt: skip
