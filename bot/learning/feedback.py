"""Feedback: thumbs and picks, one a person and answer, the last wins. Owner of the table `feedback`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.database import Database, Moment, insert, metadata, now

feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("turn_id", sa.String(32), primary_key=True),
    sa.Column("user", sa.String(120), primary_key=True),
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("rating", sa.String(8), nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
    sa.Column("created", Moment, nullable=False),
    sa.Index("ix_feedback_user", "user"),
)

Rating = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class FeedbackRow:
    """A person's word on an answer. `detail` holds the correction, or the pick and what it was preferred to."""

    turn_id: str
    user: str
    kind: str
    rating: str
    detail: dict[str, Any]
    created: datetime


class Feedback:
    """What people thought of answers. Private: nobody sees another's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def rate(self, turn_id: str, user: str, rating: Rating, correction: str = "") -> None:
        """A thumb, with what the answer should have said."""
        await self._put(turn_id, user, "thumb", rating, {"correction": correction} if correction else {})

    async def pick(self, turn_id: str, user: str, chosen: str, rejected: list[str]) -> None:
        """One of several answers chosen: a preference pair for each of the others."""
        await self._put(turn_id, user, "pick", "up", {"chosen": chosen, "rejected": rejected})

    async def of_turn(self, turn_id: str) -> list[FeedbackRow]:
        return await self._select(feedback.c.turn_id == turn_id)

    async def of_user(self, user: str) -> list[FeedbackRow]:
        return await self._select(feedback.c.user == user)

    async def forget(self, *, user: str | None = None, turn_ids: list[str] | None = None) -> None:
        """Delete a person's feedback, or all feedback on some turns."""
        async with self._database.write() as connection:
            if user is not None:
                await forget_feedback(connection, feedback.c.user == user)
            for turn_id in turn_ids or []:
                await forget_feedback(connection, feedback.c.turn_id == turn_id)

    async def _select(self, condition: sa.ColumnElement[bool]) -> list[FeedbackRow]:
        async with self._database.read() as connection:
            return await select_feedback(connection, condition)

    async def _put(self, turn_id: str, user: str, kind: str, rating: str, detail: dict[str, Any]) -> None:
        async with self._database.write() as connection:
            await put_feedback(connection, turn_id, user, kind, rating, detail)


async def put_feedback(
    connection: AsyncConnection, turn_id: str, user: str, kind: str, rating: str, detail: dict[str, Any]
) -> None:
    """Keep a person's word on an answer, in the caller's transaction."""
    key = (feedback.c.turn_id == turn_id, feedback.c.user == user, feedback.c.kind == kind)
    row = {"turn_id": turn_id, "user": user, "kind": kind, "rating": rating, "detail": detail, "created": now()}
    await connection.execute(feedback.delete().where(*key))
    await connection.execute(feedback.insert().values(row))


def add_feedback(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Add whole rows in the caller's transaction; who has said something already is left at that."""
    if rows:
        connection.execute(insert(connection, feedback).on_conflict_do_nothing(), list(rows))


async def forget_feedback(connection: AsyncConnection, condition: sa.ColumnElement[bool]) -> None:
    """Delete feedback, in the caller's transaction."""
    await connection.execute(feedback.delete().where(condition))


async def select_feedback(connection: AsyncConnection, condition: sa.ColumnElement[bool]) -> list[FeedbackRow]:
    """Feedback on a connection of the caller's."""
    rows = (await connection.execute(feedback.select().where(condition))).all()
    return [FeedbackRow(**row._mapping) for row in rows]
