"""Turns: every question and answer with the prompt exactly as sent. Owner of the table `turns`."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from bot.database import Database, Moment, insert, metadata, now
from bot.request import MessageRef, Place, Request

State = Literal["running", "done", "stopped", "failed", "broken", "undone"]

turns = sa.Table(
    "turns",
    metadata,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(32), nullable=False, unique=True),
    sa.Column("conversation", sa.String(32), nullable=False),
    sa.Column("host", sa.String(32), nullable=False),
    sa.Column("user", sa.String(120), nullable=False),
    sa.Column("platform", sa.String(32), nullable=False),
    sa.Column("server", sa.String(64), nullable=False),
    sa.Column("channel", sa.String(64), nullable=False),
    sa.Column("thread", sa.String(64), nullable=False),
    sa.Column("scenario", sa.String(32), nullable=False),
    sa.Column("options", sa.JSON, nullable=False),
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("prompt", sa.JSON, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("action", sa.String(16), nullable=False),
    sa.Column("sources", sa.JSON, nullable=False),
    sa.Column("buttons", sa.JSON, nullable=False),
    sa.Column("notes", sa.JSON, nullable=False),
    sa.Column("model", sa.String(120), nullable=False),
    sa.Column("adapter", sa.String(120), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("prompt_tokens", sa.Integer, nullable=False),
    sa.Column("tokens", sa.Integer, nullable=False),
    sa.Column("ttft", sa.Float),
    sa.Column("seconds", sa.Float, nullable=False),
    # The mean logarithm of the answer's tokens' probabilities, where the engine tells it.
    sa.Column("logprob", sa.Float),
    sa.Column("created", Moment, nullable=False),
    sa.Column("message", sa.JSON),
    # "" = nothing to send or sent; else the ledger's word for where the answer is on its way (bot/delivery.py).
    sa.Column("delivery", sa.String(16), nullable=False),
    sa.Column("delivery_tries", sa.Integer, nullable=False),
    # A retry is a version of the turn it repeats; only the version chosen last is remembered.
    sa.Column("version_of", sa.String(32), nullable=False),
    sa.Column("remembered", sa.Boolean, nullable=False),
    # The platform's id of the message, command or press that asked.
    sa.Column("asked", sa.String(140), nullable=False),
    sa.Index("ix_turns_conversation_number", "conversation", "number"),
    sa.Index("ix_turns_user_number", "user", "number"),
    sa.Index("ix_turns_version_of", "version_of"),
    sa.Index("ix_turns_created", "created"),
    sa.Index("ix_turns_asked", "asked"),
    sa.Index(
        "ix_turns_delivery",
        "delivery",
        sqlite_where=sa.text("delivery <> ''"),
        postgresql_where=sa.text("delivery <> ''"),
    ),
)


@dataclass(frozen=True, slots=True)
class TurnRow:
    """A stored turn. `prompt` is a list of prompts, each a list of messages as sent.

    `buttons` and `notes` are those shown with the answer, so that it can be shown again.
    """

    number: int
    id: str
    conversation: str
    host: str
    user: str
    platform: str
    server: str
    channel: str
    thread: str
    scenario: str
    options: dict[str, str]
    question: str
    prompt: list[list[dict[str, str]]]
    answer: str
    action: str
    sources: list[dict[str, Any]]
    buttons: list[dict[str, Any]]
    notes: list[str]
    model: str
    adapter: str
    state: State
    error: str
    prompt_tokens: int
    tokens: int
    ttft: float | None
    seconds: float
    logprob: float | None
    created: datetime
    message: dict[str, Any] | None
    delivery: str
    delivery_tries: int
    version_of: str
    remembered: bool
    asked: str

    @property
    def place(self) -> Place:
        return Place(self.platform, self.server, self.channel, self.thread)

    @property
    def standing(self) -> MessageRef | None:
        """Where the answer stands."""
        if not self.message:
            return None
        return MessageRef(self.message["platform"], self.message["channel"], tuple(self.message["messages"]))


def new_id() -> str:
    """A turn's id: sortable by time, not guessable."""
    return f"{int(time.time() * 1000):011x}{secrets.token_hex(6)}"


