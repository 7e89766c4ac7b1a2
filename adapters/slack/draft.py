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
        self._task = ""
        self._tasks = 0
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

    async def work(self, task: str) -> None:
        """Let the reader see what is done just now, as a card in the stream. Elsewhere the status tells."""
        if not task or task == self._task:
            return
        cards = [*self._ended_task(), _card(self._tasks + 1, task, "in_progress")]
        try:
            if self._state == "streaming" and self._desk.calls.free("chat.appendStream"):
                await self._send_piece(chunks=cards)
            elif self._state != "empty" or not await self._open(chunks=cards):
                return
        except SendError as error:
            log.info("slack_task_not_shown", kind=type(error).__name__, detail=error.detail)
            return
        self._task, self._tasks = task, self._tasks + 1

    async def finish(
        self, text: str, extra: Sequence[Block], *, session: str | None = None, broken: bool = False
    ) -> list[str]:
        """Bring the message to `text`, with `extra` below it. Gives the ids of what now stands there.

        Raises a SendError when it does not stand there. `session`: the session's status to set with it.
        """
        if self._state == "streaming":
            await self._stop(text, extra, session, self._ended_task("error" if broken else "complete"))
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
                    cards = self._ended_task("error") or None
                    await self._desk.calls("chat.stopStream", channel=self._spot.channel, ts=self._ts, chunks=cards)
        except (SendError, TimeoutError) as error:
            log.info("slack_stream_left_open", kind=type(error).__name__)

    async def _begin(self, text: str) -> None:
        if await self._open(markdown_text=text):
            self._shown = text
            return
        self._state = "blind"
        if self._desk.calls.free("chat.postMessage", self._spot.channel):
            self._ts = await self._desk.post(self._spot, text, [stop(self._turn_id)])
            self._state, self._shown = "posted", text

    async def _open(self, **content: Any) -> bool:
        """Begin a stream with `content`; whether there is one."""
        calls = self._desk.calls
        if not (self._spot.thread and self._desk.has("chat.startStream") and calls.free("chat.startStream")):
            return False
        # In channels a stream without its reader's ids never arrives.
        reader = {"recipient_team_id": self._spot.team, "recipient_user_id": self._spot.user}
        try:
            answer = await calls(
                "chat.startStream", channel=self._spot.channel, thread_ts=self._spot.thread, **content,
                **(reader if not self._spot.direct else {}),
            )  # fmt: skip
        except Unsupported as error:
            if error.error not in PLACE_ERRORS:
                self._desk.lacks("chat.startStream", error.error)
        except SendError as error:
            log.info("slack_stream_refused", kind=type(error).__name__, detail=error.detail)
        else:
            self._ts, self._state = str(answer["ts"]), "streaming"
            return True
        return False

    async def _append(self, text: str) -> None:
        if not text.startswith(self._shown) or not self._desk.calls.free("chat.appendStream"):
            return
        await self._send_piece(**_content(text[len(self._shown) :], self._ended_task()))
        self._shown, self._task = text, ""

    async def _send_piece(self, **content: Any) -> None:
        try:
            await self._desk.calls("chat.appendStream", channel=self._spot.channel, ts=self._ts, **content)
        except StreamOver:
            self._state = "posted"
            raise

    def _ended_task(self, status: str = "complete") -> list[dict[str, str]]:
        """The card of the task that was shown last, at its end."""
        return [_card(self._tasks, self._task, status)] if self._task else []

    async def _update(self, text: str) -> None:
        await self._desk.update(self._spot, self._ts, text, [stop(self._turn_id)])
        self._shown = text

    async def _stop(
        self, text: str, extra: Sequence[Block], session: str | None, cards: Sequence[dict[str, str]]
    ) -> None:
        rest = text[len(self._shown) :] if text.startswith(self._shown) else None
        place: dict[str, Any] = {"channel": self._spot.channel, "ts": self._ts}

        async def whole() -> None:
            given = {"blocks": list(extra) or None, "session_status": session}
            await self._desk.calls("chat.stopStream", **place, **_content(rest or "", cards), **given)
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


def _card(number: int, title: str, status: str) -> dict[str, str]:
    return {"type": "task_update", "id": str(number), "title": title, "status": status}


def _content(text: str, cards: Sequence[dict[str, str]]) -> dict[str, Any]:
    """More of a stream: as plain Markdown, or in chunks where cards go along."""
    if not cards:
        return {"markdown_text": text or None}
    return {"chunks": [*cards, *([{"type": "markdown_text", "text": text}] if text else [])]}
