"""Turns being answered on Slack, so that Stop finds them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from adapters.slack.desk import Spot

MOST_SEEN = 4_000


class Running:
    """Which turn runs in which thread, and for whom."""

    def __init__(self) -> None:
        self._spots: dict[str, Spot] = {}

    @contextmanager
    def noted(self, turn_id: str, spot: Spot) -> Iterator[None]:
        """Keep a turn findable for the block. A press on one that runs leaves it as it is."""
        if turn_id in self._spots:
            yield
            return
        self._spots[turn_id] = spot
        try:
            yield
        finally:
            del self._spots[turn_id]

    def in_thread(self, channel: str, thread: str) -> list[str]:
        """The turns that run in a thread."""
        return [turn for turn, spot in self._spots.items() if (spot.channel, spot.thread) == (channel, thread)]


class Seen:
    """What was begun lately: guards the steps before the core's own claim, which Slack may ask for twice."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()

    def first(self, key: str) -> bool:
        """True for the first to ask about `key`."""
        if key in self._ids:
            return False
        self._ids[key] = None
        if len(self._ids) > MOST_SEEN:
            self._ids.popitem(last=False)
        return True

    @contextmanager
    def once(self, key: str) -> Iterator[bool]:
        """True for the first; what broke may be begun again."""
        first = self.first(key)
        try:
            yield first
        except BaseException:
            if first:
                self._ids.pop(key, None)
            raise
