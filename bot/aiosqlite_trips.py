"""aiosqlite with one trip to its thread a statement, where SQLAlchemy's cursor makes four.

A trip costs a tenth of a millisecond and the interpreter's lock; a turn makes a dozen statements.
"""

from __future__ import annotations

import sqlite3
from functools import partial
from typing import Any

import aiosqlite


class OneTripCursor:
    """Executes and fetches at once. What is asked for later is here already."""

    arraysize = 1

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.lastrowid: int | None = None
        self.rowcount = -1

    async def __aenter__(self) -> OneTripCursor:
        return self

    async def __aexit__(self, *exc: object) -> None:
        pass

    async def execute(self, sql: str, parameters: Any = ()) -> OneTripCursor:
        await self._trip("execute", sql, parameters)
        return self

    async def executemany(self, sql: str, parameters: Any) -> OneTripCursor:
        await self._trip("executemany", sql, parameters)
        return self

    async def fetchall(self) -> list[Any]:
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        pass

    async def _trip(self, method: str, sql: str, parameters: Any) -> None:
        await self._connection._execute(self._run, method, sql, parameters)  # type: ignore[no-untyped-call]

    def _run(self, method: str, sql: str, parameters: Any) -> None:
        """In the connection's thread."""
        cursor = self._connection._conn.cursor()
        try:
            getattr(cursor, method)(sql, parameters)
            self.description, self.lastrowid, self.rowcount = cursor.description, cursor.lastrowid, cursor.rowcount
            self._rows = cursor.fetchall() if cursor.description else []
        finally:
            cursor.close()


class OneTripConnection(aiosqlite.Connection):
    """An aiosqlite connection with such cursors."""

    def cursor(self) -> Any:
        return OneTripCursor(self)


def connect(path: str, **options: Any) -> OneTripConnection:
    """For SQLAlchemy's `async_creator_fn`."""
    connection = OneTripConnection(partial(sqlite3.connect, path, **options), 64)
    connection._thread.daemon = True  # as SQLAlchemy's own creator does
    return connection
