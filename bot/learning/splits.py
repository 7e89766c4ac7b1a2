"""Splits: which rows are held out from training, the same ones night after night. Owner of the table `splits`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.database import CHUNK, Database, metadata

Split = Literal["train", "validation", "test"]

splits = sa.Table(
    "splits",
    metadata,
    sa.Column("scenario", sa.String(32), primary_key=True),
    sa.Column("turn_id", sa.String(32), primary_key=True),
    sa.Column("split", sa.String(16), nullable=False),
    sa.Index("ix_splits_turn_id", "turn_id"),
)


class Splits:
    """Where each row of a scenario went in the first dataset that held it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, scenario: str) -> dict[str, Split]:
        query = splits.select().where(splits.c.scenario == scenario)
        async with self._database.read() as connection:
            return {row.turn_id: cast("Split", row.split) for row in (await connection.execute(query)).all()}

    async def keep(self, scenario: str, assigned: Mapping[str, Split]) -> None:
        """Remember where rows went; what went elsewhere before is moved."""
        rows = [{"scenario": scenario, "turn_id": turn_id, "split": split} for turn_id, split in assigned.items()]
        async with self._database.write() as connection:
            await _forget(connection, scenario, [row["turn_id"] for row in rows])
            if rows:
                await connection.execute(splits.insert(), rows)

    async def forget(self, turn_ids: Sequence[str]) -> None:
        """Nothing is known of these any more."""
        async with self._database.write() as connection:
            await _forget(connection, "", turn_ids)


async def _forget(connection: AsyncConnection, scenario: str, turn_ids: Sequence[str]) -> None:
    for start in range(0, len(turn_ids), CHUNK):
        gone = splits.delete().where(splits.c.turn_id.in_(turn_ids[start : start + CHUNK]))
        await connection.execute(gone.where(splits.c.scenario == scenario) if scenario else gone)
