"""The digest: what a server's week was like for its moderators, in words and a picture."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.database import Database, now
from bot.delivery import Courier, SendError
from bot.knowledge.gaps import gaps
from bot.learning.digest_picture import picture
from bot.learning.feedback import feedback
from bot.learning.flags import flags
from bot.learning.review import reviews
from bot.learning.runs import run_rows, runs
from bot.learning.votes import Votes
from bot.places import Places
from bot.request import one_line
from bot.turns import turns

log = structlog.get_logger(__name__)

WEEK = timedelta(days=7)
WEEKS = 8
"""So many are drawn."""
QUESTIONS = 5


@dataclass(frozen=True, slots=True)
class Week:
    """One week of a server. `votes` are the thumbs that were given on its answers."""

    begin: datetime
    answers: int
    votes: Votes
    flagged: int
    decided: int


@dataclass(frozen=True, slots=True)
class Learned:
    """An adapter that went into service in the week, and how many of its rows are this server's."""

    adapter: str
    rows: int
    state: str


@dataclass(frozen=True, slots=True)
class Digest:
    """A server's weeks, the last one at the end; what nobody could answer in it, and what was learned."""

    weeks: tuple[Week, ...]
    open_items: int
    questions: tuple[tuple[str, int], ...]
    learned: tuple[Learned, ...]

    @property
    def words(self) -> str:
        """The digest as a message."""
        week, before = self.weeks[-1], self.weeks[-2]
        lines = [f"**The week**: {many(week.answers, 'answer')} ({_change(week.answers, before.answers)})."]
        if week.votes.n:
            low, high = week.votes.interval()
            lines.append(
                f"{many(week.votes.n, 'thumb')}, {week.votes.down} of them down: {week.votes.rate:.0%}, "
                f"surely between {low:.0%} and {high:.0%}; the week before {before.votes.rate:.0%} of {before.votes.n}."
            )
        lines.append(f"{many(week.flagged, 'answer')} flagged, {week.decided} decided, {self.open_items} open.")
        for one in self.learned:
            what = "was learned and rolled back" if one.state == "rolled_back" else "was learned"
            lines.append(f"{one.adapter} {what}, {many(one.rows, 'answer')} of this server in it.")
        if self.questions:
            lines.append("**What the documents do not answer**:")
            asked = (f"{text} ({count} times)" if count > 1 else text for text, count in self.questions)
            lines += [f"- {one}" for one in asked]
        return "\n".join(lines)

    @property
    def empty(self) -> bool:
        """Nothing happened that is worth a message."""
        week = self.weeks[-1]
        return not (week.answers or week.flagged or week.decided or self.open_items or self.learned)


class Digests:
    """Writes and sends them."""

    def __init__(self, database: Database, places: Places) -> None:
        self._database = database
        self._places = places

    async def of(self, platform: str, server: str, until: datetime | None = None) -> Digest:
        """A server's digest for the week that ends at `until`."""
        end = until or now()
        begins = [end - WEEK * number for number in range(WEEKS, 0, -1)]
        async with self._database.read() as connection:
            weeks = [await _week(connection, platform, server, begin) for begin in begins]
            waiting = sa.select(sa.func.count()).where(
                reviews.c.platform == platform, reviews.c.server == server, reviews.c.state == "open"
            )
            open_items = int((await connection.execute(waiting)).scalar_one())
            questions = await _questions(connection, platform, server, begins[-1])
            learned = await _learned(connection, platform, server, begins[-1])
        return Digest(tuple(weeks), open_items, questions, learned)

    async def send(self, couriers: Mapping[str, Courier]) -> int:
        """Bring every server's moderators theirs. Returns how many were sent."""
        return sum([
            await self._send(couriers[platform], platform, server, channel)
            for platform, server, channel in await self._places.moderated() if platform in couriers
        ])  # fmt: skip

    async def _send(self, courier: Courier, platform: str, server: str, channel: str) -> bool:
        digest = await self.of(platform, server)
        if digest.empty:
            return False
        drawn = await asyncio.to_thread(picture, bars(digest.weeks))
        try:
            await courier.post(channel, digest.words, drawn)
        except SendError as error:
            log.warning("digest_failed", platform=platform, server=server, detail=error.detail)
            return False
        return True


