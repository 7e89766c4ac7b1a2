"""Votes: what thumbs say of each adapter, and whether one is worse than another with an interval that says so."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from bot.database import Database
from bot.learning.feedback import feedback
from bot.turns import turns

SURE = 2.576
"""Standard errors of a 99 % interval: it is looked at often, so a 95 % one would be wrong too often."""
LEAST = 20
"""With fewer thumbs nothing is said."""


@dataclass(frozen=True, slots=True)
class Votes:
    """Thumbs on answers: how many there were, and how many of these were down."""

    n: int = 0
    down: int = 0

    @property
    def rate(self) -> float:
        return self.down / self.n if self.n else 0.0

    def interval(self, z: float = 1.96) -> tuple[float, float]:
        """Where the true share of thumbs down lies: Wilson's score interval, for 95 % unless `z` says otherwise."""
        if not self.n:
            return 0.0, 1.0
        middle = self.rate + z * z / (2 * self.n)
        width = z * math.sqrt(self.rate * (1 - self.rate) / self.n + z * z / (4 * self.n * self.n))
        scale = 1 + z * z / self.n
        return max(0.0, (middle - width) / scale), min(1.0, (middle + width) / scale)


def excess(new: Votes, old: Votes, z: float = SURE) -> float:
    """By how much the share of thumbs down has grown at least: the low end of Newcombe's hybrid interval (1998)."""
    low, high = new.interval(z)[0], old.interval(z)[1]
    return new.rate - old.rate - math.hypot(new.rate - low, high - old.rate)


def worse(new: Votes, old: Votes) -> bool:
    """Whether `new` is surely liked less than `old`; where too little is known of `old`, whether most dislike it."""
    if new.n < LEAST:
        return False
    if old.n < LEAST:
        return new.interval(SURE)[0] > 0.5
    return excess(new, old) > 0


async def votes(database: Database, scenario: str, since: datetime | None = None) -> dict[str, Votes]:
    """Thumbs in a scenario by adapter, "" for the bare model; on answers given after `since`, or on all."""
    down = sa.func.sum(sa.case((feedback.c.rating == "down", 1), else_=0))
    query = (
        sa.select(turns.c.adapter, sa.func.count(), down)
        .join(turns, turns.c.id == feedback.c.turn_id)
        # what an import says was not said by this bot
        .where(feedback.c.kind == "thumb", turns.c.scenario == scenario, turns.c.platform != "import")
        .group_by(turns.c.adapter)
    )
    if since is not None:
        query = query.where(turns.c.created >= since)
    async with database.read() as connection:
        return {adapter: Votes(n, int(bad or 0)) for adapter, n, bad in await connection.execute(query)}
