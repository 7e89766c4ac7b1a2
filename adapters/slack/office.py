"""The office: what everything on Slack needs to do its work."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import aiohttp

from adapters.slack.desk import Desk
from adapters.slack.files import Downloads
from adapters.slack.people import People
from adapters.slack.running import Running, Seen
from bot.commands import Command
from bot.reply import Reply
from bot.request import Author, MessageRef, Request
from bot.stores import Stores
from bot.turns import TurnRow


class Core(Protocol):
    """What Slack needs of `bot.chatbot.ChatBot`."""

    @property
    def commands(self) -> tuple[Command, ...]: ...

    async def handle(self, request: Request, reply: Reply) -> None: ...

    def stop(self, turn_id: str) -> None: ...

    async def take_back(self, turn_id: str) -> list[TurnRow]: ...


@dataclass
class Office:
    """One workspace's. `me` is the bot's user id, `team` the workspace's, `url` its address.

    `realm` is the team again where there are several: Slack's ids are only unique in one.
    """

    core: Core
    stores: Stores
    desk: Desk
    people: People
    downloads: Downloads
    http: aiohttp.ClientSession
    me: str
    team: str
    url: str
    realm: str = ""
    running: Running = field(default_factory=Running)
    seen: Seen = field(default_factory=Seen)

    def key(self, user: str) -> str:
        """Who a person is in the store."""
        return Author(user, realm=self.realm).key("slack")

    def permalink(self, message: MessageRef | None) -> str:
        """Where a message can be looked up, "" where that is not known."""
        if message is None or not message.messages or not self.url.startswith("http"):
            return ""
        return f"{self.url.rstrip('/')}/archives/{message.channel}/p{message.messages[0].replace('.', '')}"

    async def versions(self, turn_id: str) -> list[str]:
        """The ids of all tries of a turn, the first one first."""
        return [row.id for row in await self.stores.turns.versions(turn_id) if row.state != "undone"]