class Turns:
    """The log of turns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def finish(self, turn_id: str, **values: Any) -> None:
        """Write the outcome of a turn; every column of the table may be given."""
        await self._database.transact(_finish, turn_id, values)

    async def get(self, turn_id: str) -> TurnRow | None:
        return next(iter(await self._select(turns.c.id == turn_id)), None)

    async def versions(self, turn_id: str) -> list[TurnRow]:
        """All versions of a turn, the first one first; `turn_id` is that of any of them."""
        row = await self.get(turn_id)
        if row is None:
            return []
        first = row.version_of or row.id
        return await self._select(sa.or_(turns.c.id == first, turns.c.version_of == first))

    async def asked_with(self, platform: str, message: str) -> TurnRow | None:
        """The turn that a platform's message asked for; of several, that of its last wording."""
        rows = await self._select(turns.c.asked == message, turns.c.platform == platform, newest=True, most=1)
        return next(iter(rows), None)

    async def recent(self, conversation: str, after: int = 0, most: int = 50) -> list[TurnRow]:
        """The remembered turns of a conversation behind turn number `after`, newest first."""
        return await self._select(
            turns.c.conversation == conversation, turns.c.number > after, turns.c.remembered, newest=True, most=most
        )

    async def of_conversation(self, conversation: str, most: int = 200) -> list[TurnRow]:
        """All turns of a conversation that are shown again when it is opened, oldest first."""
        rows = await self._select(turns.c.conversation == conversation, newest=True, most=most)
        return rows[::-1]

    async def of_user(self, user: str) -> list[TurnRow]:
        """Every turn of a person, oldest first."""
        return await self._select(turns.c.user == user)

    async def ids_in(self, conversation: str) -> list[str]:
        """The ids of every turn of a conversation."""
        query = sa.select(turns.c.id).where(turns.c.conversation == conversation)
        async with self._database.read() as connection:
            return list((await connection.execute(query)).scalars().all())

    async def of_server(self, platform: str, server: str) -> list[str]:
        """The ids of every turn of a guild or workspace."""
        query = sa.select(turns.c.id).where(turns.c.platform == platform, turns.c.server == server)
        async with self._database.read() as connection:
            return list((await connection.execute(query)).scalars().all())

    async def people_of(self, platform: str, server: str) -> list[str]:
        """Everybody who asked something in a guild or workspace."""
        query = sa.select(turns.c.user).where(turns.c.platform == platform, turns.c.server == server).distinct()
        async with self._database.read() as connection:
            return list((await connection.execute(query)).scalars().all())

    async def remember(self, turn_id: str, remembered: bool) -> None:
        """Make a turn part of its conversation's history, or take it out."""
        await self.finish(turn_id, remembered=remembered)

    async def on_their_way(self, platform: str) -> list[TurnRow]:
        """Turns of a platform whose answer nobody is sending, though somebody should, oldest first."""
        return await self._select(
            turns.c.delivery.in_(["pending", "unsure"]), turns.c.platform == platform, turns.c.state != "undone"
        )

    async def take_delivery(self, turn_id: str, mine: str) -> bool:
        """Begin to send an answer that nobody is sending; False where another host was faster."""
        due = turns.update().where(turns.c.id == turn_id, turns.c.delivery.in_(["pending", "unsure"]))
        taken = due.values(delivery="sending", delivery_tries=turns.c.delivery_tries + 1, host=mine)
        return await self._database.execute(taken) == 1

    async def take_over(self, hosts: list[str], mine: str) -> None:
        """What dead hosts were sending is `mine` to send again."""
        taken = turns.update().where(turns.c.delivery == "sending", turns.c.host.in_(hosts))
        await self._database.execute(taken.values(delivery="unsure", host=mine))

    async def break_off(self, hosts: list[str]) -> int:
        """Mark as broken what dead hosts left running. Returns how many turns there were."""
        ended = turns.update().where(turns.c.state == "running", turns.c.host.in_(hosts))
        return await self._database.execute(ended.values(state="broken", error="the bot ended before this turn did"))

    async def forget(self, *conditions: sa.ColumnElement[bool]) -> int:
        """Delete turns for good. Returns how many."""
        return await self._database.execute(turns.delete().where(*conditions))

    async def expired(self, days: int, *, imported: bool = False) -> list[str]:
        """The ids of turns older than `days`: of those that people had here, or of those that were imported."""
        query = sa.select(turns.c.id).where(*_older(days, imported))
        async with self._database.read() as connection:
            return list((await connection.execute(query)).scalars().all())

    async def sweep(self, days: int, *, imported: bool = False) -> int:
        """Delete the turns that `expired` names. Returns how many."""
        return await self.forget(*_older(days, imported))

    async def _select(
        self, *conditions: sa.ColumnElement[bool], newest: bool = False, most: int | None = None
    ) -> list[TurnRow]:
        query = turns.select().where(*conditions)
        query = query.order_by(turns.c.number.desc() if newest else turns.c.number).limit(most)
        return await self._database.query(_rows, query)


def _older(days: int, imported: bool) -> tuple[sa.ColumnElement[bool], ...]:
    source = turns.c.platform == "import" if imported else turns.c.platform != "import"
    return source, turns.c.created < now() - timedelta(days=days), turns.c.state != "running"


_FINISH = turns.update().where(turns.c.id == sa.bindparam("turn_id"))


def _finish(connection: sa.Connection, turn_id: str, values: dict[str, Any]) -> None:
    connection.execute(_FINISH, {"turn_id": turn_id, **values})


def _rows(connection: sa.Connection, query: sa.Select[Any]) -> list[TurnRow]:
    return [TurnRow(**row._mapping) for row in connection.execute(query)]


def add_turns(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> set[str]:
    """Add whole rows in the caller's transaction. Returns the ids of those that were not there yet."""
    ids = [row["id"] for row in rows]
    there = set(connection.execute(sa.select(turns.c.id).where(turns.c.id.in_(ids))).scalars())
    if rows:
        connection.execute(insert(connection, turns).on_conflict_do_nothing(), list(rows))
    return set(ids) - there


def begin_turn(
    connection: sa.Connection, turn_id: str, request: Request, *, conversation: str, host: str, scenario: str,
    options: dict[str, str], question: str, version_of: str = "",
) -> None:  # fmt: skip
    """Inside the caller's transaction: write down that a turn runs, before anything is asked of the model."""
    place = request.place
    row = {
        "id": turn_id, "conversation": conversation, "host": host, "user": request.user, "platform": place.platform,
        "server": place.server, "channel": place.channel, "thread": place.thread, "scenario": scenario,
        "options": options, "question": question, "prompt": [], "answer": "", "action": "answer", "sources": [],
        "buttons": [], "notes": [],
        "model": "", "adapter": "", "state": "running", "error": "", "prompt_tokens": 0, "tokens": 0, "seconds": 0.0,
        "created": now(), "version_of": version_of, "remembered": False, "delivery": "", "delivery_tries": 0,
        "asked": request.edit_of or request.id,
    }  # fmt: skip
    connection.execute(turns.insert(), row)
