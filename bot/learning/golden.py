"""The golden set: questions with verified references, which only the gate reads. Owner of the table `golden`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.database import CHUNK, Database, Moment, insert, metadata, now
from bot.errors import UserError
from bot.learning.redaction import redact
from bot.turns import TurnRow

golden = sa.Table(
    "golden",
    metadata,
    # Of the turn it was made from, or of what an import held.
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("scenario", sa.String(32), nullable=False),
    sa.Column("question", sa.Text, nullable=False),
    # The messages as they were given; [] = the scenario makes them from the question.
    sa.Column("prompt", sa.JSON, nullable=False),
    sa.Column("options", sa.JSON, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("critical", sa.Boolean, nullable=False),
    # Who vouches for it.
    sa.Column("user", sa.String(120), nullable=False),
    sa.Column("created", Moment, nullable=False),
    sa.Index("ix_golden_scenario", "scenario"),
)


@dataclass(frozen=True, slots=True)
class Golden:
    """A question and what a right answer says. No adapter that gets a `critical` one wrong is promoted."""

    id: str
    scenario: str
    question: str
    prompt: list[dict[str, str]]
    options: dict[str, str]
    reference: str
    critical: bool
    user: str
    created: datetime


class GoldenSet:
    """The set, each scenario's own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, turn: TurnRow, reference: str, user: str, *, critical: bool = False) -> None:
        """Have the gate ask what `turn` was asked, from now on; a second time changes it. Raises UserError."""
        if not turn.question or not reference.strip():
            raise UserError("A golden item needs a question that is kept and a right answer to it.")
        prompt = turn.prompt[0] if turn.platform == "import" and turn.prompt else []
        row = {
            "id": turn.id, "scenario": turn.scenario, "question": redact(turn.question).text, "prompt": prompt,
            "options": {name: value for name, value in turn.options.items() if not name.startswith("@")},
            "reference": redact(reference.strip()).text, "critical": critical, "user": user, "created": now(),
        }  # fmt: skip
        async with self._database.write() as connection:
            await connection.execute(golden.delete().where(golden.c.id == turn.id))
            await connection.execute(golden.insert().values(row))

    async def of(self, scenario: str) -> list[Golden]:
        """A scenario's items, in a fixed order."""
        query = golden.select().where(golden.c.scenario == scenario).order_by(golden.c.id)
        async with self._database.read() as connection:
            return [Golden(**row._mapping) for row in (await connection.execute(query)).all()]

    async def everything(self) -> list[Golden]:
        """Every scenario's items, the newest first."""
        query = golden.select().order_by(golden.c.scenario, golden.c.created.desc(), golden.c.id)
        async with self._database.read() as connection:
            return [Golden(**row._mapping) for row in (await connection.execute(query)).all()]

    async def mark(self, item_id: str, *, critical: bool) -> bool:
        """Make an item critical, or not. Returns whether there is one."""
        mine = golden.update().where(golden.c.id == item_id)
        return await self._database.execute(mine.values(critical=critical)) == 1

    async def get(self, item_id: str) -> Golden | None:
        async with self._database.read() as connection:
            row = (await connection.execute(golden.select().where(golden.c.id == item_id))).one_or_none()
        return None if row is None else Golden(**row._mapping)

    async def remove(self, ids: Sequence[str]) -> None:
        """Take items out."""
        async with self._database.write() as connection:
            for start in range(0, len(ids), CHUNK):
                await connection.execute(golden.delete().where(golden.c.id.in_(ids[start : start + CHUNK])))


async def drop_golden(connection: AsyncConnection, item_id: str) -> None:
    """Take an item out, in the caller's transaction: what vouched for it was taken back."""
    await connection.execute(golden.delete().where(golden.c.id == item_id))


def add_golden(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> set[str]:
    """Add whole rows in the caller's transaction. Returns the ids of those that were not there yet."""
    ids = [row["id"] for row in rows]
    there = set(connection.execute(sa.select(golden.c.id).where(golden.c.id.in_(ids))).scalars())
    if rows:
        connection.execute(insert(connection, golden).on_conflict_do_nothing(), list(rows))
    return set(ids) - there
