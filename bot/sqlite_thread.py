"""SQLite by whole transactions: a unit of work runs inside an aiosqlite connection's own thread, in one trip.

Statement by statement, SQLAlchemy's asyncio layer makes four trips each: most of what a turn cost the core.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import aiosqlite
import sqlalchemy as sa

T = TypeVar("T")


class SqliteThread:
    """One connection and its thread; opened by the first unit. `prepare` gets the engine before its first use."""

    def __init__(self, path: str, wait_seconds: float, prepare: Callable[[sa.Engine], None]) -> None:
        self._path = path
        self._wait = wait_seconds
        self._prepare = prepare
        self._opening = asyncio.Lock()
        self._connection: aiosqlite.Connection | None = None
        self._sync: sa.Connection | None = None

    async def run(self, unit: Callable[..., T], *args: Any, **named: Any) -> T:
        """The result of `unit(connection, ...)` in a transaction: committed, or rolled back when it raises.

        Units run in the order they were given. A caller who is cancelled does not undo one that is under way.
        """
        connection = await self._open()
        result: T = await connection._execute(self._transact, unit, args, named)  # type: ignore[no-untyped-call]
        return result

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection._execute(self._end)  # type: ignore[no-untyped-call]
            await self._connection.close()
            self._connection = None

    async def _open(self) -> aiosqlite.Connection:
        async with self._opening:
            if self._connection is None:
                connection = aiosqlite.Connection(partial(sqlite3.connect, self._path, timeout=self._wait), 64)
                connection._thread.daemon = True  # a bot that dies does not wait for it
                self._connection = await connection
            return self._connection

    def _transact(self, unit: Callable[..., T], args: tuple[Any, ...], named: dict[str, Any]) -> T:
        if self._sync is None:
            assert self._connection is not None
            driver = self._connection._conn
            engine = sa.create_engine("sqlite://", creator=lambda: driver, poolclass=sa.StaticPool)
            self._prepare(engine)
            self._sync = engine.connect()
        with self._sync.begin():
            return unit(self._sync, *args, **named)

    def _end(self) -> None:
        if self._sync is not None:
            self._sync.close()
            self._sync = None
