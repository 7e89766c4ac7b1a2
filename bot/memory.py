"""Memory: what a conversation and a person's facts bring into the next turn. Owner of `conversations` and `facts`."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.database import Database, Moment, metadata, now
from bot.request import Place, Request, one_line
from bot.turns import turns
from models.engine import Message

conversations = sa.Table(
    "conversations",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("user", sa.String(120), nullable=False),
    sa.Column("platform", sa.String(32), nullable=False),
    sa.Column("server", sa.String(64), nullable=False),
    sa.Column("channel", sa.String(64), nullable=False),
    sa.Column("thread", sa.String(64), nullable=False),
    sa.Column("title", sa.String(120), nullable=False),
    sa.Column("summary", sa.Text, nullable=False),
    # Turns up to this number are in the summary; up to `since` they were left behind by /reset.
    sa.Column("summarised", sa.BigInteger, nullable=False),
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("created", Moment, nullable=False),
    sa.Column("updated", Moment, nullable=False),
    sa.UniqueConstraint("user", "platform", "server", "channel", "thread"),
    sa.Index("ix_conversations_user_updated", "user", "updated"),
)

facts = sa.Table(
    "facts",
    metadata,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("user", sa.String(120), nullable=False),
    # A fact told in one channel is not spoken of in another: others read along there.
    sa.Column("server", sa.String(64), nullable=False),
    sa.Column("channel", sa.String(64), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("created", Moment, nullable=False),
    sa.Index("ix_facts_user_server_channel", "user", "server", "channel"),
)

RECENT = 50
"""At most so many turns are looked at for the verbatim part."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One person's thread of turns in one place."""

    id: str
    place: Place
    user: str
    title: str
    summary: str
    summarised: int
    since: int
    created: datetime
    updated: datetime


@dataclass(frozen=True, slots=True)
class Fact:
    """What a person asked to have remembered."""

    number: int
    text: str
    created: datetime


@dataclass(frozen=True, slots=True)
class Exchange:
    """A remembered turn, as far as the history needs it."""

    number: int
    turn_id: str
    scenario: str
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Recall:
    """What memory gives to a turn. `older` are turns that fit no more and are in no summary yet, oldest first."""

    history: tuple[Message, ...] = ()
    summary: str = ""
    facts: tuple[str, ...] = ()
    last: Exchange | None = None
    older: tuple[Exchange, ...] = ()


def estimate_tokens(text: str) -> int:
    """A little more tokens than `text` will have: 3 bytes a token suits English and is safe for other scripts."""
    return len(text.encode()) // 3 + 4


