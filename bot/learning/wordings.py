"""Wordings: the same question in other words, made once and kept, so that a dataset can be built again as it was.

Owner of the table `wordings`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import sqlalchemy as sa

from bot.database import CHUNK, Database, Moment, insert, metadata, now
from bot.turns import turns

Way = Literal["synonym", "rephrased", "translated"]

wordings = sa.Table(
    "wordings",
    metadata,
    sa.Column("turn_id", sa.String(32), primary_key=True),
    # Of the question that they are wordings of: a reviewer may put it anew.
    sa.Column("question", sa.String(64), nullable=False),
    # [{"way": ..., "text": ...}]; fewer than were sought: no more were found.
    sa.Column("others", sa.JSON, nullable=False),
    sa.Column("sought", sa.Integer, nullable=False),
    sa.Column("created", Moment, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Wording:
    """A question in other words, and how they were found."""

    way: Way
    text: str


class Wordings:
    """The other wordings of questions, by their turns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, questions: Mapping[str, str], sought: int = 0) -> dict[str, tuple[Wording, ...]]:
        """What was made of each turn's question. A turn whose question is new or has changed, or for which fewer than
        `sought` were looked for, is not among them."""
        found: dict[str, tuple[Wording, ...]] = {}
        ids = sorted(questions)
        async with self._database.read() as connection:
            for start in range(0, len(ids), CHUNK):
                part = wordings.c.turn_id.in_(ids[start : start + CHUNK])
                query = wordings.select().where(part, wordings.c.sought >= sought)
                for row in await connection.execute(query):
                    if row.question == _name(questions[row.turn_id]):
                        found[row.turn_id] = tuple(Wording(**one) for one in row.others)
        return found

    async def keep(self, turn_id: str, question: str, others: Sequence[Wording], sought: int) -> None:
        """Remember what was made of a turn's question, in place of what was before."""
        made = {
            "question": _name(question), "others": [asdict(one) for one in others], "sought": sought, "created": now()
        }  # fmt: skip
        async with self._database.write() as connection:
            row = insert(connection, wordings).values(turn_id=turn_id, **made)
            await connection.execute(row.on_conflict_do_update(index_elements=["turn_id"], set_=made))

    async def forget(self, turn_ids: Sequence[str]) -> None:
        async with self._database.write() as connection:
            for start in range(0, len(turn_ids), CHUNK):
                gone = wordings.c.turn_id.in_(turn_ids[start : start + CHUNK])
                await connection.execute(wordings.delete().where(gone))

    async def sweep(self) -> None:
        """Delete those of turns that are no longer kept."""
        gone = ~sa.exists().where(turns.c.id == wordings.c.turn_id)
        await self._database.execute(wordings.delete().where(gone))


def _name(question: str) -> str:
    return hashlib.sha256(question.encode()).hexdigest()
