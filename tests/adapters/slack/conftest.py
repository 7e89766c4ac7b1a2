"""The true app over the true core, a store and an engine that speaks by script, in a strict workspace."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.slack.app import SlackApp
from adapters.slack.limiter import Limiter
from adapters.slack.manifest import EVENTS_PATH
from bot.chatbot import ChatBot
from bot.generation import Generator
from bot.hosts import Hosts
from bot.knowledge.library import Library
from bot.learning.review_cards import Announcer
from bot.router import Router
from bot.settings import Settings
from bot.stores import Stores, stores_over
from tests.adapters.slack.delivery import Workspace
from tests.adapters.slack.peer import APP_TOKEN, BOT_TOKEN
from tests.adapters.slack.scenes import SCENARIOS
from tests.adapters.web.scenes import Keeper, Script
from tests.empty_store import opened


@dataclass
class House:
    """A workspace with the app in it, and what stands behind the app."""

    slack: Workspace
    app: SlackApp
    chatbot: ChatBot
    stores: Stores
    script: Script


@contextlib.asynccontextmanager
async def open_house(
    path: Path, slack: Workspace, limiter: Limiter | None = None, **changes: object
) -> AsyncIterator[House]:
    """The app connected to a workspace, with some settings changed."""
    given = {"slack_bot_token": BOT_TOKEN, "slack_app_token": APP_TOKEN, "slack_api_url": slack.api_url} | changes
    settings = Settings(_env_file=None, data_dir=path, model="script", **given)
    script, keeper = Script(), Keeper()
    async with opened(settings.database) as database:
        stores = stores_over(database, Library(database, script))
        hosts = Hosts(database)
        await hosts.enter()
        chatbot = ChatBot(settings, stores, Router(SCENARIOS), Generator(script, keeper), keeper, hosts.id)
        announcer = Announcer(stores.reviews, stores.turns, stores.places)
        async with SlackApp(chatbot, stores, settings, limiter) as app:
            announcer.announce("slack", app.cards)
            if settings.slack_app_token.get_secret_value():
                await slack.connected()
            if app.port:
                slack.pages_url = f"http://127.0.0.1:{app.port}"
            if not settings.slack_app_token.get_secret_value():
                slack.http_url = f"http://127.0.0.1:{app.port}{EVENTS_PATH}"
            yield House(slack, app, chatbot, stores, script)
            await announcer.close()
        await chatbot.close(0.1)


@pytest.fixture
async def slack() -> AsyncIterator[Workspace]:
    workspace = Workspace()
    await workspace.start()
    yield workspace
    await workspace.close()
    # Whatever a test was about: nobody was pinged, and every call kept to Slack's published schemas.
    assert workspace.pings == []
    assert workspace.violations == []


@pytest.fixture
def open_app(tmp_path: Path, slack: Workspace) -> Callable[..., AbstractAsyncContextManager[House]]:
    """Connects the app with some settings changed."""
    return lambda **changes: open_house(tmp_path, slack, **changes)


@pytest.fixture
async def house(tmp_path: Path, slack: Workspace) -> AsyncIterator[House]:
    async with open_house(tmp_path, slack) as house:
        yield house
