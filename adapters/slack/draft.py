"""A message being written: on Slack's stream where that can be, else posted and updated."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

import structlog

from adapters.slack.blocks import Block, stop
from adapters.slack.calls import StreamOver, Unsupported
from adapters.slack.desk import Desk, Spot
from adapters.slack.text import PIECE
from bot.delivery import SendError, SendRefused, attempt

log = structlog.get_logger(__name__)

STREAM_PACE = 0.7
"""Seconds between two pieces of a stream."""
UPDATE_PACE = 3.0
"""Seconds between two updates of a posted message."""
PLACE_ERRORS = frozenset({"channel_not_found", "not_in_channel", "is_archived", "thread_not_found"})

State = Literal["empty", "streaming", "posted", "blind"]


class Draft:
    """One message in a thread. `show` may be lost without harm; `finish` is not.

    `over` is a message whose place this one takes. "blind": nothing can be shown on the way,
    the whole is posted at the end.
    """

    def __init__(self, desk: Desk, spot: Spot, turn_id: str, over: str = "") -> None:
        self._desk = desk
        self._spot = spot
        self._turn_id = turn_id
        self._state: State = "posted" if over else "empty"
        self._ts = over
        self._shown = ""
        self.session_set = False

    @property
    def ts(self) -> str:
        return self._ts

    @property
    def streaming(self) -> bool:
        return self._state == "streaming"

    @property
    def pace(self) -> float:
        return STREAM_PACE if self._state in ("empty", "streaming") else UPDATE_PACE

    async def show(self, text: str) -> None:
        """Let the reader see `text`, all that is said so far, where that is possible now."""
        if not text.strip() or text == self._shown or len(text) > PIECE:
            return
        try:
            match self._state:
                case "empty":
                    await self._begin(text)
                case "streaming":
                    await self._append(text)
                case "posted" if self._desk.calls.free("chat.update"):
                    await self._update(text)
        except SendError as error:
            log.info("slack_piece_not_shown", state=self._state, kind=type(error).__name__, detail=error.detail)

    async def finish(
        self, text: str, extra: Sequence[Block], *, session: str | None = None, last: bool = True
    ) -> list[str]:
        """Bring the message to `text`, with `extra` below it. Gives the ids of what now stands there.

        Raises a SendError when it does not stand there. `session`: the session's status to set with it.
        """
        if self._state == "streaming":
            await self._stop(text, extra if last else (), session)
        elif self._state == "posted":
            await self._desk.update(self._spot, self._ts, text, extra)
        else:
            self._ts = await self._desk.post(self._spot, text, extra)
        self._shown, self._state = text, "posted"
        return [self._ts]

    async def abandon(self) -> None:
        """Close what was begun and will not be finished: an open stream would turn for minutes."""
        try:
            async with asyncio.timeout(5):
                if self._state == "streaming":
                    await self._desk.calls("chat.stopStream", channel=self._spot.channel, ts=self._ts)
        except (SendError, TimeoutError) as error:
            log.info("slack_stream_left_open", kind=type(error).__name__)

    async def _begin(self, text: str) -> None:
        calls = self._desk.calls
        if self._spot.thread and self._desk.has("chat.startStream") and calls.free("chat.startStream"):
            # In channels a stream without its reader's ids never arrives.
            reader = {"recipient_team_id": self._spot.team, "recipient_user_id": self._spot.user}
            try:
                answer = await calls(
                    "chat.startStream", channel=self._spot.channel, thread_ts=self._spot.thread, markdown_text=text,
                    **(reader if not self._spot.direct else {}),
                )  # fmt: skip
            except Unsupported as error:
                if error.error not in PLACE_ERRORS:
                    self._desk.lacks("chat.startStream", error.error)
            except SendError as error:
                log.info("slack_stream_refused", kind=type(error).__name__, detail=error.detail)
            else:
                self._ts, self._state, self._shown = str(answer["ts"]), "streaming", text
                return
        self._state = "blind"
        if calls.free("chat.postMessage", self._spot.channel):
            self._ts = await self._desk.post(self._spot, text, [stop(self._turn_id)])
            self._state, self._shown = "posted", text

    async def _append(self, text: str) -> None:
        if not text.startswith(self._shown) or not self._desk.calls.free("chat.appendStream"):
            return
        more = text[len(self._shown) :]
        try:
            await self._desk.calls("chat.appendStream", channel=self._spot.channel, ts=self._ts, markdown_text=more)
        except StreamOver:
            self._state = "posted"
            raise
        self._shown = text

    async def _update(self, text: str) -> None:
        await self._desk.update(self._spot, self._ts, text, [stop(self._turn_id)])
        self._shown = text

    async def _stop(self, text: str, extra: Sequence[Block], session: str | None) -> None:
        rest = text[len(self._shown) :] if text.startswith(self._shown) else None
        place: dict[str, Any] = {"channel": self._spot.channel, "ts": self._ts}

        async def whole() -> None:
            given = {"markdown_text": rest or None, "blocks": list(extra) or None, "session_status": session}
            await self._desk.calls("chat.stopStream", **place, **given)
            self.session_set = session is not None

        try:
            if rest is not None:
                await attempt(whole)
                return
            # What was shown is not how the answer stands in the end: closed here, put right below.
            await attempt(lambda: self._desk.calls("chat.stopStream", **place, session_status=session))
            self.session_set = session is not None
        except StreamOver:
            log.info("slack_stream_over", turn=self._turn_id)
        except SendRefused:
            log.warning("slack_stream_end_refused", turn=self._turn_id)
            await self._desk.calls("chat.stopStream", **place)
        await self._desk.update(self._spot, self._ts, text, extra)
