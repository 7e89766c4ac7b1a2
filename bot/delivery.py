"""Delivery: an answer is stored before it is sent, and sent after a crash."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Protocol, TypeVar

import structlog

from bot.database import now
from bot.request import MessageRef, Place
from bot.turns import TurnRow, Turns

log = structlog.get_logger(__name__)
T = TypeVar("T")

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
    """What an adapter offers for what nobody has just asked for. Each raises a SendError."""

    async def deliver(self, place: Place, turn: TurnRow, note: str) -> MessageRef:
        """An answer that a crash kept from its readers."""
        ...

    async def tell(self, person: str, words: str) -> None:
        """Words for one person alone, by the platform's id of them."""
        ...

    async def post(self, channel: str, words: str, picture: bytes) -> None:
        """Words with a picture (PNG; none when empty) for everybody in a channel."""
        ...


class Ledger:
    """Which answers are on their way: the `delivery` of their turns. `host` is this process's name in the store.

    "sending" while a reply has it, "pending" when it was not taken, "unsure" when its sender died.
    """

    def __init__(self, turns: Turns, host: str) -> None:
        self._turns = turns
        self._host = host

    async def sent(self, turn_id: str, message: MessageRef) -> None:
        """The answer stands at `message`."""
        value = {"platform": message.platform, "channel": message.channel, "messages": list(message.messages)}
        await self._turns.finish(turn_id, delivery="", message=value)

    async def failed(self, turn_id: str) -> None:
        """The answer was not taken; `redeliver` tries again."""
        await self._turns.finish(turn_id, delivery="pending")

    async def recover(self, dead_hosts: list[str]) -> None:
        """What the dead were sending becomes ours to send again."""
        await self._turns.take_over(dead_hosts, self._host)

    async def redeliver(self, platform: str, courier: Courier) -> int:
        """Send what is due on a platform. Returns how many answers arrived."""
        due = await self._turns.on_their_way(platform)
        return sum([await self._redeliver(turn, courier) for turn in due])

    async def _redeliver(self, turn: TurnRow, courier: Courier) -> bool:
        if turn.delivery_tries >= TRIES or turn.created < now() - KEEP:
            log.error("delivery_given_up", turn=turn.id, tries=turn.delivery_tries)
            await self._turns.finish(turn.id, delivery="")
            return False
        note = SECOND_COPY if turn.delivery == "unsure" else LATE
        if not await self._turns.take_delivery(turn.id, self._host):
            return False
        try:
            message = await courier.deliver(turn.place, turn, note)
        except SendForbidden as error:
            log.warning("delivery_forbidden", turn=turn.id, detail=error.detail)
            await self._turns.finish(turn.id, delivery="")
            return False
        except SendError as error:
            log.warning("delivery_failed", turn=turn.id, detail=error.detail)
            state = "unsure" if isinstance(error, SendUnsure) else turn.delivery
            await self._turns.finish(turn.id, delivery=state)
            return False
        await self.sent(turn.id, message)
        return True
