"""The store: migrated, copied before, and clear about what is wrong."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import bot.stores  # noqa: F401 - declares every table
from bot.database import Database, metadata
from bot.errors import StoreBroken, StoreBusy, UserError, words_for
from bot.intake import claims
from bot.members import Members
from bot.request import Author, Place, Request
from bot.turns import Turns, begin_turn, new_id


async def test_the_migrations_make_the_declared_tables(database: Database) -> None:
    def differences(connection: sa.Connection) -> list[object]:
        return compare_metadata(MigrationContext.configure(connection), metadata)

    async with database.read() as connection:
        found = await connection.run_sync(differences)
    assert [difference for difference in found if "passages_text" not in str(difference)] == []


async def test_an_old_store_is_copied_and_migrated_with_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "parley.db"
    async with Database(f"sqlite+aiosqlite:///{path}") as database:
        await database.migrate()
        await Members(database).prefer("ann", "level", "B1")
    with sqlite3.connect(path) as old:  # as if written by the first release, before later tables
        kept = {"claims", "conversations", "facts", "feedback", "gaps", "hosts", "members", "turns", "usage"}
        kept |= {"documents", "passages", "alembic_version", "sqlite_sequence"}
        for (name,) in old.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            if name not in kept:
                old.execute(f"DROP TABLE {name}")
        old.execute("DROP INDEX ix_turns_asked")
        for name in ("buttons", "notes", "asked", "logprob"):
            old.execute(f"ALTER TABLE turns DROP COLUMN {name}")
        old.execute("UPDATE alembic_version SET version_num = '0002'")
    old.close()
    async with Database(f"sqlite+aiosqlite:///{path}") as database:
        copy = await database.migrate()
        assert copy is not None
        assert await Members(database).preference("ann", "level") == "B1"
        assert await database.migrate() is None
    with sqlite3.connect(copy) as copied:
        assert copied.execute("SELECT value FROM members").fetchone() == ("B1",)
        assert copied.execute("SELECT version_num FROM alembic_version").fetchone() == ("0002",)
    copied.close()


async def test_a_moment_survives(database: Database) -> None:
    moment = datetime(2026, 11, 24, 1, 2, 3, 456000, tzinfo=UTC)
    async with database.write() as connection:
        await connection.execute(claims.insert().values(message="m", created=moment))
    async with database.read() as connection:
        assert (await connection.execute(sa.select(claims.c.created))).scalar_one() == moment


async def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    members = Members(database)

    async def broken_off() -> None:
        async with database.write() as connection:
            await connection.exec_driver_sql("INSERT INTO members VALUES ('ann', 'k', 'v')")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await broken_off()
    assert await members.preference("ann", "k") == ""


async def test_a_failed_unit_of_work_leaves_nothing_and_the_next_one_works(database: Database) -> None:
    members = Members(database)

    def broken_off(connection: sa.Connection) -> None:
        connection.exec_driver_sql("INSERT INTO members VALUES ('ann', 'k', 'v')")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await database.transact(broken_off)
    assert await members.preference("ann", "k") == ""
    await members.prefer("ann", "k", "w")
    assert await members.preference("ann", "k") == "w"


async def test_a_file_that_is_no_database_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "parley.db").write_bytes(b"no database" * 1000)
    async with Database(f"sqlite+aiosqlite:///{tmp_path / 'parley.db'}") as database:
        with pytest.raises(StoreBroken) as caught:
            await database.migrate()
    assert words_for(caught.value).text.startswith("I cannot reach my memory just now")


async def test_a_store_of_a_newer_version_is_left_alone(database: Database) -> None:
    await database.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))  # type: ignore[arg-type]
    with pytest.raises(UserError, match="newer version of Parley"):
        await database.migrate()


async def test_there_is_nothing_to_copy_before_the_first_start(tmp_path: Path) -> None:
    async with Database(f"sqlite+aiosqlite:///{tmp_path / 'none.db'}") as database:
        with pytest.raises(UserError, match="There is no store yet"):
            await database.copy_to(tmp_path / "copy.db")
    assert not list(tmp_path.iterdir())


async def test_a_copy_that_fails_leaves_nothing(sqlite: Database, tmp_path: Path) -> None:
    target = tmp_path / "taken"
    target.mkdir()
    (target / "file").touch()
    with pytest.raises(IsADirectoryError):
        await sqlite.copy_to(target)
    assert not list(tmp_path.glob("*.partial"))


async def test_a_server_that_is_away_is_said_so() -> None:
    async with Database("postgresql+asyncpg://parley@127.0.0.1:9/none") as database:
        with pytest.raises(StoreBroken):
            await database.migrate()


HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


async def test_another_process_that_holds_the_file_makes_us_wait_and_then_say_so(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sqlite.path is not None
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, str(sqlite.path), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    await process.stdout.readline()
    members = Members(sqlite)
    with pytest.raises(StoreBusy):
        await members.prefer("ann", "k", "v")
    waiting = asyncio.create_task(members.prefer("ann", "k", "v"))
    await asyncio.sleep(0.1)
    process.stdin.close()
    await process.wait()
    await waiting
    assert await members.preference("ann", "k") == "v"
    process._transport.close()  # type: ignore[attr-defined]


async def test_a_copy_can_be_made_in_use(sqlite: Database, tmp_path: Path) -> None:
    await Members(sqlite).prefer("ann", "k", "v")
    await sqlite.copy_to(tmp_path / "copy.db")
    async with Database(f"sqlite+aiosqlite:///{tmp_path / 'copy.db'}") as copy:
        assert await Members(copy).preference("ann", "k") == "v"


async def test_hostile_text_is_kept_as_it_is(database: Database) -> None:
    text = "'; DROP TABLE turns; -- \u202e🙂 \\x " + "long " * 5000
    request = Request("1", Place("test"), Author("ann"), text)
    turn = new_id()
    await database.transact(
        begin_turn, turn, request, conversation="c", host="h", scenario="chat", options={}, question=text
    )
    row = await Turns(database).get(turn)
    assert row is not None
    assert row.question == text


@pytest.mark.parametrize("way", ["read", "query"])
def test_a_connection_that_is_let_go_while_it_opens_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    opened, caught = sqlite3.connect, list[object]()

    def slow(*arguments: object, **named: object) -> sqlite3.Connection:
        time.sleep(0.3)
        return opened(*arguments, **named)  # type: ignore[call-overload,no-any-return]

    async def main() -> None:
        async with Database(f"sqlite+aiosqlite:///{tmp_path / 'parley.db'}") as database:
            monkeypatch.setattr(sqlite3, "connect", slow)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    if way == "query":
                        await database.query(lambda connection: None)
                    async with database.read():
                        pass

    monkeypatch.setattr(threading, "excepthook", caught.append)
    asyncio.run(main())
    time.sleep(0.5)
    assert caught == []


async def test_what_somebody_still_holds_is_closed_with_the_store(tmp_path: Path) -> None:
    async with Database(f"sqlite+aiosqlite:///{tmp_path / 'parley.db'}") as database:
        held = await database.engine.connect()
        driver: Any = (await held.get_raw_connection()).driver_connection
        assert driver._thread.is_alive()
    assert not driver._thread.is_alive()
    assert driver._connection is None
    await held.invalidate()
