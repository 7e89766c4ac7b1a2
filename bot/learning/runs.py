"""Runs: every training run with its end, and which turns it trained on. Owner of the tables `runs` and `run_rows`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.database import Database, Moment, insert, metadata, now
from bot.turns import new_id

RunState = Literal[
    "preparing", "training", "passed", "ready", "promoted", "rolled_back", "rejected", "inconclusive", "failed",
    "stopped",
]  # fmt: skip
"""Passed: by the gate, and about to be promoted; ready: waits for a person who promotes it."""
UNFINISHED: tuple[RunState, ...] = ("preparing", "training", "passed")
"""Somebody is at work on it, or was when the process died."""

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("scenario", sa.String(32), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("adapter", sa.String(120), nullable=False),
    sa.Column("parent", sa.String(120), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    # Why it stands as it does, for people.
    sa.Column("words", sa.Text, nullable=False),
    # Who began it: "schedule", "command line", a moderator's name.
    sa.Column("by", sa.String(120), nullable=False),
    sa.Column("host", sa.String(32), nullable=False),
    sa.Column("dataset", sa.String(200), nullable=False),
    sa.Column("counts", sa.JSON, nullable=False),
    # How often a trainer was started on it: a killed one is started again.
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("stop_asked", sa.Boolean, nullable=False),
    sa.Column("created", Moment, nullable=False),
    sa.Column("ended", Moment),
    sa.UniqueConstraint("scenario", "number"),
    sa.Index("ix_runs_state", "state"),
)

run_rows = sa.Table(
    "run_rows",
    metadata,
    sa.Column("run", sa.String(32), primary_key=True),
    sa.Column("turn_id", sa.String(64), primary_key=True),
    sa.Column("stage", sa.String(16), primary_key=True),
    sa.Index("ix_run_rows_turn_id", "turn_id"),
)


@dataclass(frozen=True, slots=True)
class Run:
    """A training run. `adapter` is the name its outcome has, "chat@0007"; `parent` the one it was held against."""

    id: str
    scenario: str
    number: int
    adapter: str
    parent: str
    state: RunState
    words: str
    by: str
    host: str
    dataset: str
    counts: dict[str, Any]
    tries: int
    stop_asked: bool
    created: datetime
    ended: datetime | None


class Runs:
    """The log of runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, scenario: str, *, parent: str, by: str, host: str) -> Run:
        """A new run, with the next number of its scenario."""
        while True:
            async with self._database.write() as connection:
                last = sa.select(sa.func.max(runs.c.number)).where(runs.c.scenario == scenario)
                number = ((await connection.execute(last)).scalar() or 0) + 1
                row: dict[str, Any] = {
                    "id": new_id(), "scenario": scenario, "number": number, "adapter": f"{scenario}@{number:04}",
                    "parent": parent, "state": "preparing", "words": "", "by": by, "host": host, "dataset": "",
                    "counts": {}, "tries": 0, "stop_asked": False, "created": now(),
                }  # fmt: skip
                new = insert(connection, runs).values(row).on_conflict_do_nothing()
                if (await connection.execute(new)).rowcount == 1:  # else another host took the number
                    return Run(**row, ended=None)

    async def change(self, run_id: str, **values: Any) -> None:
        """Write what has become of a run; every column may be given."""
        await self._database.execute(runs.update().where(runs.c.id == run_id).values(**values))

    async def end(self, run_id: str, state: RunState, words: str) -> None:
        async with self._database.write() as connection:
            await end_run(connection, run_id, state, words)

    async def get(self, run_id: str) -> Run | None:
        """A run by its id, or the name of its adapter."""
        return next(iter(await self._select(sa.or_(runs.c.id == run_id, runs.c.adapter == run_id))), None)

    async def recent(self, scenario: str = "", most: int = 50) -> list[Run]:
        """The newest first; of one scenario, or of all."""
        return await self._select(*([runs.c.scenario == scenario] if scenario else []), most=most)

    async def unfinished(self) -> list[Run]:
        """Runs that somebody is at work on, or was when the process died; the oldest first."""
        return (await self._select(runs.c.state.in_(UNFINISHED)))[::-1]

    async def take_over(self, run: Run, host: str) -> bool:
        """Have a run that its dead host left; False: another one was quicker."""
        mine = runs.update().where(runs.c.id == run.id, runs.c.host == run.host, runs.c.state.in_(UNFINISHED))
        return await self._database.execute(mine.values(host=host)) == 1

    async def ask_to_stop(self, run_id: str) -> None:
        """Whoever is at work on it ends it within seconds."""
        await self.change(run_id, stop_asked=True)

    async def keep_rows(self, run_id: str, stages: Mapping[str, Sequence[str]]) -> None:
        """Note which turns a run trained on, by stage."""
        async with self._database.write() as connection:
            await put_rows(connection, run_id, stages)

    async def rows(self, run_id: str) -> dict[str, list[str]]:
        """The turns that a run trained on, by stage."""
        query = sa.select(run_rows.c.stage, run_rows.c.turn_id).where(run_rows.c.run == run_id)
        found: dict[str, list[str]] = {}
        async with self._database.read() as connection:
            for stage, turn_id in await connection.execute(query.order_by(run_rows.c.stage, run_rows.c.turn_id)):
                found.setdefault(stage, []).append(turn_id)
        return found

    async def _select(self, *conditions: sa.ColumnElement[bool], most: int | None = None) -> list[Run]:
        query = runs.select().where(*conditions).order_by(runs.c.id.desc()).limit(most)
        async with self._database.read() as connection:
            return [Run(**row._mapping) for row in (await connection.execute(query)).all()]


async def end_run(connection: AsyncConnection, run_id: str, state: RunState, words: str) -> None:
    """Close a run, in the caller's transaction."""
    await connection.execute(runs.update().where(runs.c.id == run_id).values(state=state, words=words, ended=now()))


async def put_rows(connection: AsyncConnection, run_id: str, stages: Mapping[str, Sequence[str]]) -> None:
    """Note what a run trained on, in the caller's transaction; a second time changes nothing."""
    await connection.execute(run_rows.delete().where(run_rows.c.run == run_id))
    rows = [
        {"run": run_id, "turn_id": turn_id, "stage": stage}
        for stage, turn_ids in stages.items()
        for turn_id in dict.fromkeys(turn_ids)
    ]
    if rows:
        await connection.execute(run_rows.insert(), rows)
