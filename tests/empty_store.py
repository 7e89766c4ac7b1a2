"""Empty stores: migrated once in a process and copied, as migrating each anew would be a tenth of the suite's time."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.database import Database
from tests.postgresql import Cluster


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    """The SQLite store at `url`, which is an empty one where there is none yet."""
    async with Database(url) as database:
        assert database.path is not None
        if not database.path.exists():
            database.path.write_bytes(await asyncio.to_thread(_file))
        yield database


@contextlib.asynccontextmanager
async def opened_on(cluster: Cluster) -> AsyncIterator[Database]:
    """An empty store on PostgreSQL, which goes with the block."""
    if not cluster.template:
        url = await asyncio.to_thread(cluster.new_database)
        async with Database(url) as first:
            await first.migrate()
        cluster.template = url.rpartition("/")[2]
    url = await asyncio.to_thread(cluster.new_database)
    async with Database(url) as database:
        yield database
    await asyncio.to_thread(cluster.drop, url)


@functools.cache
def _file() -> bytes:
    async def migrate(url: str) -> None:
        async with Database(url) as database:
            await database.migrate()

    with TemporaryDirectory() as folder:
        path = Path(folder, "parley.db")
        asyncio.run(migrate(f"sqlite+aiosqlite:///{path}"))
        return path.read_bytes()
