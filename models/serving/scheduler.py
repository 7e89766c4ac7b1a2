"""The scheduler: which request gets a slot, which prompt is read on, which rows are decoded. Knows no torch."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

CHUNK = 256
"""Prompt tokens read in one step, so that a long prompt does not freeze the others."""


class Full(Exception):
    """The queue is as long as it may get."""


class TooLong(Exception):
    """The prompt leaves no room for an answer. `most` is the context's length in tokens."""

    def __init__(self, tokens: int, most: int) -> None:
        super().__init__(f"{tokens} tokens do not fit {most}")
        self.tokens = tokens
        self.most = most


@dataclass(eq=False, slots=True)
class Running:
    """One request in the engine: its tokens, and how many of them are in the cache of its slot."""

    prompt: list[int]
    max_tokens: int
    payload: Any = None
    answer: list[int] = field(default_factory=list)
    cached: int = 0
    slot: int = -1
    cancelled: bool = False

    @property
    def tokens(self) -> list[int]:
        return self.prompt + self.answer

    @property
    def prefilling(self) -> bool:
        """True while more than the last token has still to be read."""
        return self.cached < len(self.prompt) + len(self.answer) - 1 or not self.answer


@dataclass(slots=True)
class _Slot:
    tokens: list[int] = field(default_factory=list)
    owner: Running | None = None
    used: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """What to compute next: one chunk of a prompt, and one token for each of `decode`."""

    prefill: Running | None
    chunk: tuple[int, int]
    decode: tuple[Running, ...]


class Scheduler:
    """Slots of `context` tokens each; a freed slot keeps its tokens until somebody else needs it."""

    def __init__(self, slots: int, context: int, most_waiting: int, *, reuse: bool = True) -> None:
        self.context = context
        self._reuse = reuse
        self._slots = [_Slot() for _ in range(slots)]
        self._most_waiting = most_waiting
        self._waiting: deque[Running] = deque()
        self._clock = 0
        self.reused_tokens = 0

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def running(self) -> tuple[Running, ...]:
        return tuple(slot.owner for slot in self._slots if slot.owner is not None)

    @property
    def idle(self) -> bool:
        return not self._waiting and not self.running

    def add(self, sequence: Running) -> None:
        """Take a request in. Raises TooLong or Full."""
        if len(sequence.prompt) >= self.context:
            raise TooLong(len(sequence.prompt), self.context)
        if len(self._waiting) >= self._most_waiting:
            raise Full
        sequence.max_tokens = min(sequence.max_tokens, self.context - len(sequence.prompt))
        self._waiting.append(sequence)

    def remove(self, sequence: Running) -> None:
        """A request is over: its slot is free, its tokens stay there for who begins alike."""
        if sequence.slot < 0:
            if sequence in self._waiting:
                self._waiting.remove(sequence)
            return
        slot = self._slots[sequence.slot]
        slot.tokens = sequence.tokens[: sequence.cached]
        slot.owner = None
        sequence.slot = -1

    def schedule(self) -> Step:
        """Give free slots to who waits longest, then name the next work."""
        while self._waiting and any(slot.owner is None for slot in self._slots):
            self._admit(self._waiting.popleft())
        running = self.running
        # The one with the least left to read goes first: short prompts answer soon beside a long one.
        reading = sorted(
            (sequence for sequence in running if sequence.prefilling),
            key=lambda sequence: len(sequence.prompt) - sequence.cached,
        )
        prefill = reading[0] if reading else None
        chunk = (prefill.cached, min(prefill.cached + CHUNK, len(prefill.prompt))) if prefill else (0, 0)
        return Step(prefill, chunk, tuple(sequence for sequence in running if not sequence.prefilling))

    def _admit(self, sequence: Running) -> None:
        """Into the free slot that already holds most of the prompt, else the one unused longest."""
        free = [number for number, slot in enumerate(self._slots) if slot.owner is None]
        shared = {number: self._shared(number, sequence) for number in free}
        best = max(free, key=lambda number: (shared[number], -self._slots[number].used))
        self._clock += 1
        slot = self._slots[best]
        slot.owner, slot.used, slot.tokens = sequence, self._clock, []
        sequence.slot = best
        # The last token is always read: its logits are needed.
        sequence.cached = min(shared[best], len(sequence.prompt) - 1)
        self.reused_tokens += sequence.cached

    def _shared(self, slot: int, sequence: Running) -> int:
        return _common(self._slots[slot].tokens, sequence.prompt) if self._reuse else 0


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens both begin with."""
    for number, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return number
    return min(len(one), len(other))
