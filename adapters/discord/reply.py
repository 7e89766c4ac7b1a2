"""Discord's Reply: a turn's stream into messages, with about one edit a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import structlog

from adapters.discord.layout import Page, answer_rows, running_rows, small_print
from adapters.discord.markdown import drawn
from adapters.discord.posts import Post
from adapters.discord.splitting import closed, split
from bot.delivery import SendError, SendForbidden, attempt
from bot.reply import Stream
from bot.request import MessageRef
from bot.turn import Answer, Delta, Event, File, Thread, Waiting

log = structlog.get_logger(__name__)

PACE = 1.0
"""Seconds between two edits of a message, which is what Discord allows over time."""
MOST_MESSAGES = 6
"""More than this many messages flood a channel: the whole answer comes as a file."""

Versions = Callable[[str], Awaitable[Sequence[str]]]


class DiscordReply:
    """One answer's way into Discord. `versions` tells the ids of all tries of a turn.

    `shown_as`: the turn whose controls are drawn, where it is not the one that was pressed.
    `shareable`: the asker sees the answer alone and may show it to everybody. `locale`: whose words its buttons have.
    `turn_id`, `running` and `answered` tell how far it has come; `thread` is where it wants to go on; `unwanted` is
    set when nobody wants the answer any more.
    """

    def __init__(
        self, post: Post, channel: str, versions: Versions, *, shown_as: str = "", shareable: bool = False,
        locale: str = "en",
    ) -> None:  # fmt: skip
        self.post = post
        self.turn_id = ""
        self.running = False
        self.answered = False
        self.unwanted = False
        self.thread: Thread | None = None
        self._done = asyncio.Event()
        self._channel = channel
        self._versions = versions
        self._shown_as = shown_as
        self._shareable = shareable
        self.locale = locale
        self._shown: list[Page] = []

    async def send(self, turn_id: str, stream: Stream) -> MessageRef:
        text = ""
        self.turn_id, self.running = turn_id, True
        if self.unwanted:
            raise SendForbidden("the question was deleted")
        try:
            async for event in paced(stream):
                match event:
                    case Waiting():
                        await self._live(turn_id, f"{text}\n\n-# {event.words}".strip())
                    case Delta():
                        text += event.text
                        await self._live(turn_id, text)
                    case Answer():
                        await self._end(event)
            self.answered = True
        finally:
            self.running = False
            await self.post.end()
            self._done.set()
        return MessageRef("discord", self._channel, self.post.ids)

    async def done(self) -> None:
        """Wait until nothing more is shown."""
        await self._done.wait()

    async def fail(self, words: str) -> None:
        try:
            await attempt(lambda: self.post.tell(words))
        finally:
            await self.post.end()

    async def _live(self, turn_id: str, text: str) -> None:
        """Show what there is; a failure is mended by the next edit."""
        if not text.strip():
            return
        parts = split(drawn(text))[:MOST_MESSAGES]
        pages = [Page(part) for part in parts[:-1]]
        pages.append(Page(closed(parts[-1]), running_rows(turn_id, self.locale)))
        try:
            await self._show(pages)
        except SendError as error:
            if not self.post.ids:
                raise
            log.info("edit_skipped", turn=turn_id, kind=type(error).__name__, detail=error.detail)

    async def _end(self, answer: Answer) -> None:
        """Show what stands, in place of what was shown."""
        turn_id = self._shown_as or answer.turn_id
        body = drawn(answer.text.strip())
        print_ = small_print(answer)
        if not body and not answer.sources:
            body, print_ = "\n".join(answer.notes), "-# Stopped." if answer.stopped else ""  # all there is to read
        parts = split(f"{body}\n\n{print_}".strip() or "-# There is nothing to say.")
        files = answer.files
        if len(parts) > MOST_MESSAGES:
            files = (*files, File("answer.md", "text/markdown", answer.text.encode()))
            parts = [*parts[: MOST_MESSAGES - 1], f"-# The whole answer is in the file.\n{print_}".strip()]
        versions = [] if answer.private else await self._versions(turn_id)
        shareable = self._shareable and bool(answer.text) and not answer.private
        rows = answer_rows(turn_id, answer.buttons, versions, shareable=shareable, locale=self.locale)
        pages = [Page(part) for part in parts[:-1]]
        pages.append(Page(parts[-1], rows, tuple(file.name for file in files)))
        await self._show(pages, files, private=answer.private, final=True)
        await self.post.drop(len(pages))
        self.thread = answer.thread

    async def _show(
        self, pages: Sequence[Page], files: Sequence[File] = (), *, private: bool = False, final: bool = False
    ) -> None:
        for number, page in enumerate(pages):
            if number < len(self._shown) and same(self._shown[number], page):
                continue
            attached = files if number == len(pages) - 1 else ()

            async def show(number: int = number, page: Page = page, attached: Sequence[File] = attached) -> None:
                await self.post.show(number, page, attached, private=private)

            await (attempt(show) if final else show())
            self._shown[number:] = [page, *self._shown[number + 1 :]]


def same(one: Page, other: Page) -> bool:
    """Whether two pages look alike, so that nothing has to be sent."""
    return one.text == other.text and not other.files and _ids(one) == _ids(other)


def _ids(page: Page) -> list[tuple[str | None, bool]]:
    return [(button.custom_id, button.disabled) for row in page.rows for button in row]


async def paced(stream: Stream) -> AsyncIterator[Event]:
    """The events of a stream, text joined to about one piece a `PACE`; the answer waits for nothing."""
    due = 0.0
    ended = False
    while not ended:
        held: Delta | Waiting | None = None
        answer: Answer | None = None
        while answer is None:
            left = due - time.monotonic()
            if held is not None and left <= 0:
                break
            try:
                async with asyncio.timeout(left if held is not None else None):
                    event = await anext(stream)
            except TimeoutError:
                break
            match event:
                case Answer():
                    answer = event
                case Delta() if isinstance(held, Delta):
                    held = Delta(held.text + event.text)
                case Waiting() if held is None or isinstance(held, Waiting):
                    held = event
                case Delta():
                    held = event
        if answer is not None:
            yield answer
            ended = True
        elif held is not None:
            yield held
            due = time.monotonic() + PACE