def bars(weeks: Sequence[Week]) -> list[tuple[str, int, float | None]]:
    """By week its first day, its answers, and the share of thumbs down, None where nobody voted."""
    return [(f"{one.begin:%d %b}", one.answers, one.votes.rate if one.votes.n else None) for one in weeks]


def many(number: int, thing: str) -> str:
    """ "1 answer", "2 answers"."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _change(now_: int, before: int) -> str:
    if not before:
        return "none the week before"
    return f"{(now_ - before) / before:+.0%} on the week before"


async def _week(connection: AsyncConnection, platform: str, server: str, begin: datetime) -> Week:
    here = (turns.c.platform == platform, turns.c.server == server)
    within = (turns.c.created >= begin, turns.c.created < begin + WEEK)

    async def count(query: sa.Select[Any]) -> int:
        return int((await connection.execute(query)).scalar_one())

    answers = await count(sa.select(sa.func.count()).where(*here, *within, turns.c.state == "done"))
    thumbs = (
        sa.select(sa.func.count(), sa.func.sum(sa.case((feedback.c.rating == "down", 1), else_=0)))
        .join(turns, turns.c.id == feedback.c.turn_id)
        .where(*here, feedback.c.kind == "thumb", feedback.c.created >= begin, feedback.c.created < begin + WEEK)
    )
    n, down = (await connection.execute(thumbs)).one()
    flagged = await count(
        sa.select(sa.func.count(flags.c.turn_id.distinct())).join(turns, turns.c.id == flags.c.turn_id)
        .where(*here, flags.c.created >= begin, flags.c.created < begin + WEEK)
    )  # fmt: skip
    decided = await count(
        sa.select(sa.func.count())
        .where(reviews.c.platform == platform, reviews.c.server == server, reviews.c.state != "withdrawn")
        .where(reviews.c.decided >= begin, reviews.c.decided < begin + WEEK)
    )
    return Week(begin, answers, Votes(n, int(down or 0)), flagged, decided)


async def _questions(
    connection: AsyncConnection, platform: str, server: str, since: datetime
) -> tuple[tuple[str, int], ...]:
    """The open questions that were asked most, the newest first among equals."""
    times = sa.func.count()
    query = (
        sa.select(sa.func.max(gaps.c.question), times)
        .join(turns, turns.c.id == gaps.c.turn_id)
        .where(turns.c.platform == platform, gaps.c.server == server, gaps.c.created >= since, gaps.c.closed.is_(None))
        .group_by(sa.func.lower(gaps.c.question))
        .order_by(times.desc(), sa.func.max(gaps.c.created).desc())
        .limit(QUESTIONS)
    )
    return tuple((one_line(text, 120), count) for text, count in await connection.execute(query))


async def _learned(connection: AsyncConnection, platform: str, server: str, since: datetime) -> tuple[Learned, ...]:
    """What went into service, as far as this server taught it."""
    rows = sa.func.count(run_rows.c.turn_id.distinct())
    query = (
        sa.select(runs.c.adapter, runs.c.state, rows)
        .join(run_rows, run_rows.c.run == runs.c.id)
        .join(turns, turns.c.id == run_rows.c.turn_id)
        .where(turns.c.platform == platform, turns.c.server == server)
        .where(runs.c.ended >= since, runs.c.state.in_(("promoted", "rolled_back")))
        .group_by(runs.c.adapter, runs.c.state)
        .order_by(runs.c.adapter)
    )
    return tuple(Learned(adapter, count, state) for adapter, state, count in await connection.execute(query))
