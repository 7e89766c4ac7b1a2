"""Notices: who flagged or corrected an answer hears which adapter has learned it. Owner of the table `notices`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.database import CHUNK, Database, Moment, insert, metadata, now
from bot.delivery import Courier, SendError, SendForbidden
from bot.learning.feedback import feedback
from bot.learning.flags import flags
from bot.learning.registry import adapters, service
from bot.learning.runs import run_rows

log = structlog.get_logger(__name__)

notices = sa.Table(
    "notices",
    metadata,
    sa.Column("turn_id", sa.String(32), primary_key=True),
    sa.Column("user", sa.String(120), primary_key=True),
    sa.Column("adapter", sa.String(120), nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    # When it is tried again; none = it was told, or will not be.
    sa.Column("after", Moment),
    sa.Index("ix_notices_user", "user"),
)

SENDING = timedelta(minutes=2)
"""How long one host has for telling somebody before another one may."""
AGAIN = timedelta(minutes=30)
TRIES = 3
FRESH = timedelta(days=7)
"""What went into service longer ago is not told any more."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One person's flags that an adapter has learned. `corrected`: those they wrote the better answer to."""

    user: str
    adapter: str
    turn_ids: tuple[str, ...]
    corrected: int

    @property
    def words(self) -> str:
        what = "correction" if self.corrected == len(self.turn_ids) else "flag"
        things = f"Your {what} is" if len(self.turn_ids) == 1 else f"{len(self.turn_ids)} of your {what}s are"
        return f"{things} in {self.adapter}, which answers from now on. Thank you."


class Notices:
    """What people have to be told. It follows from what is in service, so that a crash loses none."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(self, platforms: Sequence[str]) -> list[Notice]:
        """Those not told yet, one a person and adapter."""
        async with self._database.read() as connection:
            learned = await _learned(connection)
            said = await _said(connection, list(learned), platforms)
            done = await _done(connection, list(learned))
        grouped: dict[tuple[str, str], dict[str, bool]] = {}
        for (turn_id, user), corrected in sorted(said.items()):
            if (turn_id, user) not in done:
                grouped.setdefault((user, learned[turn_id]), {})[turn_id] = corrected
        return [Notice(user, adapter, tuple(turns), sum(turns.values())) for (user, adapter), turns in grouped.items()]

    async def send(self, couriers: Mapping[str, Courier]) -> int:
        """Tell everybody who is due, each once. Returns how many people were told."""
        return sum([await self._send(notice, couriers) for notice in await self.due(tuple(couriers))])

    async def forget(self, user: str, turn_ids: Sequence[str]) -> None:
        """Forget whom we told, and that anybody was told of these turns."""
        async with self._database.write() as connection:
            await connection.execute(notices.delete().where(notices.c.user == user))
            for start in range(0, len(turn_ids), CHUNK):
                part = turn_ids[start : start + CHUNK]
                await connection.execute(notices.delete().where(notices.c.turn_id.in_(part)))

    async def _send(self, notice: Notice, couriers: Mapping[str, Courier]) -> bool:
        platform, _, person = notice.user.partition(":")
        if not await self._take(notice):
            return False  # another host has it
        try:
            await couriers[platform].tell(person, notice.words)
        except SendForbidden as error:
            log.info("notice_refused", adapter=notice.adapter, detail=error.detail)
            await self._put(notice, None)
            return False
        except SendError as error:
            log.warning("notice_failed", adapter=notice.adapter, detail=error.detail)
            await self._put(notice, AGAIN)
            return False
        await self._put(notice, None)
        return True

    async def _take(self, notice: Notice) -> bool:
        """Have no other host tell it for a while."""
        async with self._database.write() as connection:
            for turn_id in notice.turn_ids:
                row = {"turn_id": turn_id, "user": notice.user, "adapter": notice.adapter, "tries": 1,
                       "after": now() + SENDING}  # fmt: skip
                new = insert(connection, notices).values(row).on_conflict_do_nothing()
                if (await connection.execute(new)).rowcount == 1:
                    continue
                mine = (notices.c.turn_id == turn_id, notices.c.user == notice.user, notices.c.after <= now())
                again = notices.update().where(*mine).values(tries=notices.c.tries + 1, after=now() + SENDING)
                if (await connection.execute(again)).rowcount != 1:
                    return False
        return True

    async def _put(self, notice: Notice, wait: timedelta | None) -> None:
        """It is done, or due again after `wait` unless it was tried too often."""
        mine = (notices.c.turn_id.in_(notice.turn_ids), notices.c.user == notice.user)
        after = (
            sa.null() if wait is None else sa.case((notices.c.tries < TRIES, (now() + wait).timestamp()), else_=None)
        )
        await self._database.execute(notices.update().where(*mine).values(after=after))


async def _learned(connection: AsyncConnection) -> dict[str, str]:
    """By turn, the adapter that learned it and answers everybody since lately."""
    query = (
        sa.select(run_rows.c.turn_id, adapters.c.name)
        .join(adapters, adapters.c.run == run_rows.c.run)
        .join(service, service.c.adapter == adapters.c.name)
        .where(service.c.since > now() - FRESH)
    )
    return {turn_id: name for turn_id, name in await connection.execute(query)}


async def _said(
    connection: AsyncConnection, turn_ids: Sequence[str], platforms: Sequence[str]
) -> dict[tuple[str, str], bool]:
    """By turn and person who complained of it, whether they wrote the better answer."""
    found: dict[tuple[str, str], bool] = {}
    for start in range(0, len(turn_ids), CHUNK):
        part = turn_ids[start : start + CHUNK]
        marks = sa.select(flags.c.turn_id, flags.c.user, flags.c.correction).where(flags.c.turn_id.in_(part))
        for turn_id, user, correction in await connection.execute(marks):
            found[turn_id, user] = bool(correction)
        thumbs = sa.select(feedback.c.turn_id, feedback.c.user, feedback.c.detail).where(
            feedback.c.turn_id.in_(part), feedback.c.kind == "thumb", feedback.c.rating == "down"
        )
        for turn_id, user, detail in await connection.execute(thumbs):
            if detail.get("correction"):
                found[turn_id, user] = True
    return {key: corrected for key, corrected in found.items() if key[1].partition(":")[0] in platforms}


async def _done(connection: AsyncConnection, turn_ids: Sequence[str]) -> set[tuple[str, str]]:
    """Who was told already, or is being told."""
    found: set[tuple[str, str]] = set()
    over = sa.or_(notices.c.after.is_(None), notices.c.after > now())
    for start in range(0, len(turn_ids), CHUNK):
        part = turn_ids[start : start + CHUNK]
        query = sa.select(notices.c.turn_id, notices.c.user).where(notices.c.turn_id.in_(part), over)
        found |= {(turn_id, user) for turn_id, user in await connection.execute(query)}
    return found
