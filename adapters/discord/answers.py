"""Answers: a request handed to the core with a place on Discord to answer in."""

from __future__ import annotations

from typing import Protocol

import structlog

from adapters.discord.layout import Page, answer_rows, small_print
from adapters.discord.markdown import drawn
from adapters.discord.posts import ChannelPost, Post
from adapters.discord.reply import DiscordReply
from adapters.discord.splitting import split
from bot.commands import Command
from bot.delivery import Ledger, SendError, attempt
from bot.job import answer_again
from bot.reply import Reply
from bot.request import MessageRef, Request
from bot.stores import Stores
from bot.turn import Thread
from bot.turns import TurnRow

log = structlog.get_logger(__name__)

NO_THREAD = (
    "I could not open a thread here, so nobody can join this story. I need Create Public Threads and Send Messages in "
    "Threads in this channel; /setup shows what I lack."
)


class Core(Protocol):
    """What the adapter wants of the chatbot."""

    ledger: Ledger

    @property
    def commands(self) -> tuple[Command, ...]: ...

    async def handle(self, request: Request, reply: Reply) -> None: ...

    def stop(self, turn_id: str) -> None: ...

    async def take_back(self, turn_id: str) -> list[TurnRow]: ...


class Answers:
    """The one way from Discord into the core."""

    def __init__(self, core: Core, stores: Stores) -> None:
        self.core = core
        self.stores = stores

    async def give(self, request: Request, post: Post, *, shown_as: str = "", shareable: bool = False) -> DiscordReply:
        """Answer a request in a post. The reply tells how it went."""
        reply = DiscordReply(
            post, request.place.thread or request.place.channel, self.versions, shown_as=shown_as, shareable=shareable,
            locale=request.author.locale,
        )  # fmt: skip
        await self.give_in(request, reply)
        return reply

    async def give_in(self, request: Request, reply: DiscordReply) -> None:
        """Answer a request in a reply."""
        try:
            await reply.post.begin()
            await self.core.handle(request, reply)
            if reply.thread is not None:
                await self._go_on(reply, reply.thread)
        except SendError as error:
            log.warning("not_begun", message=request.id, detail=error.detail)
        finally:
            await reply.post.end()

    async def _go_on(self, reply: DiscordReply, wanted: Thread) -> None:
        """Open the thread in which a story goes on, with its rules at the head."""
        thread = await reply.post.open_thread(wanted.title)
        if thread is None:
            await self.stores.parties.end(reply.turn_id)
            await reply.post.tell(NO_THREAD)
            return
        await self.stores.parties.move(reply.turn_id, str(thread.id))
        await ChannelPost(thread).show(
            0, Page(wanted.words, answer_rows(reply.turn_id, wanted.buttons, locale=reply.locale))
        )

    async def versions(self, turn_id: str) -> list[str]:
        """The ids of all tries of a turn that can be shown, the first one first."""
        rows = await self.stores.turns.versions(turn_id)
        return [row.id for row in rows if row.answer and row.state in ("done", "stopped")]

    async def show(self, row: TurnRow, post: Post, note: str = "", locale: str = "en") -> MessageRef:
        """Write a stored answer again, under a note on why, with buttons in the language of `locale`."""
        answer = answer_again(row)
        head = f"-# {note}\n" if note else ""
        parts = split(f"{head}{drawn(answer.text)}\n\n{small_print(answer)}".strip())
        rows = answer_rows(row.id, answer.buttons, await self.versions(row.id), locale=locale)
        pages = [*(Page(part) for part in parts[:-1]), Page(parts[-1], rows)]
        for number, page in enumerate(pages):

            async def show(number: int = number, page: Page = page) -> None:
                await post.show(number, page)

            await attempt(show)
        return MessageRef("discord", row.thread or row.channel, post.ids)
