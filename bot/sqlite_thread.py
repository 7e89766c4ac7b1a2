"""SQLite by whole transactions: a unit of work runs inside an aiosqlite connection's own thread, in one trip.

Statement by statement, SQLAlchemy's asyncio layer makes four trips each: most of what a turn cost the core.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

import aiosqlite
import sqlalchemy as sa

T = TypeVar("T")

PRAGMAS = (
    "PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL", "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",  # what a person has forgotten is not left in free pages
)  # fmt: skip
LAST_SECONDS = 10.0
"""A thread that has not ended by then hangs in its disk."""


class Connections:
    """Opens connections to a file, each with a thread of its own, and knows them until their threads have ended."""

    def __init__(self, path: str, wait_seconds: float) -> None:
        self._path = path
        self._wait = wait_seconds
        self._opened: set[aiosqlite.Connection] = set()

    async def open(self) -> aiosqlite.Connection:
        """A connection, ready for use: who is cancelled meanwhile leaves none that is half prepared."""
        connection = aiosqlite.Connection(self._connected, 64)
        connection._thread.daemon = True  # a bot that dies does not wait for it
        self._opened = {one for one in self._opened if one._thread.is_alive()} | {connection}
        return await connection

    def _connected(self) -> sqlite3.Connection:
        # SQLAlchemy begins transactions itself, so the driver must not.
        connection = sqlite3.connect(self._path, timeout=self._wait, isolation_level=None)
        try:
            for pragma in PRAGMAS:
                connection.execute(pragma)
        except BaseException:
            connection.close()
            raise
        return connection

    async def ended(self) -> None:
        """Close what is still open, which somebody holds who was let go, and wait for the threads of all: also of those
        that were given up in the middle of a statement, and would report to a loop that is gone."""
        for connection in self._opened:
            if connection._connection is not None:
                connection.stop()
            if connection._thread.is_alive():
                await asyncio.to_thread(connection._thread.join, LAST_SECONDS)
        self._opened.clear()


class SqliteThread:
    """One connection and its thread; opened by the first unit. `prepare` gets the engine before its first use."""

    def __init__(self, connections: Connections, prepare: Callable[[sa.Engine], None]) -> None:
        self._connections = connections
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
                self._connection = await self._connections.open()
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
