"""Priority: active learning, where the open items come first whose decision teaches most."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot.database import Database, now
from bot.knowledge.gaps import gaps
from bot.learning.clusters import clusters
from bot.learning.feedback import feedback
from bot.learning.flags import flags
from bot.learning.review import reviews, verdicts
from bot.turns import turns

TRAFFIC = timedelta(days=30)
MOST = 20_000
"""So many of the newest questions are counted."""
UNKNOWN = 0.3
"""How uncertain an answer is of which nothing is known."""
WEEK = 7 * 86400


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an open item. `confidence`: of the sources that it was answered from, None for no sources;
    `logprob`: the mean of the answer's tokens, None where the engine did not tell."""

    asked: int
    up: int
    down: int
    seconded: bool
    confidence: float | None
    opened: datetime
    logprob: float | None = None


def uncertainty(known: Known) -> float:
    """0 to 1: how little is known whether the answer was right.

    People who disagree, a reviewer who waits for a second one, sources that hardly fit, and the model's own doubt:
    what its tokens lacked, by their geometric mean, to being certain.
    """
    said = known.up + known.down
    split = 4 * known.up * known.down / (said * said) if said else 0.0
    doubts = [UNKNOWN, split, 0.6 if known.seconded else 0.0]
    if known.confidence is not None:
        doubts.append(1 - known.confidence)
    if known.logprob is not None:
        doubts.append(1 - math.exp(min(0.0, known.logprob)))
    return max(doubts)


def priority(known: Known, moment: datetime) -> float:
    """Uncertainty times how often the like is asked, and a little for every week of waiting, so that nothing waits
    for ever."""
    weeks = max(0.0, (moment - known.opened).total_seconds() / WEEK)
    return round(uncertainty(known) * math.log2(1 + known.asked) + 0.5 * weeks, 4)


class Priorities:
    """Keeps them up to date."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def refresh(self) -> int:
        """Weigh every open item anew. Returns how many have moved."""
        read = await self._database.query(_read)
        if not read.items:
            return 0
        asked = await asyncio.to_thread(traffic, {row.turn_id: row.question for row in read.items}, read.recent)
        moment, moved = now(), []
        for row in read.items:
            worth = priority(read.known(row, asked[row.turn_id]), moment)
            if worth != row.priority:
                moved.append({"item": row.turn_id, "worth": worth})
        if moved:
            mine = reviews.update().where(reviews.c.turn_id == sa.bindparam("item"))
            async with self._database.write() as connection:
                await connection.execute(mine.values(priority=sa.bindparam("worth")), moved)
        return len(moved)


def traffic(items: dict[str, str], recent: dict[str, str]) -> dict[str, int]:
    """How often the like of each item's question was asked, itself among it."""
    grouped = clusters(recent | items)
    sizes = Counter(grouped.values())
    return {turn_id: sizes[grouped[turn_id]] for turn_id in items}


@dataclass(frozen=True, slots=True)
class _Read:
    """What the store holds of all open items, and of what was asked lately."""

    items: Sequence[Any]
    votes: dict[str, tuple[int, int]]
    seconded: set[str]
    confidence: dict[str, float]
    recent: dict[str, str]

    def known(self, row: Any, asked: int) -> Known:
        up, down = self.votes.get(row.turn_id, (0, 0))
        confidence = self.confidence.get(row.turn_id)
        return Known(asked, up, down, row.turn_id in self.seconded, confidence, row.opened, row.logprob)


def _read(connection: sa.Connection) -> _Read:
    items = connection.execute(
        sa.select(reviews.c.turn_id, reviews.c.opened, reviews.c.priority, turns.c.question, turns.c.logprob)
        .join(turns, turns.c.id == reviews.c.turn_id)
        .where(reviews.c.state == "open")
    ).all()
    waiting = _of_open(sa.select(verdicts.c.turn_id).distinct(), verdicts)
    confident = _of_open(sa.select(gaps.c.turn_id, gaps.c.confidence), gaps)
    return _Read(
        items, _votes(connection), set(connection.execute(waiting).scalars()),
        {row.turn_id: row.confidence for row in connection.execute(confident)},
        _recent(connection) if items else {},
    )  # fmt: skip


def _recent(connection: sa.Connection) -> dict[str, str]:
    query = (
        sa.select(turns.c.id, turns.c.question)
        .where(turns.c.created >= now() - TRAFFIC, turns.c.platform != "import", turns.c.question != "")
        .order_by(turns.c.number.desc())
        .limit(MOST)
    )
    return {row.id: row.question for row in connection.execute(query)}


def _votes(connection: sa.Connection) -> dict[str, tuple[int, int]]:
    """Who liked an open item's answer and who did not; a flag is a thumb down."""
    found: dict[str, Counter[str]] = {}
    thumbs = sa.select(feedback.c.turn_id, feedback.c.rating, sa.func.count()).where(feedback.c.kind == "thumb")
    counted = _of_open(thumbs, feedback).group_by(feedback.c.turn_id, feedback.c.rating)
    for turn_id, rating, count in connection.execute(counted):
        found.setdefault(turn_id, Counter())[rating] += count
    marks = _of_open(sa.select(flags.c.turn_id, sa.func.count()), flags).group_by(flags.c.turn_id)
    for turn_id, count in connection.execute(marks):
        found.setdefault(turn_id, Counter())["down"] += count
    return {turn_id: (count["up"], count["down"]) for turn_id, count in found.items()}


def _of_open(query: sa.Select[Any], table: sa.Table) -> sa.Select[Any]:
    return query.join(reviews, reviews.c.turn_id == table.c.turn_id).where(reviews.c.state == "open")
