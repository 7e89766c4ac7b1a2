"""The status of a thread: shown while a turn is worked on, and always taken away again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import structlog

from adapters.slack.calls import Unsupported
from adapters.slack.desk import Desk, Spot
from bot.delivery import SendError, SendUnsure, attempt

log = structlog.get_logger(__name__)

SESSION = "agents.sessions.setStatus"
STATUS = "assistant.threads.setStatus"
SOON = 0.25
"""Seconds after which a turn is not instant, so that its reader is told."""
AGAIN = 50.0
"""Seconds after which Slack is told again: it lets a status lapse after two minutes."""
LONGEST = 5.0
"""Seconds a call about the status may take; an answer never waits for it longer."""
CLEARING = 30.0
"""Seconds that taking it away may take, once the answer stands there."""


class Status:
    """The words under a thread, and the session that gives it Slack's own Stop button."""

    def __init__(self, desk: Desk, spot: Spot, title: str) -> None:
        self._desk = desk
        self._spot = spot
        self._title = title
        self._words = ""
        self._session = False
        self._shown = False
        self._news = asyncio.Event()
        self._telling: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def shown(self) -> AsyncIterator[Status]:
        """Show it for as long as the block lasts."""
        showing = asyncio.create_task(self._show(), name="slack status")
        try:
            yield self
        finally:
            showing.cancel()
            await asyncio.wait([showing])
            # Also when the turn is cancelled: a status that nobody takes away stands for two minutes.
            await asyncio.shield(asyncio.create_task(self._clear()))

    def say(self, words: str) -> None:
        """Tell what is being waited for."""
        if words != self._words:
            self._words = words
            self._news.set()

    def ended_by_stream(self) -> None:
        """The last call of a stream has set the session's status already."""
        self._session = False

    @property
    def session(self) -> bool:
        return self._session

    async def _show(self) -> None:
        await asyncio.sleep(SOON)
        start = asyncio.get_running_loop().time()
        while True:
            self._news.clear()
            # Not cut short by the end of the turn: nobody would know whether Slack has carried it out.
            self._telling = asyncio.create_task(self._tell(asyncio.get_running_loop().time() - start))
            await asyncio.shield(self._telling)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(AGAIN if self._shown else None):
                    await self._news.wait()

    async def _tell(self, seconds: float) -> None:
        place: dict[str, Any] = {"channel_id": self._spot.channel, "thread_ts": self._spot.thread}
        if not self._session:
            title = self._title[:200] or None
            self._session = await self._try(SESSION, **place, status="processing", title=title)
        words = self._words
        if not words and seconds > AGAIN:
            words = f"Still working, {int(seconds) // 60} min {int(seconds) % 60:02d} s"
        loading: dict[str, Any] = {"loading_messages": [words[:100]]} if words else {}
        if await self._try(STATUS, **place, status="is working on it…", **loading):
            self._shown = True

    async def _clear(self) -> None:
        if self._telling is not None:
            await asyncio.wait([self._telling])
        place: dict[str, Any] = {"channel_id": self._spot.channel, "thread_ts": self._spot.thread}
        if self._session:
            await self._must(SESSION, **place, status="active")
            self._session = False
        if self._shown:
            await self._must(STATUS, **place, status="")

    async def _try(self, method: str, **arguments: Any) -> bool:
        """Call, and never fail: a status is not worth an answer, and does not wait for its turn either."""
        if not self._desk.has(method) or not self._desk.calls.free(method):
            return False
        try:
            async with asyncio.timeout(LONGEST):
                await self._desk.calls(method, **arguments)
        except Unsupported as error:
            self._desk.lacks(method, error.error)
        except (SendError, TimeoutError) as error:
            log.info("slack_status_not_set", method=method, kind=type(error).__name__)
        else:
            return True
        return False

    async def _must(self, method: str, **arguments: Any) -> None:
        """Call when there is room for it: what stands there would stand for minutes."""
        try:
            async with asyncio.timeout(CLEARING):
                try:
                    await attempt(lambda: self._desk.calls(method, **arguments))
                except SendUnsure:  # twice does no harm
                    await attempt(lambda: self._desk.calls(method, **arguments))
        except (SendError, TimeoutError) as error:
            log.info("slack_status_not_cleared", method=method, kind=type(error).__name__)
