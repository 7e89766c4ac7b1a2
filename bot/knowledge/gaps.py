"""Gaps: questions that the knowledge base could not answer. Owner of the table `gaps`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from bot.database import Database, Moment, metadata, now

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
        """Keep a question; the same turn is noted once."""
        values = {
            "turn_id": turn_id, "server": server, "question": question, "confidence": confidence,
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
        await self._update(turn_id, closed=now())

    async def open(self, server: str, most: int = 200) -> list[Gap]:
        """Open questions, newest first."""
        query = gaps.select().where(gaps.c.server == server, gaps.c.closed.is_(None))
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(gaps.c.created.desc()).limit(most))).all()
        return [Gap(**row._mapping) for row in rows]

    async def forget(self, turn_ids: list[str]) -> None:
        async with self._database.write() as connection:
            await connection.execute(gaps.delete().where(gaps.c.turn_id.in_(turn_ids)))

    async def _update(self, turn_id: str, **values: object) -> None:
        async with self._database.write() as connection:
            await connection.execute(gaps.update().where(gaps.c.turn_id == turn_id).values(**values))
