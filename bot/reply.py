"""The platform seam's other half: what a turn says, and the hand it is put into."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from bot.request import MessageRef
from bot.turn import Answer, Delta, Event, Waiting


class Reply(Protocol):
    """One place to answer in. An adapter makes one for each request.

    `send` reads the stream at the platform's own pace: each step of the iterator gives all text since the
    last, so a slow reader gets few large pieces. It ends with exactly one `Answer`, which is the truth.
    Raise a `bot.delivery.SendError` when the platform refuses. Being cancelled stops the turn.
    """

    async def send(self, turn_id: str, stream: Stream) -> MessageRef: ...

    async def fail(self, words: str) -> None:
        """Tell the person that nothing will come, in one sentence."""
        ...


class SilentReply:
    """A reply nobody reads, for presses whose effect shows elsewhere. `answer` and `words` tell how it ended."""

    def __init__(self, platform: str) -> None:
        self._platform = platform
        self.answer: Answer | None = None
        self.words = ""

    async def send(self, turn_id: str, stream: Stream) -> MessageRef:
        async for event in stream:
            if isinstance(event, Answer):
                self.answer = event
        return MessageRef(self._platform)

    async def fail(self, words: str) -> None:
        self.words = words


class Stream:
    """The events of one turn, from the core that writes to the reply that reads.

    Nobody waits for a slow reader: text is joined, of several `Waiting` only the newest is kept.
    """

    def __init__(self) -> None:
        self._text: list[str] = []
        self._waiting: Waiting | None = None
        self._answer: Answer | None = None
        self._news = asyncio.Event()
        self._ended = False

    def wait(self, waiting: Waiting) -> None:
        """Show that the turn waits; replaces what was said of it before."""
        self._waiting = waiting
        self._news.set()

    def write(self, text: str) -> None:
        """Say more."""
        if text:
            self._text.append(text)
            self._waiting = None
            self._news.set()

    def end(self, answer: Answer) -> None:
        """Say the last word."""
        self._answer = answer
        self._waiting = None
        self._news.set()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        while not self._ended:
            if self._text:
                text = "".join(self._text)
                self._text.clear()
                return Delta(text)
            if self._waiting is not None:
                waiting, self._waiting = self._waiting, None
                return waiting
            if self._answer is not None:
                self._ended = True
                return self._answer
            self._news.clear()
            await self._news.wait()
        raise StopAsyncIteration
