"""The page over the real core and a real store, with an engine that speaks by script."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter

from adapters.web.server import WebApp
from bot.chatbot import ChatBot
from bot.generation import Generator
from bot.hosts import Hosts
from bot.knowledge.library import Library
from bot.learning.promotion import Promotion
from bot.learning.retraining import Retraining
from bot.messengers import Messenger
from bot.router import Router
from bot.settings import Settings
from bot.stores import Stores, stores_over
from tests.adapters.web.browser import Browser
from tests.adapters.web.scenes import SCENARIOS, Keeper, Script
from tests.empty_store import opened
from tests.learning.runs import Rows


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "browser: needs Chromium")


@dataclass
class Page:
    """A served page and what stands behind it. `parts` is what /readyz tells."""

    url: str
    port: int
    script: Script
    stores: Stores
    settings: Settings
    messengers: dict[str, Messenger] = field(default_factory=dict)
    parts: dict[str, tuple[bool, str]] = field(default_factory=lambda: {"model": (True, "ready")})

    async def readiness(self) -> dict[str, tuple[bool, str]]:
        return self.parts

    def browser(self) -> Browser:
        """A browser that has not been here before."""
        return Browser(self.url)


@contextlib.asynccontextmanager
async def serve(path: Path, rows: Rows | None = None, **changes: object) -> AsyncIterator[Page]:
    """Serve a page over a store at `path`, with some settings changed; with `rows` it also trains."""
    settings = Settings(_env_file=None, data_dir=path, model="script", **({"web_port": 0} | changes))
    script, keeper = Script(), Keeper()
    registry = CollectorRegistry()
    Counter("parley_turns", "Turns", registry=registry).inc()
    async with opened(settings.database) as database:
        stores = stores_over(database, Library(database, script))
        hosts = Hosts(database)
        await hosts.enter()
        chatbot = ChatBot(settings, stores, Router(SCENARIOS), Generator(script, keeper), keeper, hosts.id)
        page = Page("", 0, script, stores, settings)
        promotion = Promotion(settings, stores)
        retraining = Retraining(settings, stores, hosts, rows.build, promotion) if rows is not None else None
        async with WebApp(chatbot, stores, settings, page.readiness, registry, retraining, page.messengers) as app:
            page.url, page.port = app.url, app.port
            yield page
        await chatbot.close(0.1)


@pytest.fixture
def serve_page(tmp_path: Path) -> Callable[..., AbstractAsyncContextManager[Page]]:
    """Serves a page with some settings changed."""
    return lambda **changes: serve(tmp_path, **changes)


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with serve(tmp_path) as page:
        yield page
