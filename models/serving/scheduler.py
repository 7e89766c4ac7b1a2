"""The scheduler: who gets a slot, which prompts are read on, which rows are decoded. Knows no torch.

Order of admission is by arrival, and nobody overtakes who waits for room, so nobody waits for ever. A request of lower
priority counts as one that came `PATIENCE` requests later for each step of priority: it yields, but only so far.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from models.serving.slots import Slots

PATIENCE = 64


class QueueFull(Exception):
    """The queue is as long as it may get."""


@dataclass(eq=False)
class Generation:
    """One request in the engine: prompt and answer as tokens, and how many of them its slot holds.

    `variant` names the weights that read it, `deadline` is the time on the lane's clock when nobody waits any longer.
    """

    prompt: list[int]
    most: int
    priority: int = 0
    variant: int = 0
    deadline: float = math.inf
    answer: list[int] = field(default_factory=list)
    cached: int = 0
    slot: int = -1
    over: bool = False

    @property
    def tokens(self) -> list[int]:
        return self.prompt + self.answer

    @property
    def pending(self) -> int:
        """Tokens that the model has still to read before it can say the next one."""
        return len(self.prompt) + len(self.answer) - self.cached

    @property
    def room(self) -> int:
        """Tokens of cache it may come to need."""
        return len(self.prompt) + self.most


G = TypeVar("G", bound=Generation)


@dataclass(frozen=True, slots=True)
class Part(Generic[G]):
    """`count` tokens of one generation, to be read next. `source` names a slot whose first `cached` tokens fit here."""

    generation: G
    count: int
    source: int | None = None


@dataclass(frozen=True, slots=True)
class Step(Generic[G]):
    """What to compute next, in one pass; `released` slots hold nothing of worth any more.

    `expired` are those whose deadline has passed: they are over, and have to be told.
    """

    parts: list[Part[G]]
    released: list[int]
    expired: list[G]


class Scheduler(Generic[G]):
    """Requests in a bounded queue and in slots. Not thread-safe: the lane holds its lock around it."""

    def __init__(self, slots: Slots, *, chunk: int = 256, most_waiting: int = 256) -> None:
        self._slots = slots
        self._chunk = chunk
        self._most_waiting = most_waiting
        self._arrivals = 0
        self._steps = 0
        self._waiting: list[tuple[int, int, G]] = []
        self._running: list[G] = []

    @property
    def waiting(self) -> int:
        return sum(not generation.over for _, _, generation in self._waiting)

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def busy(self) -> bool:
        return bool(self._waiting or self._running)

    def submit(self, generation: G) -> None:
        """Take a request in. Raises QueueFull; the caller has checked that it fits the cache at all."""
        if self.waiting >= self._most_waiting:
            raise QueueFull
        self._arrivals += 1
        place = self._arrivals + PATIENCE * generation.priority
        heapq.heappush(self._waiting, (place, self._arrivals, generation))

    def cancel(self, generation: G) -> None:
        """Nobody wants it any more. Its slot is free at the next step, since the present one may be writing there."""
        generation.over = True

    def plan(self, now: float = 0.0) -> Step[G]:
        """The next step: one token of everybody who decodes, and prompt tokens up to the chunk's size."""
        self._steps += 1
        expired = self._expire(now)
        for generation in [each for each in self._running if each.over]:
            self._leave(generation)
        released = self._admit()
        parts = [Part(each, 1) for each in self._running if each.pending == 1 and each.cached > 0]
        room = self._chunk
        for generation in self._readers():
            if room == 0:
                break
            source = None
            if generation.cached == 0:
                source, generation.cached = self._slots.reuse(generation.slot, generation.prompt)
            count = min(generation.pending, room)
            parts.append(Part(generation, count, source))
            room -= count
        return Step(parts, released, expired)

    def computed(self, part: Part[G]) -> None:
        """The part's tokens are in the cache now."""
        generation = part.generation
        generation.cached += part.count
        self._slots.hold(generation.slot, generation.tokens[: generation.cached])

    def end(self, generation: G, *, spoilt: bool = False) -> None:
        """It is over; what its slot holds may serve who begins alike, unless it is `spoilt`."""
        if not generation.over and generation.slot >= 0:
            if spoilt:
                self._slots.hold(generation.slot, [])
            self._leave(generation)
        generation.over = True

    def _expire(self, now: float) -> list[G]:
        present = [*self._running, *(generation for _, _, generation in self._waiting)]
        expired = [each for each in present if not each.over and each.deadline <= now]
        for generation in expired:
            self.end(generation)
        return expired

    def _readers(self) -> list[G]:
        """Who has prompt left to read: by turns the oldest first and the shortest first.

        So a short question answers soon beside a long document, and the document still gets every other step.
        """
        readers = [each for each in self._running if each.pending > 1 or each.cached == 0]
        if self._steps % 2:
            readers.sort(key=lambda each: each.pending)
        return readers

    def _admit(self) -> list[int]:
        released: list[int] = []
        while self._waiting:
            generation = self._waiting[0][2]
            if not generation.over:
                taken = self._slots.take(generation.prompt, generation.room, generation.variant)
                if taken is None:
                    break
                generation.slot, evicted = taken
                released += evicted
                self._running.append(generation)
            heapq.heappop(self._waiting)
        return released

    def _leave(self, generation: G) -> None:
        self._running.remove(generation)
        self._slots.free(generation.slot)
        generation.slot = -1
