"""Limits that Slack sets on its methods, kept on our side so that it seldom has to say no."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Callable

from bot.delivery import SendLimited

LIMITS: dict[str, tuple[int, float]] = {
    "chat.startStream": (20, 60),
    "chat.stopStream": (20, 60),
    "chat.appendStream": (100, 60),
    "chat.update": (50, 60),
    "chat.delete": (50, 60),
    "chat.postMessage": (5, 5),  # one a second and channel, with short bursts
    "chat.postEphemeral": (100, 60),
    "agents.sessions.setStatus": (50, 60),
    "assistant.threads.setStatus": (300, 60),
    "assistant.threads.setSuggestedPrompts": (50, 60),
    "conversations.replies": (50, 60),
    "conversations.history": (50, 60),
    "conversations.open": (50, 60),
    "conversations.info": (50, 60),
    "users.info": (100, 60),
    "views.open": (100, 60),
    "views.update": (100, 60),
    "views.publish": (100, 60),
    "files.getUploadURLExternal": (100, 60),
    "files.completeUploadExternal": (100, 60),
    "files.info": (50, 60),
}
"""Calls and seconds: from the tiers in Slack's reference. What is not listed is not limited here."""
BY_CHANNEL = frozenset({"chat.postMessage"})
LONGEST = 60.0
"""Seconds that a call waits for its turn; what would wait longer is left to the ledger."""


class Limiter:
    """Gives each call the moment at which it may go, in the order they came."""

    def __init__(self, limits: dict[str, tuple[int, float]] | None = None, clock: Callable[[], float] = time.monotonic):
        self._limits = LIMITS if limits is None else limits
        self._clock = clock
        self._given: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)
        self._paused: dict[tuple[str, str], float] = {}

    def wait(self, method: str, channel: str = "") -> float:
        """Seconds until a call of `method` may go; 0 = now."""
        limit, now = self._limits.get(method), self._clock()
        key = self._key(method, channel)
        at = self._paused.get(key, now)
        if limit is not None:
            given = self._given[key]
            count, seconds = limit
            while given and given[0] <= now - seconds:
                given.popleft()
            if len(given) >= count:
                at = max(at, given[-count] + seconds)
        return max(0.0, at - now)

    async def turn(self, method: str, channel: str = "") -> None:
        """Wait until a call may go, and count it. Raises SendLimited when that would take too long."""
        wait = self.wait(method, channel)
        if wait > LONGEST:
            raise SendLimited(f"{method}: its turn is {wait:.0f} s away", wait)
        if method in self._limits:
            self._given[self._key(method, channel)].append(self._clock() + wait)
        if wait:
            await asyncio.sleep(wait)

    def pause(self, method: str, channel: str, seconds: float) -> None:
        """Slack has said how long to leave this method alone."""
        key = self._key(method, channel)
        self._paused[key] = max(self._paused.get(key, 0.0), self._clock() + seconds)

    def _key(self, method: str, channel: str) -> tuple[str, str]:
        return method, channel if method in BY_CHANNEL else ""
