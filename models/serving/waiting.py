"""The queue: who waits, bounded, in order of arrival and priority."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

PATIENCE = 64
"""A request counts as one that came so many requests later for each step of priority: it yields, but only so far."""


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


class Waiting(Generic[G]):
    """At most `most` requests. One that is `over` is passed by when its turn comes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._arrivals = 0
        self._heap: list[tuple[int, int, G]] = []

    def __len__(self) -> int:
        return sum(not generation.over for _, _, generation in self._heap)

    def __bool__(self) -> bool:
        return bool(self._heap)

    def __iter__(self) -> Iterator[G]:
        return (generation for _, _, generation in self._heap if not generation.over)

    def push(self, generation: G) -> None:
        """Raises QueueFull."""
        if len(self) >= self._most:
            raise QueueFull
        self._arrivals += 1
        place = self._arrivals + PATIENCE * generation.priority
        heapq.heappush(self._heap, (place, self._arrivals, generation))

    def first(self) -> G | None:
        """Whose turn it is."""
        while self._heap and self._heap[0][2].over:
            heapq.heappop(self._heap)
        return self._heap[0][2] if self._heap else None

    def pop(self) -> G:
        """Take the first one out."""
        return heapq.heappop(self._heap)[2]
