"""Examples: the answers of a scenario that somebody said something of, with all that was said."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import sqlalchemy as sa

from bot.database import CHUNK, Database
from bot.learning.feedback import FeedbackRow, feedback
from bot.learning.flags import Flag, Reason, flags
from bot.learning.review import Review, Verdict, review_of, reviews, verdict_of, verdicts
from bot.turns import TurnRow, turns

QUORUM = 3
"""So many people have to agree on a thumb before it trains, where no moderator has looked at the answer."""
MOST = 200_000
PAGE = CHUNK

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Example:
    """An answer and what people said of it. `versions` are the other tries at the same question."""

    turn: TurnRow
    review: Review | None = None
    verdicts: tuple[Verdict, ...] = ()
    flags: tuple[Flag, ...] = ()
    said: tuple[FeedbackRow, ...] = ()
    versions: tuple[TurnRow, ...] = field(default=(), repr=False)

    @property
    def id(self) -> str:
        return self.turn.id

    @property
    def state(self) -> str:
        """Where its review stands, "" where it has none."""
        return self.review.state if self.review is not None else ""

    @property
    def reasons(self) -> frozenset[Reason]:
        """What is wrong with it: what reviewers named, or else what was reported."""
        named = frozenset(reason for verdict in self.verdicts for reason in verdict.reasons)
        return named or frozenset(reason for flag in self.flags for reason in flag.reasons)

    def thumbs(self, rating: str) -> tuple[str, ...]:
        """Who gave it this thumb."""
        return tuple(sorted(row.user for row in self.said if row.kind == "thumb" and row.rating == rating))

    @property
    def corrector(self) -> str:
        """Who wrote the approved better answer: a member, or else the reviewer who edited it."""
        if self.review is None or not self.review.correction:
            return ""
        theirs = [(flag.created, flag.user) for flag in self.flags if flag.correction == self.review.correction]
        theirs += [
            (row.created, row.user) for row in self.said if row.detail.get("correction") == self.review.correction
        ]
        return min(theirs)[1] if theirs else self.review.decided_by


async def examples_of(database: Database, scenario: str) -> list[Example]:
    """All of a scenario's examples, oldest first, as they are at one moment. Raises StoreError."""
    return await database.query(_load, scenario)


async def pages_of(database: Database, scenario: str) -> AsyncIterator[list[Example]]:
    """A scenario's examples, oldest first, PAGE at a time, each page as it then is. Raises StoreError."""
    after = 0
    while page := await database.query(_page, scenario, after):
        yield page
        after = page[-1].turn.number


def _load(connection: sa.Connection, scenario: str) -> list[Example]:
    found: list[Example] = []
    while len(found) < MOST and (page := _page(connection, scenario, found[-1].turn.number if found else 0)):
        found += page
    return found


def _page(connection: sa.Connection, scenario: str, after: int) -> list[Example]:
    """The next PAGE examples behind turn number `after`."""
    spoken = sa.or_(*(sa.exists().where(table.c.turn_id == turns.c.id) for table in (feedback, flags, reviews)))
    query = turns.select().where(turns.c.scenario == scenario, turns.c.number > after, spoken)
    rows = connection.execute(query.order_by(turns.c.number).limit(PAGE))
    found = [TurnRow(**row._mapping) for row in rows]
    ids = [turn.id for turn in found]
    of_reviews = {row.turn_id: review_of(row) for row in _all(connection, reviews, ids)}
    of_verdicts = _grouped(verdict_of(row) for row in _all(connection, verdicts, ids))
    of_flags = _grouped(
        Flag(**{**row._mapping, "reasons": tuple(map(Reason, row.reasons))}) for row in _all(connection, flags, ids)
    )
    of_feedback = _grouped(FeedbackRow(**row._mapping) for row in _all(connection, feedback, ids))
    tries = _versions(connection, found)
    return [
        Example(
            turn, of_reviews.get(turn.id), tuple(of_verdicts.get(turn.id, ())), tuple(of_flags.get(turn.id, ())),
            tuple(of_feedback.get(turn.id, ())), tries.get(turn.version_of or turn.id, ()),
        )
        for turn in found
    ]  # fmt: skip


def _all(connection: sa.Connection, table: sa.Table, ids: list[str]) -> list[sa.Row[Any]]:
    """The table's rows on some turns, in an order that two databases agree on."""
    query = table.select().where(table.c.turn_id.in_(ids))
    rows = connection.execute(query.order_by(*table.primary_key.columns)).all()
    return sorted(rows, key=lambda row: getattr(row, "created", None) or row.opened)


def _grouped(rows: Iterable[T]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {}
    for row in rows:
        found.setdefault(row.turn_id, []).append(row)  # type: ignore[attr-defined]
    return found


def _versions(connection: sa.Connection, found: list[TurnRow]) -> dict[str, tuple[TurnRow, ...]]:
    """Of answers that were tried again: all tries, by the first one's id."""
    firsts = list({turn.version_of or turn.id for turn in found})
    query = turns.select().where(turns.c.version_of.in_(firsts)).order_by(turns.c.number)
    tries: dict[str, list[TurnRow]] = {}
    for row in connection.execute(query):
        tries.setdefault(row.version_of, []).append(TurnRow(**row._mapping))
    heads = {row.id: row for row in found if row.id in tries}
    missing = [one for one in tries if one not in heads]
    for row in connection.execute(turns.select().where(turns.c.id.in_(missing))) if missing else ():
        heads[row.id] = TurnRow(**row._mapping)
    return {first: (heads[first], *rest) for first, rest in tries.items() if first in heads}
