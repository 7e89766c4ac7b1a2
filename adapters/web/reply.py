"""The web's Reply: a turn's events on a stream that the page reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from adapters.web.events import EventStream
from adapters.web.markdown import LiveMarkdown
from adapters.web.turns import live
from bot.reply import Stream
from bot.request import MessageRef
from bot.turn import Answer, Delta, Event, Waiting

PACE = 0.04
"""Seconds between two pieces of text: as often as an eye can follow."""
BEAT = 15.0
"""Seconds of silence after which the page hears that somebody is still there."""

Versions = Callable[[str], Awaitable[Sequence[str]]]


class WebReply:
    """One answer's way to the page. `versions` tells the ids of all tries of a turn."""

    def __init__(self, events: EventStream, versions: Versions) -> None:
        self._events = events
        self._versions = versions

    async def send(self, turn_id: str, stream: Stream) -> MessageRef:
        await self._events.send("turn", {"turn": turn_id})
        text = LiveMarkdown()
        async for event in self._with_beats(stream):
            match event:
                case Waiting():
                    waiting = {"words": event.words, "place": event.place, "seconds": event.seconds}
                    await self._events.send("waiting", waiting)
                case Delta():
                    first, blocks = text.feed(event.text)
                    await self._events.send("text", {"from": first, "blocks": blocks})
                    await asyncio.sleep(PACE)
                case Answer():
                    await self._events.send("answer", live(event, await self._versions(event.turn_id)))
        return MessageRef("web", "web", (turn_id,))

    async def fail(self, words: str) -> None:
        await self._events.send("failed", {"words": words})

    async def _with_beats(self, stream: Stream) -> AsyncIterator[Event]:
        while True:
            try:
                async with asyncio.timeout(BEAT):
                    event = await anext(stream)
            except TimeoutError:
                await self._events.beat()
            except StopAsyncIteration:
                return
            else:
                yield event
