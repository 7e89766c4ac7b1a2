"""The registry: adapters that passed, and which of them is in service. Owner of the tables `adapters` and `service`."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.database import CHUNK, Database, Moment, insert, metadata, now
from bot.errors import UserError
from bot.learning.runs import end_run, put_rows, run_rows, runs

KEEP = 5
"""So many adapters of a scenario stay on disk."""
adapters = sa.Table(
    "adapters",
    metadata,
    sa.Column("name", sa.String(120), primary_key=True),
    sa.Column("scenario", sa.String(32), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("run", sa.String(32), nullable=False),
    sa.Column("parent", sa.String(120), nullable=False),
    # The checkpoint it was trained on, and the sha256 of its weights.
    sa.Column("base", sa.String(400), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("created", Moment, nullable=False),
    # When somebody had a turn forgotten that it was trained on; when its files were deleted.
    sa.Column("forgotten", Moment),
    sa.Column("retired", Moment),
    sa.Index("ix_adapters_scenario_number", "scenario", "number"),
)

service = sa.Table(
    "service",
    metadata,
    sa.Column("scenario", sa.String(32), primary_key=True),
    sa.Column("adapter", sa.String(120), nullable=False),
    # What was in service before, the last one at the end; "" is the bare model.
    sa.Column("previous", sa.JSON, nullable=False),
    sa.Column("canary", sa.String(120), nullable=False),
    sa.Column("share", sa.Integer, nullable=False),
    sa.Column("canary_since", Moment),
    sa.Column("since", Moment, nullable=False),
    # Grows with every change, so that a process sees that there was one.
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("by", sa.String(120), nullable=False),
)


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter that may serve. Its weights never change under this name."""

    name: str
    scenario: str
    number: int
    run: str
    parent: str
    base: str
    digest: str
    created: datetime
    forgotten: datetime | None = None
    retired: datetime | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """What answers in a scenario: `adapter` ("" = the bare model), and `canary` for `share` percent of its people.

    `words` and `by` say why and by whom it was changed last.
    """

    scenario: str
    adapter: str
    previous: tuple[str, ...]
    canary: str
    share: int
    canary_since: datetime | None
    since: datetime
    revision: int
    words: str
    by: str

    def adapter_for(self, user: str) -> str:
        """A person stays on one side for as long as the canary is the same."""
        return self.canary if self.canary and bucket(self.canary, self.scenario, user) < self.share else self.adapter

    @property
    def names(self) -> tuple[str, ...]:
        """The adapters that answer now."""
        return tuple(name for name in (self.adapter, self.canary) if name)


def bucket(salt: str, scenario: str, user: str) -> int:
    """0 to 99, the same for a person as long as `salt` is."""
    return int(hashlib.sha256(f"{salt}:{scenario}:{user}".encode()).hexdigest()[:8], 16) % 100