class Memory:
    """Conversations and facts, each person's own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def conversation(self, request: Request) -> Conversation:
        """The conversation that a request belongs to, made if there is none."""
        found = await self.find(request.user, request.place)
        if found is not None:
            return found
        async with self._database.write() as connection:
            return await open_conversation(connection, request)

    async def find(self, user: str, place: Place) -> Conversation | None:
        async with self._database.read() as connection:
            return await find_conversation(connection, user, place)

    async def get(self, conversation_id: str) -> Conversation | None:
        async with self._database.read() as connection:
            return await _select_one(connection, conversations.c.id == conversation_id)

    async def conversations(self, user: str, most: int = 100) -> list[Conversation]:
        """A person's conversations, the last used first."""
        query = conversations.select().where(conversations.c.user == user)
        query = query.order_by(conversations.c.updated.desc()).limit(most)
        async with self._database.read() as connection:
            return [_conversation(row) for row in (await connection.execute(query)).all()]

    async def recall(self, conversation_id: str, tokens: int, before: int | None = None) -> Recall:
        """What is remembered in a conversation, its verbatim part within `tokens`.

        `before`: the number of a turn; it and later ones are left out, as when that turn is tried again.
        """
        async with self._database.read() as connection:
            return await recall_from(connection, conversation_id, tokens, before)

    async def rename(self, conversation_id: str, title: str) -> None:
        await self._update(conversation_id, title=one_line(title, 120))

    async def reset(self, conversation: Conversation) -> None:
        """Start afresh: what was said stays in the log and no longer comes into a turn."""
        last = sa.select(sa.func.coalesce(sa.func.max(turns.c.number), 0))
        last = last.where(turns.c.conversation == conversation.id)
        await self._update(conversation.id, since=last.scalar_subquery(), summary="", summarised=0)

    async def fold(self, conversation_id: str, summary: str, through: int) -> None:
        """Keep a new summary that covers the turns up to number `through`."""
        await self._update(conversation_id, summary=summary, summarised=through)

    async def unfold(self, conversation_id: str) -> None:
        """Drop a summary, as something that went into it was taken back. The turns are folded anew."""
        await self._update(conversation_id, summary="", summarised=0)

    async def delete(self, conversation_id: str) -> None:
        """Delete a conversation and its turns for good."""
        async with self._database.write() as connection:
            await connection.execute(turns.delete().where(turns.c.conversation == conversation_id))
            await connection.execute(conversations.delete().where(conversations.c.id == conversation_id))

    async def learn(self, user: str, place: Place, text: str) -> None:
        """Remember a fact; the same words are kept once."""
        text = one_line(text, 300)
        async with self._database.write() as connection:
            known = await facts_of(connection, user, place)
            if any(fact.text.casefold() == text.casefold() for fact in known):
                return
            values = {"user": user, "server": place.server, "channel": place.channel, "text": text, "created": now()}
            await connection.execute(facts.insert().values(values))

    async def facts(self, user: str, place: Place) -> list[Fact]:
        async with self._database.read() as connection:
            return await facts_of(connection, user, place)

    async def all_facts(self, user: str) -> list[Fact]:
        """A person's facts in all places, for their export."""
        async with self._database.read() as connection:
            rows = (await connection.execute(facts.select().where(facts.c.user == user))).all()
        return [Fact(row.number, row.text, row.created) for row in rows]

    async def forget_facts(self, user: str, place: Place, matching: str = "") -> int:
        """Forget facts that hold `matching` in this place, all of them when it is empty. Returns how many."""
        conditions = [facts.c.user == user, facts.c.server == place.server, facts.c.channel == place.channel]
        if matching:
            conditions.append(sa.func.lower(facts.c.text).contains(matching.lower(), autoescape=True))
        async with self._database.write() as connection:
            return (await connection.execute(facts.delete().where(*conditions))).rowcount

    async def forget_user(self, user: str) -> int:
        """Delete everything a person said or was told, everywhere. Returns the number of turns."""
        async with self._database.write() as connection:
            count = (await connection.execute(turns.delete().where(turns.c.user == user))).rowcount
            await connection.execute(conversations.delete().where(conversations.c.user == user))
            await connection.execute(facts.delete().where(facts.c.user == user))
        return count

    async def sweep(self) -> int:
        """Delete conversations without turns. Returns how many."""
        empty = ~sa.exists().where(turns.c.conversation == conversations.c.id)
        async with self._database.write() as connection:
            return (await connection.execute(conversations.delete().where(empty))).rowcount

    async def _update(self, conversation_id: str, **values: object) -> None:
        async with self._database.write() as connection:
            await connection.execute(
                conversations.update().where(conversations.c.id == conversation_id).values(**values)
            )


async def find_conversation(connection: AsyncConnection, user: str, place: Place) -> Conversation | None:
    """The conversation of `user` at `place`, if there is one."""
    return await _select_one(
        connection,
        conversations.c.user == user,
        conversations.c.platform == place.platform,
        conversations.c.server == place.server,
        conversations.c.channel == place.channel,
        conversations.c.thread == place.thread,
    )


