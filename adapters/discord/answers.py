"""Answers: a request handed to the core with a place on Discord to answer in."""

from __future__ import annotations

from typing import Protocol

import structlog

from adapters.discord.layout import Page, answer_rows
from adapters.discord.posts import Post
from adapters.discord.reply import DiscordReply
from adapters.discord.splitting import split
from bot.commands import Command
from bot.controls import USUAL
from bot.delivery import Ledger, attempt
from bot.reply import Reply
from bot.request import MessageRef, Request
from bot.stores import Stores
from bot.turns import TurnRow

log = structlog.get_logger(__name__)


class Core(Protocol):
    """What the adapter wants of the chatbot."""

    ledger: Ledger

    @property
    def commands(self) -> tuple[Command, ...]: ...

    async def handle(self, request: Request, reply: Reply) -> None: ...


class Answers:
    """The one way from Discord into the core."""

    def __init__(self, core: Core, stores: Stores) -> None:
        self.core = core
        self.stores = stores

    async def give(self, request: Request, post: Post, *, shown_as: str = "", shareable: bool = False) -> None:
        """Answer a request in a post."""
        reply = DiscordReply(
            post, request.place.thread or request.place.channel, self.versions, shown_as=shown_as, shareable=shareable
        )
        try:
            await post.begin()
            await self.core.handle(request, reply)
        finally:
            await post.end()

    async def versions(self, turn_id: str) -> list[str]:
        """The ids of all tries of a turn that can be shown, the first one first."""
        rows = await self.stores.turns.versions(turn_id)
        return [row.id for row in rows if row.answer and row.state in ("done", "stopped")]

    async def show(self, row: TurnRow, post: Post, note: str) -> MessageRef:
        """Write a stored answer again, under a note on why."""
        parts = split(f"-# {note}\n{row.answer}")
        rows = answer_rows(row.id, USUAL, await self.versions(row.id))
        pages = [*(Page(part) for part in parts[:-1]), Page(parts[-1], rows)]
        for number, page in enumerate(pages):

            async def show(number: int = number, page: Page = page) -> None:
                await post.show(number, page)

            await attempt(show)
        return MessageRef("discord", row.thread or row.channel, post.ids)