class Registry:
    """The pointer and the adapters it may point to. Every change is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def services(self) -> list[Service]:
        """What is in service, a row a scenario that ever had an adapter."""
        return await self._database.query(_services)

    async def service(self, scenario: str) -> Service | None:
        return next((one for one in await self.services() if one.scenario == scenario), None)

    async def get(self, name: str) -> Adapter | None:
        return next(iter(await self._select(adapters.c.name == name)), None)

    async def adapters(self, scenario: str = "") -> list[Adapter]:
        """The newest first; of one scenario, or of all."""
        return await self._select(*([adapters.c.scenario == scenario] if scenario else []))

    async def promote(
        self, adapter: Adapter, stages: Mapping[str, Sequence[str]], *, words: str, by: str, share: int = 0
    ) -> Service:
        """Put an adapter, whose files are in place, into service: for everybody, or as canary for `share` percent.

        The adapter, what it was trained on, the end of its run and the pointer change together or not at all.
        """
        async with self._database.write() as connection:
            await connection.execute(insert(connection, adapters).values(_row(adapter)).on_conflict_do_nothing())
            here = adapters.update().where(adapters.c.name == adapter.name)
            await connection.execute(here.values(retired=None))
            if stages:
                await put_rows(connection, adapter.run, stages)
            await end_run(connection, adapter.run, "promoted", words)
            before = await _locked(connection, adapter.scenario)
            return await _put(connection, _promoted(before, adapter, share), words, by)

    async def end_canary(self, scenario: str, *, keep: bool, words: str, by: str) -> Service:
        """Give the canary to everybody, or to nobody. Raises UserError when there is none."""
        async with self._database.write() as connection:
            before = await _locked(connection, scenario)
            if not before.canary:
                raise UserError(f"/{scenario} has no adapter on trial.")
            if not keep:
                await _mark_rolled_back(connection, before.canary, words)
            adapter = before.canary if keep else before.adapter
            previous = (*before.previous, before.adapter) if keep else before.previous
            return await _put(connection, _changed(before, adapter=adapter, previous=previous), words, by)

    async def rollback(self, scenario: str, *, words: str, by: str) -> Service:
        """Bring back what served before; a canary goes first, and alone. Raises UserError when there is nothing."""
        async with self._database.write() as connection:
            before = await _locked(connection, scenario)
            if before.canary:
                await _mark_rolled_back(connection, before.canary, words)
                return await _put(connection, _changed(before), words, by)
            if not before.previous:
                raise UserError(
                    f"/{scenario} is answered by the model as it came; there is nothing to roll back to."
                    if not before.adapter
                    else f"Nothing is known of what answered /{scenario} before {before.adapter}."
                )
            await _mark_rolled_back(connection, before.adapter, words)
            after = _changed(before, adapter=before.previous[-1], previous=before.previous[:-1])
            return await _put(connection, after, words, by)

    async def learned(self, scenario: str) -> set[str]:
        """The turns that the adapter in service was trained on."""
        query = (
            sa.select(run_rows.c.turn_id).distinct()
            .join(adapters, adapters.c.run == run_rows.c.run)
            .join(service, service.c.adapter == adapters.c.name)
            .where(service.c.scenario == scenario)
        )  # fmt: skip
        async with self._database.read() as connection:
            return set((await connection.execute(query)).scalars().all())

    async def trained_on(self, turn_ids: Collection[str]) -> dict[str, list[str]]:
        """By turn, the adapters that saw it in training, those never promoted among them; the oldest first."""
        found: dict[str, list[str]] = {}
        ids = list(turn_ids)
        async with self._database.read() as connection:
            for start in range(0, len(ids), CHUNK):
                query = (
                    sa.select(run_rows.c.turn_id, runs.c.adapter).distinct()
                    .join(runs, runs.c.id == run_rows.c.run)
                    .where(run_rows.c.turn_id.in_(ids[start : start + CHUNK]))
                    .order_by(runs.c.adapter)
                )  # fmt: skip
                for turn_id, name in await connection.execute(query):
                    found.setdefault(turn_id, []).append(name)
        return found

    async def mark_forgotten(self, turn_ids: Collection[str]) -> list[str]:
        """Mark the adapters that saw one of these turns, as somebody had it forgotten. Returns their names."""
        names = sorted({name for names in (await self.trained_on(turn_ids)).values() for name in names})
        mine = adapters.update().where(adapters.c.name.in_(names), adapters.c.forgotten.is_(None))
        await self._database.execute(mine.values(forgotten=now()))
        return names

    async def retire(self, scenario: str) -> list[Adapter]:
        """Note that all but the last KEEP adapters, and those in service, are deleted; returns these."""
        async with self._database.write() as connection:
            if await self._never(connection, scenario):
                return []
            row = await _locked(connection, scenario)
            query = adapters.select().where(adapters.c.scenario == scenario, adapters.c.retired.is_(None))
            kept = [_adapter(one) for one in await connection.execute(query.order_by(adapters.c.number.desc()))]
            spare = [one for one in kept[KEEP:] if one.name not in (*row.names, *row.previous[-1:])]
            names = [one.name for one in spare]
            await connection.execute(adapters.update().where(adapters.c.name.in_(names)).values(retired=now()))
            if names:
                previous = tuple(name for name in row.previous if name not in names)
                await connection.execute(
                    service.update().where(service.c.scenario == scenario).values(previous=list(previous))
                )
        return spare

    async def _never(self, connection: AsyncConnection, scenario: str) -> bool:
        """Whether a scenario never had an adapter."""
        query = sa.select(service.c.scenario).where(service.c.scenario == scenario)
        return (await connection.execute(query)).first() is None

    async def _select(self, *conditions: sa.ColumnElement[bool]) -> list[Adapter]:
        query = adapters.select().where(*conditions).order_by(adapters.c.created.desc(), adapters.c.number.desc())
        async with self._database.read() as connection:
            return [_adapter(row) for row in (await connection.execute(query)).all()]


def _services(connection: sa.Connection) -> list[Service]:
    return [_service(row) for row in connection.execute(service.select().order_by(service.c.scenario))]


def _service(row: sa.Row[tuple[object, ...]]) -> Service:
    return Service(**{**row._mapping, "previous": tuple(row.previous)})


def _adapter(row: sa.Row[tuple[object, ...]]) -> Adapter:
    return Adapter(**row._mapping)


def _row(adapter: Adapter) -> dict[str, object]:
    return {name: getattr(adapter, name) for name in adapters.columns.keys()}  # noqa: SIM118 - a column collection


async def _locked(connection: AsyncConnection, scenario: str) -> Service:
    """A scenario's row, made if there is none, with other hosts kept off it until the transaction ends."""
    empty = {
        "scenario": scenario, "adapter": "", "previous": [], "canary": "", "share": 0, "canary_since": None,
        "since": now(), "revision": 0, "words": "", "by": "",
    }  # fmt: skip
    await connection.execute(insert(connection, service).values(empty).on_conflict_do_nothing())
    query = service.select().where(service.c.scenario == scenario).with_for_update()
    return _service((await connection.execute(query)).one())


