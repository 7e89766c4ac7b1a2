"""The core over a real store and a real engine process, with small scenarios."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from bot.chatbot import ChatBot
from bot.database import Database
from bot.generation import Generator
from bot.hosts import Hosts
from bot.keeper import RemoteKeeper
from bot.knowledge.library import Library
from bot.router import Router
from bot.scenarios.help import Help
from bot.scenarios.memory import MemoryScenario, RememberScenario, ResetScenario
from bot.settings import Settings
from bot.stores import Stores, stores_over
from models.engine import EngineClient
from tests.core.people import Kept, Now, Talk, Twice


@dataclass
class Core:
    """A chatbot and what it stands on."""

    chatbot: ChatBot
    stores: Stores
    talk: Talk
    hosts: Hosts

    async def handle(self, request: object) -> Kept:
        reply = Kept()
        await self.chatbot.handle(request, reply)  # type: ignore[arg-type]
        return reply


@pytest.fixture
async def make_core(database: Database, instant: EngineClient) -> AsyncIterator[Callable[..., object]]:
    """Makes a core with some settings changed."""
    async with AsyncExitStack() as stack:

        async def make(**settings: object) -> Core:
            talk = Talk()
            router = Router(
                (
                    talk,
                    Twice(),
                    Now(),
                    MemoryScenario(),
                    RememberScenario(),
                    ResetScenario(),
                    Help(lambda: router.commands),
                )
            )
            stores, keeper, hosts = (
                stores_over(database, Library(database, instant)),
                RemoteKeeper(instant),
                Hosts(database),
            )
            await hosts.enter()
            changed = Settings(_env_file=None, engine_url=instant.base_url, **({"model": "parley"} | settings))
            chatbot = ChatBot(changed, stores, router, Generator(instant, keeper), keeper, hosts.id)
            stack.push_async_callback(chatbot.close, 0.1)
            return Core(chatbot, stores, talk, hosts)

        yield make


@pytest.fixture
async def core(make_core: Callable[..., object]) -> Core:
    return await make_core()  # type: ignore[misc, no-any-return]
