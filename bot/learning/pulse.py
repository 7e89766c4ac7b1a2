"""The pulse: turns, waits and errors of the last hours, and what thumbs say of each adapter."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot.database import Database, now
from bot.learning.feedback import feedback
from bot.learning.votes import Votes
from bot.turns import turns

BARS = 24
MOST = 50_000
"""So many turns are looked at, the newest ones."""
BAD = ("failed", "broken")


async def pulse(database: Database, span: timedelta) -> dict[str, Any]:
    """Turns and errors over `span`, in BARS parts; the median and the 95th percentile of waits, in seconds."""
    moment = now()
    since = moment - span
    query = (
        sa.select(turns.c.created, turns.c.state, turns.c.scenario, turns.c.ttft, turns.c.seconds, turns.c.tokens)
        # what an import says was not said by this bot
        .where(turns.c.created >= since, turns.c.platform != "import")
        .order_by(turns.c.created.desc())
        .limit(MOST)
    )
    errors = (
        sa.select(turns.c.error, sa.func.count().label("turns"), sa.func.max(turns.c.created).label("last"))
        .where(turns.c.created >= since, turns.c.error != "")
        .group_by(turns.c.error).order_by(sa.desc("turns")).limit(8)
    )  # fmt: skip
    async with database.read() as connection:
        rows = (await connection.execute(query)).all()
        kinds: Counter[str] = Counter()
        for row in await connection.execute(errors):
            # The detail may quote what somebody wrote: the log has it, the page names its kind.
            kinds[row.error.partition(":")[0][:60]] += row.turns
    first, speaking = [row.ttft for row in rows if row.ttft is not None], [row for row in rows if row.tokens]
    bars = _bars([(row.created, row.state in BAD) for row in rows], since, span)
    return {
        "turns": len(rows), "failed": sum(row.state in BAD for row in rows),
        "stopped": sum(row.state == "stopped" for row in rows), "bars": bars,
        "scenarios": dict(Counter(row.scenario for row in rows).most_common()),
        "errors": dict(kinds.most_common()), "ttft": _percentiles(first),
        "seconds": _percentiles([row.seconds for row in speaking]),
    }  # fmt: skip


async def ratings(database: Database) -> list[dict[str, Any]]:
    """Thumbs by scenario and adapter ("" = the bare model): the share of them up, with Wilson's 95 % interval."""
    up = sa.func.sum(sa.case((feedback.c.rating == "up", 1), else_=0))
    query = (
        sa.select(turns.c.scenario, turns.c.adapter, up.label("up"), sa.func.count().label("thumbs"))
        .join(turns, turns.c.id == feedback.c.turn_id)
        .where(feedback.c.kind == "thumb", turns.c.platform != "import", turns.c.model != "")
        .group_by(turns.c.scenario, turns.c.adapter)
        .order_by(turns.c.scenario, turns.c.adapter)
    )
    async with database.read() as connection:
        rows = (await connection.execute(query)).all()
    return [_rating(row.scenario, row.adapter, Votes(row.thumbs, row.thumbs - int(row.up))) for row in rows]


def _rating(scenario: str, adapter: str, votes: Votes) -> dict[str, Any]:
    low, high = votes.interval()
    return {
        "scenario": scenario, "adapter": adapter, "up": votes.n - votes.down, "n": votes.n, "share": 1 - votes.rate,
        "interval": [1 - high, 1 - low],
    }  # fmt: skip


def _bars(moments: list[tuple[datetime, bool]], since: datetime, span: timedelta) -> list[dict[str, Any]]:
    width = span / BARS
    counts: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for created, failed in moments:
        at = min(BARS - 1, int((created - since) / width))
        counts[at][0] += 1
        counts[at][1] += failed
    return [
        {"begins": (since + width * at).astimezone(UTC).isoformat(), "turns": counts[at][0], "failed": counts[at][1]}
        for at in range(BARS)
    ]


def _percentiles(values: list[float]) -> dict[str, float] | None:
    """The median and the 95th percentile, by nearest rank."""
    if not values:
        return None
    ordered = sorted(values)
    return {name: ordered[math.ceil(part * len(ordered)) - 1] for name, part in (("p50", 0.5), ("p95", 0.95))}
