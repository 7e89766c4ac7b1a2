"""The adapter over the real core and a real store, with an engine that speaks by script, against the peer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from adapters.discord.client import DiscordApp
from bot.chatbot import ChatBot
from bot.errors import UserError
from bot.generation import Generator
from bot.hosts import Hosts
from bot.knowledge.library import Library
from bot.learning.review_cards import Announcer
from bot.messengers import Messenger
from bot.reply import Reply
from bot.request import Request
from bot.router import Router
from bot.scenarios.catalogue import catalogue
from bot.settings import Settings
from bot.stores import Stores, stores_over
from models.engine import Message, Piece, Sampling, Usage
from tests.adapters.discord.peer import Peer
from tests.adapters.discord.people import World, world
from tests.adapters.discord.schema import check_bodies
from tests.adapters.web.scenes import SCENARIOS, Keeper, Script
from tests.empty_store import opened


class Speaker(Script):
    """Says what stands in `texts` for a question, piece by piece; else what the script says."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}
        self.pause = 0.0
        self.delay = 0.0

    async def stream(self, model: str, messages: Sequence[Message], sampling: Sampling) -> AsyncGenerator[Piece, None]:
        text = self.texts.get(messages[-1].content)
        if text is None:
            async with contextlib.aclosing(super().stream(model, messages, sampling)) as pieces:
                async for piece in pieces:
                    yield piece
            return
        await asyncio.sleep(self.delay)
        for start in range(0, len(text), 300):
            yield Piece(text[start : start + 300])
            await asyncio.sleep(self.pause)
        yield Piece(finish_reason="stop", usage=Usage(12, 34))


class Watched(ChatBot):
    """The real core, with what reached it kept."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.requests: list[Request] = []

    async def handle(self, request: Request, reply: Reply) -> None:
        self.requests.append(request)
        await super().handle(request, reply)


@dataclass
class Stage:
    """A bot on the peer's server. `troubles` is what the adapter told the owner to mend."""

    peer: Peer
    world: World
    app: DiscordApp
    script: Speaker
    stores: Stores
    chatbot: Watched
    messengers: dict[str, Messenger]
    troubles: list[UserError] = field(default_factory=list)

    @property
    def requests(self) -> list[Request]:
        """What reached the core, in order."""
        return self.chatbot.requests

    async def ready(self) -> None:
        """Wait until the bot can speak of its own accord; the library waits for servers before it says so."""
        await self.app.client.wait_until_ready()
        for _ in range(3):
            await asyncio.sleep(0)  # the event of it is on its way in the same round of the loop
        assert self.messengers


@contextlib.asynccontextmanager
async def staged(
    peer: Peer, place: World, path: Path, router: Router | None = None, **changes: object
) -> AsyncIterator[Stage]:
    """The bot, connected, with some settings changed; `router` in place of the small scenes."""
    settings = Settings(_env_file=None, data_dir=path, model="script", **(peer.settings | changes))  # type: ignore[arg-type]
    script, keeper = Speaker(), Keeper()
    async with opened(settings.database) as database:
        stores = stores_over(database, Library(database, script))
        hosts = Hosts(database)
        await hosts.enter()
        chatbot = Watched(settings, stores, router or Router(SCENARIOS), Generator(script, keeper), keeper, hosts.id)
        troubles: list[UserError] = []

        def fail(trouble: UserError) -> None:
            troubles.append(trouble)
            peer.notify()

        messengers: dict[str, Messenger] = {}
        announcer = Announcer(stores.reviews, stores.turns, stores.places)
        app = DiscordApp(chatbot, stores, settings, {}, messengers, announcer, fail)
        try:
            before = peer.gateway.identified
            async with app:
                await peer.until(lambda: peer.gateway.identified > before or troubles, words="connected")
                yield Stage(peer, place, app, script, stores, chatbot, messengers, troubles)
                await chatbot.close(0.1)
        finally:
            await announcer.close()
            await hosts.leave()


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    """A Discord of its own; what the bot sent it has to fit Discord's own description."""
    async with Peer() as peer:
        yield peer
    check_bodies(peer.calls)


@pytest.fixture
def harbour(peer: Peer) -> World:
    return world(peer)


@pytest.fixture
def stage_with(peer: Peer, harbour: World, tmp_path: Path) -> Callable[..., AbstractAsyncContextManager[Stage]]:
    """Starts a bot with some settings changed."""
    return lambda **changes: staged(peer, harbour, tmp_path, **changes)


@pytest.fixture
async def real_stage(peer: Peer, harbour: World, tmp_path: Path) -> AsyncIterator[Stage]:
    """A bot with all of Parley's own scenarios."""
    async with staged(peer, harbour, tmp_path, catalogue()) as stage:
        yield stage


@pytest.fixture
async def stage(peer: Peer, harbour: World, tmp_path: Path) -> AsyncIterator[Stage]:
    """A bot that is connected and has told its commands."""
    async with staged(peer, harbour, tmp_path) as stage:
        yield stage