def _changed(before: Service, *, adapter: str | None = None, previous: tuple[str, ...] | None = None) -> Service:
    """Another adapter in service, if one is given, and no canary."""
    return Service(
        scenario=before.scenario, adapter=before.adapter if adapter is None else adapter,
        previous=before.previous if previous is None else previous[-KEEP:], canary="", share=0, canary_since=None,
        since=before.since if adapter is None else now(), revision=before.revision, words="", by="",
    )  # fmt: skip


def _promoted(before: Service, adapter: Adapter, share: int) -> Service:
    if before.adapter == adapter.name:
        raise UserError(f"{adapter.name} is in service already.")
    if 0 < share < 100:
        return Service(
            scenario=before.scenario, adapter=before.adapter, previous=before.previous, canary=adapter.name,
            share=share, canary_since=now(), since=before.since, revision=before.revision, words="", by="",
        )  # fmt: skip
    return _changed(before, adapter=adapter.name, previous=(*before.previous, before.adapter))


async def _put(connection: AsyncConnection, after: Service, words: str, by: str) -> Service:
    row = {
        "adapter": after.adapter, "previous": list(after.previous), "canary": after.canary, "share": after.share,
        "canary_since": after.canary_since, "since": after.since, "revision": after.revision + 1, "words": words,
        "by": by,
    }  # fmt: skip
    mine = service.c.scenario == after.scenario
    await connection.execute(service.update().where(mine).values(**row))
    return _service((await connection.execute(service.select().where(mine))).one())


async def _mark_rolled_back(connection: AsyncConnection, name: str, words: str) -> None:
    run = sa.select(adapters.c.run).where(adapters.c.name == name)
    await connection.execute(
        runs.update().where(runs.c.id == run.scalar_subquery()).values(state="rolled_back", words=words)
    )
