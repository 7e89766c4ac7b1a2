"""Slots: which rows of the cache are taken, what each still holds, and how many tokens that is together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

WORTH = 16
"""So many tokens must be won before a prefix is copied from another slot."""


@dataclass(slots=True)
class _Slot:
    held: Sequence[int] = field(default_factory=list)
    variant: int = 0
    reserved: int = 0
    used: int = 0

    @property
    def room(self) -> int:
        return max(self.reserved, len(self.held))

    def shared(self, prompt: Sequence[int], variant: int) -> int:
        """How many tokens of `prompt` it holds, as the same weights read them."""
        return common(self.held, prompt) if self.variant == variant else 0


class Slots:
    """`count` slots that together stay within `budget` tokens.

    A free slot keeps what it held, so that a conversation's next turn need not be read again; it is emptied, the one
    unused longest first, when its room is wanted. What one `variant` of the weights (the base is 0, an adapter its
    serial) has read is never given to another.
    """

    def __init__(self, count: int, budget: int) -> None:
        self.budget = budget
        self.reused = 0
        self.hits = 0
        self._slots = [_Slot() for _ in range(count)]
        self._clock = 0

    @property
    def tokens(self) -> int:
        """Tokens of cache held or promised."""
        return sum(slot.room for slot in self._slots)

    @property
    def free_count(self) -> int:
        return sum(slot.reserved == 0 for slot in self._slots)

    def take(self, prompt: Sequence[int], room: int, variant: int = 0) -> tuple[int, list[int]] | None:
        """A free slot for `room` tokens, best the one that holds most of `prompt`; and the slots emptied for it.

        None when no slot is free or the room is not there yet.
        """
        free = [number for number, slot in enumerate(self._slots) if slot.reserved == 0]
        taken = sum(slot.room for slot in self._slots if slot.reserved)
        if not free or taken + room > self.budget:
            return None
        shared = {number: self._slots[number].shared(prompt, variant) for number in free}
        best = max(free, key=lambda number: (shared[number], -self._slots[number].used))
        self._clock += 1
        self._slots[best].reserved = room
        self._slots[best].used = self._clock
        emptied = [best] if self._slots[best].held and not shared[best] else []
        self._slots[best].held = self._slots[best].held[: shared[best]]
        self._slots[best].variant = variant
        return best, emptied + self._evict(free, best)

    def _evict(self, free: list[int], best: int) -> list[int]:
        evicted: list[int] = []
        for number in sorted(free, key=lambda number: self._slots[number].used):
            if self.tokens <= self.budget:
                break
            if number != best and self._slots[number].held:
                self._slots[number].held = []
                evicted.append(number)
        return evicted

    def reuse(self, slot: int, prompt: Sequence[int]) -> tuple[int | None, int]:
        """How many tokens of `prompt` need not be read, and the slot to copy them from if not its own.

        The last token is always read: what comes out of it is wanted.
        """
        variant = self._slots[slot].variant
        shared = [min(other.shared(prompt, variant), len(prompt) - 1) for other in self._slots]
        best = max(range(len(shared)), key=shared.__getitem__)
        source = best if shared[best] >= shared[slot] + WORTH else None
        won = shared[slot if source is None else source]
        self.reused += won
        self.hits += won > 0
        return source, won

    def hold(self, slot: int, tokens: Sequence[int]) -> None:
        """Write down what the slot holds now."""
        self._slots[slot].held = tokens

    def free(self, slot: int) -> None:
        self._slots[slot].reserved = 0


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens both begin with."""
    for number, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return number
    return min(len(one), len(other))
