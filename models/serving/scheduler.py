"""The scheduler: who gets a slot, which prompts are read on, which rows are decoded. Knows no torch.

Order of admission is by arrival, and nobody overtakes who waits for room, so nobody waits for ever. A request of lower
priority counts as one that came `PATIENCE` requests later for each step of priority: it yields, but only so far.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

from models.serving.slots import Slots
from models.serving.waiting import G, Waiting


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
        self._steps = 0
        self._waiting: Waiting[G] = Waiting(most_waiting)
        self._running: list[G] = []

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def busy(self) -> bool:
        return bool(self._waiting or self._running)

    def submit(self, generation: G) -> None:
        """Take a request in. Raises QueueFull; the caller has checked that it fits the cache at all."""
        self._waiting.push(generation)

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
        present = [*self._running, *self._waiting]
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
        while (generation := self._waiting.first()) is not None:
            taken = self._slots.take(generation.prompt, generation.room, generation.variant)
            if taken is None:
                break
            generation.slot, evicted = taken
            released += evicted
            self._running.append(self._waiting.pop())
        return released

    def _leave(self, generation: G) -> None:
        self._running.remove(generation)
        self._slots.free(generation.slot)
        generation.slot = -1
