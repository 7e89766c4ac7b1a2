"""The store: one async engine over SQLite or PostgreSQL, and the migrations that bring it up to date."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import alembic.command
import sqlalchemy as sa
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bot.errors import StoreBroken, StoreBusy, StoreFull, UserError
from bot.sqlite_thread import Connections, SqliteThread

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Every table is declared by its owner's file on this."""

P = ParamSpec("P")
T = TypeVar("T")

LOCK_SECONDS = 5.0
MIGRATIONS = Path(__file__).parent / "migrations"
UPGRADE_LOCK = 7_275_392
NEWER = (
    "The store was written by a newer version of Parley (schema {revision}). Nothing was changed; update Parley, or "
    "put the copy back that was made before the update."
)


def now() -> datetime:
    """The moment, in UTC."""
    return datetime.now(UTC)


class Moment(sa.types.TypeDecorator[datetime]):
    """A point in time, in UTC: seconds since the epoch, so that both databases sort it alike."""

    impl = sa.Double
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> float | None:
        return None if value is None else value.timestamp()

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else datetime.fromtimestamp(value, UTC)


Insert = postgresql.Insert | sqlite.Insert

INSERTS: dict[str, Callable[[sa.Table], Insert]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
"""What makes an INSERT that takes ON CONFLICT, by the name of a connection's dialect."""


CHUNK = 500
"""So many ids go into one statement."""


def insert(connection: AsyncConnection | sa.Connection, table: sa.Table) -> Insert:
    """An INSERT that takes ON CONFLICT, in the words of the connection's database."""
    return INSERTS[connection.dialect.name](table)


class Database:
    """Connections to the store.

    A *unit of work* is a plain function of a SQLAlchemy connection and more arguments: `query` runs one that
    reads, `transact` one that writes, each as one transaction. What a turn needs is written so, as it is
    several times cheaper than awaiting statements; elsewhere `async with database.write() as connection` is a
    transaction and `read()` a connection to read with.

    SQLite has one writer: writes of this process wait for each other here, and for other processes
    up to LOCK_SECONDS. Errors arrive as StoreError.
    """

    def __init__(self, url: str) -> None:
        self.url = sa.make_url(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self._writing = asyncio.Lock()
        connections = self._connections = Connections(self.url.database or "", LOCK_SECONDS)
        options: dict[str, Any] = {"pool_pre_ping": True}
        if self.sqlite:
            options = {"async_creator": connections.open}
        self.engine: AsyncEngine = create_async_engine(self.url, **options)
        # Reads need no transaction: BEGIN, COMMIT and the reset of a returned connection
        # would each be one more way to the driver's thread and back.
        self._alone: AsyncEngine = create_async_engine(
            self.url, isolation_level="AUTOCOMMIT", pool_reset_on_return=None, **options
        )
        if self.sqlite:
            sa.event.listen(self.engine.sync_engine, "begin", _begin_sqlite)
        self._writer = SqliteThread(connections, partial(_prepare_thread, begin="BEGIN IMMEDIATE"))
        self._reader = SqliteThread(connections, partial(_prepare_thread, begin="BEGIN"))

    @property
    def path(self) -> Path | None:
        """The SQLite file, None for PostgreSQL."""
        return Path(self.url.database) if self.sqlite and self.url.database else None

    async def __aenter__(self) -> Database:
        if self.path is not None:
            try:
                await asyncio.to_thread(self.path.parent.mkdir, parents=True, exist_ok=True)
            except OSError as error:
                raise StoreBroken(f"{self.path.parent}: {error}") from error
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._writer.close()
        await self._reader.close()
        await self.engine.dispose()
        await self._alone.dispose()
        await self._connections.ended()

    async def query(self, unit: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **named: P.kwargs) -> T:
        """The result of a unit of work that only reads. It sees one state of the store."""
        with store_errors(self.path):
            if self.sqlite:
                return await self._reader.run(unit, *args, **named)
            async with self.engine.begin() as connection:
                return await connection.run_sync(unit, *args, **named)

    async def transact(self, unit: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **named: P.kwargs) -> T:
        """The result of a unit of work that writes: committed at its end, rolled back when it raises.

        Being cancelled meanwhile does not tell whether it was committed.
        """
        with store_errors(self.path):
            if self.sqlite:
                async with self._writing:
                    return await self._writer.run(unit, *args, **named)
            async with self.engine.begin() as connection:
                return await connection.run_sync(unit, *args, **named)

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection to read with; each statement sees what was committed before it."""
        with store_errors(self.path):
            async with self._alone.connect() as connection:
                yield connection

    @contextlib.asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: committed at the end, rolled back when an error leaves it."""
        with store_errors(self.path):
            if not self.sqlite:
                async with self.engine.begin() as connection:
                    yield connection
                return
            async with self._writing, self.engine.connect() as connection:
                await connection.execution_options(parley_write=True)
                async with connection.begin():
                    yield connection

    async def execute(self, statement: sa.UpdateBase) -> int:
        """One statement as a transaction of its own. Returns the number of rows it touched."""
        return await self.transact(_execute, statement)

    async def migrate(self) -> str | None:
        """Bring the schema up to date, after a copy of a non-empty SQLite file; returns the path of that copy."""
        with store_errors(self.path):
            current, head = await self._revisions()
            if current == head:
                return None
            copy = await self._copy_before(current) if current else None
            async with self._writing, self.engine.connect() as connection:
                await connection.execution_options(parley_write=True)
                async with connection.begin():
                    if not self.sqlite:  # of several hosts that start at once, one upgrades
                        await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({UPGRADE_LOCK})")
                    await connection.run_sync(_upgrade)
            return copy

    async def up_to_date(self) -> bool:
        """Whether nothing is to be migrated. Raises UserError for a store of a newer version."""
        with store_errors(self.path):
            current, head = await self._revisions()
        return current == head

    async def _revisions(self) -> tuple[str | None, str | None]:
        """The schema's revision as it is and as it is to be."""
        async with self.engine.connect() as connection:
            current = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
        scripts = ScriptDirectory(str(MIGRATIONS))
        if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
            raise UserError(NEWER.format(revision=current))
        return current, scripts.get_current_head()

    async def _copy_before(self, revision: str) -> str | None:
        if self.path is None:
            return None
        target = self.path.with_name(f"{self.path.stem}.before-{revision}-{now():%Y%m%d-%H%M%S}.db")
        await self.copy_to(target)
        return str(target)

    async def copy_to(self, target: Path) -> None:
        """A consistent copy of the SQLite file, while in use."""
        if self.path is None:
            raise UserError("Only an SQLite store is copied by Parley; use pg_dump for PostgreSQL.")
        if not await asyncio.to_thread(self.path.exists):
            raise UserError(f"There is no store yet at {self.path}; it is made at the first start.")
        with store_errors(self.path):
            await asyncio.to_thread(_copy_sqlite, self.path, target)

    async def free_bytes(self) -> int | None:
        """Free room on the SQLite file's disk in bytes, None for PostgreSQL."""
        if self.path is None:
            return None
        usage = await asyncio.to_thread(shutil.disk_usage, self.path.parent)
        return usage.free


def _execute(connection: sa.Connection, statement: sa.UpdateBase) -> int:
    return connection.execute(statement).rowcount


def _prepare_thread(engine: sa.Engine, begin: str) -> None:
    @sa.event.listens_for(engine, "begin")
    def on_begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)


def _begin_sqlite(connection: sa.Connection) -> None:
    # A writer takes the lock at once: an upgrade from reader to writer would fail without waiting.
    write = connection.get_execution_options().get("parley_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _upgrade(connection: sa.Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    alembic.command.upgrade(config, "head")


def _copy_sqlite(source: Path, target: Path) -> None:
    partial = target.with_suffix(".partial")
    try:
        with contextlib.closing(sqlite3.connect(source)) as old, contextlib.closing(sqlite3.connect(partial)) as new:
            old.backup(new)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def store_errors(path: Path | None) -> Iterator[None]:
    """Turn the drivers' errors into a StoreError. `path` is the SQLite file."""
    try:
        yield
    except (sa.exc.DBAPIError, sqlite3.Error) as error:
        detail = str(getattr(error, "orig", None) or error)
        if "disk is full" in detail or "No space left" in detail or (path and "disk I/O" in detail and _full(path)):
            raise StoreFull(detail) from error
        if "locked" in detail or "busy" in detail:
            raise StoreBusy(detail) from error
        raise StoreBroken(detail) from error
    except (ConnectionError, sa.exc.TimeoutError) as error:
        raise StoreBroken(str(error)) from error


def _full(path: Path) -> bool:
    """Whether SQLite's "disk I/O error" is one of room: its shared memory needs some even to begin."""
    return shutil.disk_usage(path.parent).free < 2**18
