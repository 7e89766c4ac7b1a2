"""The line in front of the engine: one running turn a person, round-robin between people, with place and wait."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from bot.errors import QueueFull, QueueTimeout
from bot.turn import Waiting

GUESS_SECONDS = 8.0
"""How long a turn is taken to last before any was seen."""


@dataclass(eq=False, slots=True)
class _Waiter:
    user: str
    notify: Callable[[Waiting], None]
    turn_given: asyncio.Future[None]
    told: str = ""


@dataclass(slots=True)
class Line:
    """`slots` turns run at once, at most `most` wait, none longer than `seconds`."""

    slots: int
    seconds: float
    most: int
    _running: dict[str, float] = field(default_factory=dict)
    _waiting: OrderedDict[str, deque[_Waiter]] = field(default_factory=OrderedDict)
    _usual: float = GUESS_SECONDS

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def waiting(self) -> int:
        return sum(len(own) for own in self._waiting.values())

    @contextlib.asynccontextmanager
    async def place(self, user: str, notify: Callable[[Waiting], None]) -> AsyncIterator[None]:
        """Wait for `user`'s turn, telling the place through `notify`, and hold it for the block.

        Raises QueueFull at once, QueueTimeout after `seconds`. Being cancelled leaves the line.
        """
        await self._enter(user, notify)
        started = time.monotonic()
        try:
            yield
        finally:
            del self._running[user]
            self._usual += 0.2 * (time.monotonic() - started - self._usual)
            self._advance()

    async def _enter(self, user: str, notify: Callable[[Waiting], None]) -> None:
        if user not in self._running and not self._waiting and len(self._running) < self.slots:
            self._running[user] = time.monotonic()
            return
        if self.waiting >= self.most:
            raise QueueFull(self.most)
        waiter = _Waiter(user, notify, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(user, deque()).append(waiter)
        self._advance()
        try:
            async with asyncio.timeout(self.seconds):
                await waiter.turn_given
        except TimeoutError:
            self._withdraw(waiter)
            raise QueueTimeout(self.seconds) from None
        except BaseException:
            self._withdraw(waiter)
            raise

    def _withdraw(self, waiter: _Waiter) -> None:
        """Take a waiter who gave up out of the line; a turn given in that very moment goes back."""
        if waiter.turn_given.done() and not waiter.turn_given.cancelled():
            del self._running[waiter.user]
        own = self._waiting.get(waiter.user)
        if own is not None and waiter in own:
            own.remove(waiter)
            if not own:
                del self._waiting[waiter.user]
        self._advance()

    def _advance(self) -> None:
        """Give free slots to the next in turn, and tell the others where they stand."""
        for user in list(self._waiting):
            if len(self._running) >= self.slots:
                break
            if user in self._running:
                continue
            own = self._waiting.pop(user)
            waiter = own.popleft()
            if own:
                self._waiting[user] = own  # behind everybody else: round-robin
            if not waiter.turn_given.done():  # done: cancelled, and not yet awake to withdraw
                self._running[user] = time.monotonic()
                waiter.turn_given.set_result(None)
        for waiter, place in self._places():
            waiting = self._words(waiter, place)
            if waiting.words != waiter.told:
                waiter.told = waiting.words
                waiter.notify(waiting)

    def _places(self) -> list[tuple[_Waiter, int]]:
        """Everybody who waits, with the place they will be served at, from 1."""
        order: list[_Waiter] = []
        rounds = max((len(own) for own in self._waiting.values()), default=0)
        for turn in range(rounds):
            order += [own[turn] for own in self._waiting.values() if turn < len(own)]
        return [(waiter, place) for place, waiter in enumerate(order, 1)]

    def _words(self, waiter: _Waiter, place: int) -> Waiting:
        seconds = max(self._usual * (place / self.slots), self._usual / 2)
        shown = max(5, 5 * round(seconds / 5))
        if waiter.user in self._running and self._waiting[waiter.user][0] is waiter:
            words = f"Your earlier question is being answered; this one comes next, in about {shown} seconds."
        else:
            words = f"You are number {place} in the line; your answer starts in about {shown} seconds."
        return Waiting(words, place, seconds)
