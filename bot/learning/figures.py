"""Figures of the review: how much is done, how long it waits, how far reviewers agree."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations, permutations

import sqlalchemy as sa

from bot.database import Database, now
from bot.learning.queue import DECIDED
from bot.learning.review import reviews, verdicts
from bot.places import Moderator

DAYS = 14
WINDOW = timedelta(days=90)
"""How far back agreement is looked at: two reviewers of one item are rare."""


@dataclass(frozen=True, slots=True)
class Figures:
    """`days`: decisions by day, the oldest first. `reviewers`: decisions by name. Waits are in seconds.

    `agreement`: the share of pairs of reviewers of one item who said the same; `alpha` is Krippendorff's, which
    takes what chance would give into account. Both are None where no item has two reviewers.
    """

    days: tuple[tuple[str, int], ...]
    reviewers: dict[str, int]
    outcomes: dict[str, int]
    median_wait: float | None
    oldest_wait: float | None
    pairs: int
    agreement: float | None
    alpha: float | None


async def figures_of(database: Database, moderator: Moderator) -> Figures:
    """The figures of what a moderator reviews, over DAYS (agreement: over WINDOW)."""
    since, moment = now() - timedelta(days=DAYS), now()
    scope = [] if moderator.everywhere else [
        reviews.c.platform == moderator.platform, reviews.c.server == moderator.server,
    ]  # fmt: skip
    done = sa.select(reviews.c.opened, reviews.c.decided, reviews.c.decider, reviews.c.state).where(
        reviews.c.state.in_(DECIDED), reviews.c.decided > since, *scope
    )
    oldest = sa.select(sa.func.min(reviews.c.opened)).where(reviews.c.state == "open", *scope)
    said = (
        sa.select(verdicts.c.turn_id, verdicts.c.decision)
        .join(reviews, reviews.c.turn_id == verdicts.c.turn_id)
        .where(verdicts.c.created > moment - WINDOW, *scope)
    )
    async with database.read() as connection:
        decided = (await connection.execute(done)).all()
        first: datetime | None = (await connection.execute(oldest)).scalar_one()
        units: dict[str, list[str]] = defaultdict(list)
        for row in await connection.execute(said):
            # Whoever edits says that the flag is right, as who approves does.
            units[row.turn_id].append("rejected" if row.decision == "rejected" else "right")
    pairs, agreement = agreed(list(units.values()))
    return Figures(
        days=_days([row.decided for row in decided], moment),
        reviewers=dict(Counter(row.decider for row in decided).most_common(20)),
        outcomes={state: sum(row.state == state for row in decided) for state in DECIDED},
        median_wait=_median([(row.decided - row.opened).total_seconds() for row in decided]),
        oldest_wait=(moment - first).total_seconds() if first is not None else None,
        pairs=pairs, agreement=agreement, alpha=alpha(list(units.values())),
    )  # fmt: skip


def agreed(units: Sequence[Sequence[str]]) -> tuple[int, float | None]:
    """Pairs of labels of one unit, and the share of them that are the same."""
    same = [one == other for labels in units for one, other in combinations(labels, 2)]
    return len(same), sum(same) / len(same) if same else None


def alpha(units: Sequence[Sequence[str]]) -> float | None:
    """Krippendorff's alpha for names (Computing Krippendorff's Alpha-Reliability, 2011): 1 = always the same, 0 = as
    chance would have it. None where no unit has two labels; 1 where there is but one label altogether."""
    coincidences: dict[tuple[str, str], float] = defaultdict(float)
    for labels in units:
        for one, other in permutations(labels, 2):
            coincidences[one, other] += 1 / (len(labels) - 1)
    totals: dict[str, float] = defaultdict(float)
    for (one, _), count in coincidences.items():
        totals[one] += count
    everything = sum(totals.values())
    if not everything:
        return None
    observed = sum(count for (one, other), count in coincidences.items() if one != other)
    expected = sum(totals[one] * totals[other] for one, other in permutations(totals, 2))
    return 1.0 if not expected else 1 - (everything - 1) * observed / expected


def _days(moments: Sequence[datetime], today: datetime) -> tuple[tuple[str, int], ...]:
    counts: Mapping[str, int] = Counter(f"{moment:%Y-%m-%d}" for moment in moments)
    days = [f"{today - timedelta(days=back):%Y-%m-%d}" for back in range(DAYS - 1, -1, -1)]
    return tuple((day, counts.get(day, 0)) for day in days)


def _median(values: Sequence[float]) -> float | None:
    if not values:
        return None
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