async def open_conversation(connection: AsyncConnection, request: Request) -> Conversation:
    """Inside the caller's transaction: the request's conversation, made if there is none, marked as just used."""
    found = await find_conversation(connection, request.user, request.place)
    moment = now()
    if found is not None:
        used = conversations.update().where(conversations.c.id == found.id).values(updated=moment)
        await connection.execute(used)
        return replace(found, updated=moment)
    place = request.place
    row = {
        "id": secrets.token_hex(12), "user": request.user, "platform": place.platform, "server": place.server,
        "channel": place.channel, "thread": place.thread, "title": one_line(request.text, 60), "summary": "",
        "summarised": 0, "since": 0, "created": moment, "updated": moment,
    }  # fmt: skip
    await connection.execute(conversations.insert().values(row))
    return Conversation(
        str(row["id"]), place, request.user, str(row["title"]), summary="", summarised=0, since=0,
        created=moment, updated=moment,
    )  # fmt: skip


async def recall_from(
    connection: AsyncConnection, conversation_id: str, tokens: int, before: int | None = None
) -> Recall:
    """`Memory.recall` on a connection of the caller's."""
    conversation = await _select_one(connection, conversations.c.id == conversation_id)
    if conversation is None:
        return Recall()  # deleted while its turn stood in the line
    exchanges = await _recent_exchanges(connection, conversation, before)
    known = await facts_of(connection, conversation.user, conversation.place)
    return compose(conversation, exchanges, known, tokens)


async def _recent_exchanges(
    connection: AsyncConnection, conversation: Conversation, before: int | None
) -> list[Exchange]:
    """The newest remembered turns behind the summary and the last reset, newest first."""
    query = sa.select(turns.c.number, turns.c.id, turns.c.scenario, turns.c.question, turns.c.answer)
    query = query.where(
        turns.c.conversation == conversation.id,
        turns.c.number > max(conversation.since, conversation.summarised),
        turns.c.remembered,
    )
    if before is not None:
        query = query.where(turns.c.number < before)
    rows = await connection.execute(query.order_by(turns.c.number.desc()).limit(RECENT))
    return [Exchange(*row) for row in rows.all()]


async def facts_of(connection: AsyncConnection, user: str, place: Place) -> list[Fact]:
    """What a person asked to have remembered in a channel, oldest first."""
    query = facts.select().where(facts.c.user == user, facts.c.server == place.server, facts.c.channel == place.channel)
    rows = (await connection.execute(query.order_by(facts.c.number))).all()
    return [Fact(row.number, row.text, row.created) for row in rows]


def compose(conversation: Conversation, exchanges: Sequence[Exchange], known: Sequence[Fact], tokens: int) -> Recall:
    """Fit the newest exchanges into `tokens`; the last one always comes, cut if it must be."""
    left = tokens - estimate_tokens(conversation.summary) - sum(estimate_tokens(fact.text) for fact in known)
    kept: list[Exchange] = []
    for exchange in exchanges:
        cost = estimate_tokens(exchange.question) + estimate_tokens(exchange.answer)
        if cost > left and kept:
            break
        if cost > left:
            exchange = replace(
                exchange, question=_cut(exchange.question, left // 2), answer=_cut(exchange.answer, left // 2)
            )
        kept.append(exchange)
        left -= cost
    history: list[Message] = []
    for exchange in reversed(kept):
        history += [Message("user", exchange.question), Message("assistant", exchange.answer)]
    return Recall(
        history=tuple(history),
        summary=conversation.summary,
        facts=tuple(fact.text for fact in known),
        last=exchanges[0] if exchanges else None,
        older=tuple(reversed(exchanges[len(kept) :])),
    )


def _cut(text: str, tokens: int) -> str:
    room = max(tokens * 3, 60)
    data = text.encode()
    return text if len(data) <= room else data[:room].decode(errors="ignore") + " …"


async def _select_one(connection: AsyncConnection, *conditions: sa.ColumnElement[bool]) -> Conversation | None:
    row = (await connection.execute(conversations.select().where(*conditions))).one_or_none()
    return None if row is None else _conversation(row)


def _conversation(row: sa.Row[tuple[object, ...]]) -> Conversation:
    values = dict(row._mapping)
    place = Place(*(str(values.pop(key)) for key in ("platform", "server", "channel", "thread")))
    return Conversation(place=place, **values)
