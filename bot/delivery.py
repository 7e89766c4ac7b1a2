"""Delivery: an answer is stored before it is sent, and sent after a crash. Owner of the table `deliveries`."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.database import Database, Moment, metadata, now
from bot.request import MessageRef, Place
from bot.turns import TurnRow, Turns, finish_turn

log = structlog.get_logger(__name__)
T = TypeVar("T")

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("turn_id", sa.String(32), primary_key=True),
    sa.Column("platform", sa.String(32), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("host", sa.String(32), nullable=False),
    sa.Column("created", Moment, nullable=False),
    sa.Index("ix_deliveries_state", "state", "platform"),
)

TRIES = 3
KEEP = timedelta(hours=24)
SECOND_COPY = "This may be a second copy: I was restarted while sending it."
LATE = "I was restarted before I could send this."
PATIENCE = 10.0
"""Seconds a platform's retry_after is waited for in place; a longer one is left to the ledger."""


class SendError(Exception):
    """A platform did not take a message. `detail` is for the log."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail


class SendFailed(SendError):
    """The network or the platform failed before the message was taken: it may be sent again."""


class SendLimited(SendError):
    """The platform asks to wait `retry_after` seconds."""

    def __init__(self, detail: str, retry_after: float) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class SendUnsure(SendError):
    """No answer came in time: the message may stand there, so it is not sent again."""


class SendRefused(SendError):
    """The platform does not take this form of the message; plain text may pass."""


class SendForbidden(SendError):
    """The place is gone, or the bot may not write there."""


async def attempt(send: Callable[[], Awaitable[T]], plain: Callable[[], Awaitable[T]] | None = None) -> T:
    """Send, with what each kind of failure asks for.

    A failure is tried twice more with jitter; a short limit is waited for; a refused form is sent once as
    `plain`; what is unsure or forbidden is raised at once.
    """
    for last in (False, False, True):
        try:
            return await send()
        except SendFailed:
            if last:
                raise
            await asyncio.sleep(random.uniform(0.2, 1.0))
        except SendLimited as limited:
            if last or limited.retry_after > PATIENCE:
                raise
            await asyncio.sleep(limited.retry_after)
        except SendRefused:
            if plain is None:
                raise
            return await plain()
    raise AssertionError("the last attempt returns or raises")


class Courier(Protocol):
    """What an adapter offers for answers that a crash kept from their readers."""

    async def deliver(self, place: Place, turn: TurnRow, note: str) -> MessageRef: ...


class Ledger:
    """Which answers are on their way. `host` is this process's name in the store."""

    def __init__(self, database: Database, turns: Turns, host: str) -> None:
        self._database = database
        self._turns = turns
        self._host = host

    async def sent(self, turn_id: str, message: MessageRef) -> None:
        """The answer stands at `message`."""
        async with self._database.write() as connection:
            await connection.execute(deliveries.delete().where(deliveries.c.turn_id == turn_id))
            await _note_message(connection, turn_id, message)

    async def failed(self, turn_id: str) -> None:
        """The answer was not taken; `redeliver` tries again."""
        await self._update(turn_id, state="pending")

    async def drop(self, turn_id: str) -> None:
        """Nobody waits for this answer any more."""
        async with self._database.write() as connection:
            await connection.execute(deliveries.delete().where(deliveries.c.turn_id == turn_id))

    async def recover(self, dead_hosts: list[str]) -> None:
        """What the dead were sending becomes ours to send again."""
        async with self._database.write() as connection:
            await connection.execute(
                deliveries.update()
                .where(deliveries.c.state == "sending", deliveries.c.host.in_(dead_hosts))
                .values(state="unsure", host=self._host)
            )
            await connection.execute(deliveries.delete().where(deliveries.c.created < now() - KEEP))

    async def redeliver(self, platform: str, courier: Courier) -> int:
        """Send what is due on a platform. Returns how many answers arrived."""
        query = deliveries.select().where(
            deliveries.c.platform == platform, deliveries.c.state.in_(["pending", "unsure"])
        )
        async with self._database.read() as connection:
            due = (await connection.execute(query.order_by(deliveries.c.created))).all()
        arrived = 0
        for row in due:
            arrived += await self._redeliver(row, courier)
        return arrived

    async def _redeliver(self, row: Any, courier: Courier) -> bool:
        turn = await self._turns.get(row.turn_id)
        if turn is None or row.tries >= TRIES:
            log.error("delivery_given_up", turn=row.turn_id, tries=row.tries)
            await self.drop(row.turn_id)
            return False
        note = SECOND_COPY if row.state == "unsure" else LATE
        await self._update(row.turn_id, state="sending", tries=row.tries + 1, host=self._host)
        try:
            message = await courier.deliver(turn.place, turn, note)
        except SendForbidden as error:
            log.warning("delivery_forbidden", turn=row.turn_id, detail=error.detail)
            await self.drop(row.turn_id)
            return False
        except SendError as error:
            log.warning("delivery_failed", turn=row.turn_id, detail=error.detail)
            await self._update(row.turn_id, state="unsure" if isinstance(error, SendUnsure) else row.state)
            return False
        await self.sent(row.turn_id, message)
        return True

    async def _update(self, turn_id: str, **values: object) -> None:
        async with self._database.write() as connection:
            await connection.execute(deliveries.update().where(deliveries.c.turn_id == turn_id).values(**values))


async def post(connection: AsyncConnection, turn_id: str, platform: str, host: str) -> None:
    """In the transaction that stores an answer: note that it is about to be sent."""
    values = {"turn_id": turn_id, "platform": platform, "state": "sending", "tries": 0, "host": host, "created": now()}
    await connection.execute(deliveries.insert().values(values))


async def _note_message(connection: AsyncConnection, turn_id: str, message: MessageRef) -> None:
    value = {"platform": message.platform, "channel": message.channel, "messages": list(message.messages)}
    await finish_turn(connection, turn_id, message=value)
