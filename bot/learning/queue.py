"""The queue as reviewers look through it: filtered, a page at a time, with what each row shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.database import Database, now
from bot.learning.flags import Reason, flags, select_flags
from bot.learning.review import reviews
from bot.places import Moderator
from bot.turns import turns

PAGE = 50
EXCERPT = 160
"""Characters of a question in its row."""
DECIDED = ("approved", "edited", "rejected")
STATES = ("open", "escalated", "mine", "decided", *DECIDED)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which items: in one of STATES ("mine" = claimed by the reader), and what else is asked of them, "" = anything.

    `server` is "discord:123". `after` is the last row's `mark`.
    """

    state: str = "open"
    scenario: str = ""
    reason: str = ""
    server: str = ""
    words: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """An item in the list. `reasons` counts people by label; `mark` is where the next page begins."""

    turn_id: str
    state: str
    scenario: str
    platform: str
    server: str
    question: str
    reasons: dict[str, int]
    opened: datetime
    decided: datetime | None
    decider: str
    claimer: str
    claimed_by: str
    escalated: bool
    mark: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows; `more` tells whether others follow."""

    rows: tuple[Row, ...]
    more: bool


class Queue:
    """Looks, changes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, moderator: Moderator, wanted: Wanted, most: int = PAGE) -> Page:
        """Open ones those first that teach most, then the longest waiting; decided ones the newest first.

        Two statements a page.
        """
        newest = wanted.state in ("decided", *DECIDED)
        moment = reviews.c.decided if newest else reviews.c.opened
        query = (
            sa.select(reviews, sa.func.substr(turns.c.question, 1, EXCERPT).label("asked"))
            .join(turns, turns.c.id == reviews.c.turn_id)
            .where(*_scope(moderator), *_state(moderator, wanted.state), *_filters(wanted))
        )
        if wanted.after:
            query = query.where(_behind(moment, wanted.after, newest=newest))
        first: tuple[sa.ColumnElement[Any], ...] = (reviews.c.priority.desc(), moment, reviews.c.turn_id)
        order = (moment.desc(), reviews.c.turn_id.desc()) if newest else first
        async with self._database.read() as connection:
            found = (await connection.execute(query.order_by(*order).limit(most + 1))).all()
            reasons = await _reasons(connection, [row.turn_id for row in found[:most]])
        rows = tuple(_row(row, reasons.get(row.turn_id, Counter()), newest=newest) for row in found[:most])
        return Page(rows, len(found) > most)

    async def counts(self, moderator: Moderator) -> dict[str, int]:
        """How many items there are, by STATES."""
        parts = {"escalated": reviews.c.escalated_by != "", "mine": _claimed(moderator)}
        sums = [sa.func.sum(sa.case((condition, 1), else_=0)).label(name) for name, condition in parts.items()]
        query = sa.select(reviews.c.state, sa.func.count().label("items"), *sums).where(*_scope(moderator))
        counts: dict[str, int] = Counter()
        async with self._database.read() as connection:
            for row in await connection.execute(query.group_by(reviews.c.state)):
                counts[row.state] = row.items
                if row.state == "open":
                    counts |= {"escalated": row.escalated, "mine": row.mine}
        counts["decided"] = sum(counts[state] for state in DECIDED)
        return {state: counts[state] for state in STATES}

    async def choices(self, moderator: Moderator) -> dict[str, list[str]]:
        """What there is to filter by: scenarios and servers of the items."""
        query = sa.select(reviews.c.scenario, reviews.c.platform, reviews.c.server).distinct().where(*_scope(moderator))
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        servers = {f"{row.platform}:{row.server}" for row in rows}
        return {"scenarios": sorted({row.scenario for row in rows}), "servers": sorted(servers)}


def _scope(moderator: Moderator) -> tuple[sa.ColumnElement[bool], ...]:
    if moderator.everywhere:
        return ()
    return (reviews.c.platform == moderator.platform, reviews.c.server == moderator.server)


def _claimed(moderator: Moderator) -> sa.ColumnElement[bool]:
    return sa.and_(reviews.c.claimed_by == moderator.user, reviews.c.claimed_until > now())


def _state(moderator: Moderator, state: str) -> tuple[sa.ColumnElement[bool], ...]:
    is_open = reviews.c.state == "open"
    match state:
        case "escalated":
            return is_open, reviews.c.escalated_by != ""
        case "mine":
            return is_open, _claimed(moderator)
        case "decided":
            return (reviews.c.state.in_(DECIDED),)
        case _:
            return (reviews.c.state == state,)


def _filters(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.scenario:
        conditions.append(reviews.c.scenario == wanted.scenario)
    if wanted.server:
        platform, _, server = wanted.server.partition(":")
        conditions += [reviews.c.platform == platform, reviews.c.server == server]
    if wanted.reason:
        named = sa.cast(flags.c.reasons, sa.Text).like(f'%"{wanted.reason}"%')
        conditions.append(sa.exists().where(flags.c.turn_id == reviews.c.turn_id, named))
    if wanted.words:
        conditions.append(
            sa.or_(
                turns.c.question.icontains(wanted.words, autoescape=True),
                turns.c.answer.icontains(wanted.words, autoescape=True),
            )
        )
    return conditions


def _behind(moment: sa.ColumnElement[datetime], mark: str, *, newest: bool) -> sa.ColumnElement[bool]:
    """Rows behind a mark. One that was not ours stands before everything."""
    worth, _, rest = mark.partition("-")
    seconds, _, turn_id = rest.partition("-")
    try:
        priority, last = float(worth), datetime.fromtimestamp(float(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return sa.true()
    here = reviews.c.turn_id < turn_id if newest else reviews.c.turn_id > turn_id
    behind = sa.or_(moment < last if newest else moment > last, sa.and_(moment == last, here))
    if newest:
        return behind
    return sa.or_(reviews.c.priority < priority, sa.and_(reviews.c.priority == priority, behind))


async def _reasons(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = {}
    for flag in await select_flags(connection, flags.c.turn_id.in_(ids)):
        counts.setdefault(flag.turn_id, Counter()).update(Reason(reason).label for reason in flag.reasons)
    return counts


def _row(row: sa.Row[tuple[object, ...]], reasons: Counter[str], *, newest: bool) -> Row:
    claimed = row.claimed_until is not None and row.claimed_until > now()
    moment = row.decided if newest else row.opened
    return Row(
        turn_id=row.turn_id, state=row.state, scenario=row.scenario, platform=row.platform, server=row.server,
        question=row.asked, reasons=dict(reasons.most_common()), opened=row.opened, decided=row.decided,
        decider=row.decider, claimer=row.claimer if claimed else "", claimed_by=row.claimed_by if claimed else "",
        escalated=row.escalated_by != "", mark=f"{row.priority!r}-{moment.timestamp()!r}-{row.turn_id}",
    )  # fmt: skip
