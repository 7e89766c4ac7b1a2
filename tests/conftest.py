"""What every test may use: a fresh store on each database, an engine process that answers at once."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest

from bot.bench import instant_engine
from bot.database import Database
from models.engine import EngineClient
from tests.empty_store import opened, opened_on
from tests.postgresql import Cluster, PostgreSQLMissing

# An example takes as long as the machine is busy, and a new one may be found by hand but refuses no change.
hypothesis.settings.register_profile("parley", deadline=None, derandomize=True)
hypothesis.settings.load_profile("parley")


def missing(words: str) -> None:
    """Skip for want of a program on this machine, where skips are allowed."""
    if os.environ.get("PARLEY_NO_SKIP"):
        pytest.fail(words)
    pytest.skip(words)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    try:
        server = Cluster()
    except PostgreSQLMissing as error:
        missing(str(error))
    with server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A migrated, empty store; the test runs once on each kind."""
    if request.param == "sqlite":
        kind = opened(f"sqlite+aiosqlite:///{tmp_path / 'parley.db'}")
    else:
        kind = opened_on(request.getfixturevalue("cluster"))
    async with kind as database:
        yield database


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[Database]:
    """A migrated, empty SQLite store, for what is about something else than the store."""
    async with opened(f"sqlite+aiosqlite:///{tmp_path / 'parley.db'}") as database:
        yield database


@pytest.fixture
async def instant_url() -> AsyncIterator[str]:
    """The address of an engine process of its own that answers at once."""
    async with instant_engine.started() as url:
        yield url


@pytest.fixture
async def instant(instant_url: str) -> AsyncIterator[EngineClient]:
    async with EngineClient(instant_url) as client:
        yield client
