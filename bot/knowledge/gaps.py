"""Gaps: questions that the knowledge base could not answer. Owner of the table `gaps`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.database import Database, Moment, metadata, now
from bot.learning.redaction import redact
from bot.request import Place
from bot.turns import TurnRow, turns

RECENT = timedelta(hours=20)
"""Shorter than a claim is kept, which is what has the moderators told once."""

gaps = sa.Table(
    "gaps",
    metadata,
    sa.Column("turn_id", sa.String(32), primary_key=True),
    sa.Column("server", sa.String(64), nullable=False),
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("confidence", sa.Float, nullable=False),
    sa.Column("handed_over", sa.Boolean, nullable=False),
    sa.Column("created", Moment, nullable=False),
    sa.Column("closed", Moment),
    sa.Index("ix_gaps_server_created", "server", "created"),
)


@dataclass(frozen=True, slots=True)
class Gap:
    """A question left open. `confidence` is what the best source was worth, 0 to 1."""

    turn_id: str
    server: str
    question: str
    confidence: float
    handed_over: bool
    created: datetime
    closed: datetime | None


class Gaps:
    """The list of what to write documents about, each server's own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, turn_id: str, server: str, question: str, confidence: float) -> None:
        """Keep a question without personal data; the same turn is noted once."""
        values = {
            "turn_id": turn_id, "server": server, "question": redact(question).text, "confidence": confidence,
            "handed_over": False, "created": now(),
        }  # fmt: skip
        async with self._database.write() as connection:
            await connection.execute(gaps.delete().where(gaps.c.turn_id == turn_id))
            await connection.execute(gaps.insert().values(values))

    async def hand_over(self, turn_id: str) -> None:
        """A human was asked for."""
        await self._update(turn_id, handed_over=True)

    async def close(self, turn_id: str) -> None:
        """The question was answered after all."""
        await self._close(gaps.c.turn_id == turn_id)

    async def close_here(self, turn: TurnRow) -> None:
        """What was asked in a thread was answered; outside of threads, what the person who asked had asked."""
        at = (turns.c.platform == turn.platform, turns.c.server == turn.server, turns.c.channel == turn.channel)
        whose = turns.c.thread == turn.thread if turn.thread else turns.c.conversation == turn.conversation
        await self._close(gaps.c.turn_id.in_(sa.select(turns.c.id).where(*at, whose)))

    async def with_a_person(self, place: Place) -> bool:
        """Whether a person was asked for at `place`, and nobody has said yet that it is solved."""
        at = (turns.c.platform == place.platform, turns.c.server == place.server, turns.c.channel == place.channel)
        here = sa.select(turns.c.id).where(*at, turns.c.thread == place.thread)
        query = sa.select(gaps.c.turn_id).where(gaps.c.handed_over, gaps.c.closed.is_(None), gaps.c.turn_id.in_(here))
        async with self._database.read() as connection:
            return (await connection.execute(query.limit(1))).first() is not None

    async def handed_over(self, most: int = 50) -> list[Gap]:
        """Open questions of the last hours for which a person was asked, oldest first."""
        query = gaps.select().where(gaps.c.handed_over, gaps.c.closed.is_(None), gaps.c.created > now() - RECENT)
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(gaps.c.created).limit(most))).all()
        return [Gap(**row._mapping) for row in rows]

    async def open(self, server: str | None, most: int = 200) -> list[Gap]:
        """Open questions of a server, or of all where it is None, newest first."""
        query = gaps.select().where(gaps.c.closed.is_(None))
        if server is not None:
            query = query.where(gaps.c.server == server)
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(gaps.c.created.desc()).limit(most))).all()
        return [Gap(**row._mapping) for row in rows]

    async def forget(self, turn_ids: list[str]) -> None:
        async with self._database.write() as connection:
            await connection.execute(gaps.delete().where(gaps.c.turn_id.in_(turn_ids)))

    async def _close(self, condition: sa.ColumnElement[bool]) -> None:
        async with self._database.write() as connection:
            await connection.execute(gaps.update().where(condition, gaps.c.closed.is_(None)).values(closed=now()))

    async def _update(self, turn_id: str, **values: object) -> None:
        async with self._database.write() as connection:
            await connection.execute(gaps.update().where(gaps.c.turn_id == turn_id).values(**values))
