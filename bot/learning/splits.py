"""Splits: which rows are held out from training, the same ones night after night. Owner of the table `splits`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal, cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.database import CHUNK, Database, metadata

Split = Literal["train", "validation", "test"]

ORDER: tuple[Split, ...] = ("test", "validation", "train")
"""Where a cluster goes whose rows went to several: never from a test into training."""

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


def assign(
    sizes: Mapping[str, Sequence[str]], known: Mapping[str, Split], backed: Mapping[str, Sequence[str]]
) -> dict[str, Split]:
    """Where each row goes, whole clusters at a time: `sizes` are the rows of each, `known` where a cluster was before.

    `backed` are, for a row, those that state the same about a near question. A test asks what training can teach, so
    rows with two such rows left in training are held out first, then those with one; of equals the hash decides.
    """
    cluster_of = {row: cluster for cluster, rows in sizes.items() for row in rows}
    assigned = {cluster: known[cluster] for cluster in sizes if cluster in known}
    total = sum(map(len, sizes.values()))
    wants: tuple[tuple[Split, int], ...] = (("test", wanted_test(total)), ("validation", wanted_validation(total)))
    for split, wanted in wants:
        held = sum(len(sizes[cluster]) for cluster, where in assigned.items() if where == split)
        while held < wanted and (chosen := _next(sizes, assigned, backed, cluster_of)) is not None:
            assigned[chosen] = split
            held += len(sizes[chosen])
    return {row: assigned.get(cluster, "train") for row, cluster in cluster_of.items()}


def by_cluster(known: Mapping[str, Split], groups: Mapping[str, str]) -> dict[str, Split]:
    """Where each cluster was, from where its rows were, those among them that are no longer used."""
    found: dict[str, Split] = {}
    for row, split in known.items():
        if row in groups:
            cluster = groups[row]
            found[cluster] = min(split, found.get(cluster, split), key=ORDER.index)
    return found


def wanted_test(rows: int) -> int:
    """How many corrections the gate wants to ask: a fifth, yet eight as soon as there are enough to spare."""
    return max(round(rows * 0.2), min(8, rows // 3)) if rows >= 6 else 0


def wanted_validation(rows: int) -> int:
    """How many are held out for stopping early."""
    return round(rows * 0.1) if rows >= 60 else 0


def _next(
    sizes: Mapping[str, Sequence[str]], assigned: Mapping[str, Split], backed: Mapping[str, Sequence[str]],
    cluster_of: Mapping[str, str],
) -> str | None:  # fmt: skip
    """The cluster to hold out next; what was trained on before comes last."""

    def rank(cluster: str) -> tuple[bool, int, int, str]:
        behind = {
            row for one in sizes[cluster] for row in backed.get(one, ())
            if row in cluster_of and cluster_of[row] != cluster
            and assigned.get(cluster_of[row], "train") == "train"
        }  # fmt: skip
        digest = hashlib.sha256(cluster.encode()).hexdigest()
        return cluster in assigned, -min(len(behind), 2), len(sizes[cluster]), digest

    free = [cluster for cluster in sizes if assigned.get(cluster, "train") == "train"]
    return min(free, key=rank) if free else None
