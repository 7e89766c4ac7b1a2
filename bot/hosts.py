"""Hosts: which bot processes share the store, and which of them are dead. Owner of the table `hosts`."""

from __future__ import annotations

import os
import secrets
import socket
from datetime import timedelta

import psutil
import sqlalchemy as sa

from bot.database import Database, Moment, metadata, now

hosts = sa.Table(
    "hosts",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("machine", sa.String(120), nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("started", sa.Float, nullable=False),
    sa.Column("seen", Moment, nullable=False),
)

SILENT = timedelta(seconds=90)
BEAT_SECONDS = 20


class Hosts:
    """This process's row, and the others'."""

    def __init__(self, database: Database) -> None:
        self.id = secrets.token_hex(8)
        self._database = database

    async def enter(self) -> None:
        values = {
            "id": self.id, "machine": socket.gethostname(), "pid": os.getpid(),
            "started": psutil.Process().create_time(), "seen": now(),
        }  # fmt: skip
        async with self._database.write() as connection:
            await connection.execute(hosts.insert().values(values))

    async def beat(self) -> None:
        """Say that this process lives. Call it every BEAT_SECONDS."""
        async with self._database.write() as connection:
            await connection.execute(hosts.update().where(hosts.c.id == self.id).values(seen=now()))

    async def leave(self) -> None:
        async with self._database.write() as connection:
            await connection.execute(hosts.delete().where(hosts.c.id == self.id))

    async def alive(self, host: str) -> bool:
        """Whether a host is at work, as far as can be told."""
        async with self._database.read() as connection:
            row = (await connection.execute(hosts.select().where(hosts.c.id == host))).one_or_none()
        return row is not None and _lives(row)

    async def bury(self) -> list[str]:
        """Remove the dead: processes gone from this machine, and those silent for SILENT. Returns their ids."""
        async with self._database.read() as connection:
            rows = (await connection.execute(hosts.select().where(hosts.c.id != self.id))).all()
        dead = [row.id for row in rows if not _lives(row)]
        if dead:
            async with self._database.write() as connection:
                await connection.execute(hosts.delete().where(hosts.c.id.in_(dead)))
        return dead


def _lives(row: sa.Row[tuple[object, ...]]) -> bool:
    if row.machine != socket.gethostname():
        return bool(row.seen > now() - SILENT)
    try:
        # A process id may have been given to somebody else since.
        return bool(abs(psutil.Process(row.pid).create_time() - row.started) < 2)
    except psutil.NoSuchProcess:
        return False
