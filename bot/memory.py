"""Memory: what a conversation and a person's facts bring into the next turn. Owner of `conversations` and `facts`."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

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
        return await self._database.transact(open_conversation, request)

    async def find(self, user: str, place: Place) -> Conversation | None:
        return await self._database.query(find_conversation, user, place)

    async def get(self, conversation_id: str) -> Conversation | None:
        return await self._database.query(_conversation_of, _BY_ID, {"id": conversation_id})

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
        return await self._database.query(recall_from, conversation_id, tokens, before)

    async def rename(self, conversation_id: str, title: str) -> None:
        await self._update(conversation_id, title=one_line(title, 120))

    async def reset(self, conversation: Conversation) -> None:
        """Start afresh: what was said stays in the log and no longer comes into a turn."""
        last = sa.select(sa.func.coalesce(sa.func.max(turns.c.number), 0))
        last = last.where(turns.c.conversation == conversation.id)
        await self._update(conversation.id, since=last.scalar_subquery(), summary="", summarised=0)

    async def fold(self, conversation_id: str, summary: str, before: str, older: Sequence[Exchange]) -> bool:
        """Keep a summary that was made of the one `before` and of `older`, oldest first.

        It is not kept where some of that was taken back, changed or left behind meanwhile. Returns whether it was.
        """
        return await self._database.transact(_fold, conversation_id, summary, before, older)

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
        await self._database.transact(_learn, user, place, one_line(text, 300))

    async def facts(self, user: str, place: Place) -> list[Fact]:
        return await self._database.query(facts_of, user, place)

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

    async def purge(self, platform: str, server: str) -> None:
        """Delete everything said in a guild or workspace that the bot has left, and the facts told there."""
        async with self._database.write() as connection:
            for table in (turns, conversations):
                await connection.execute(table.delete().where(table.c.platform == platform, table.c.server == server))
            theirs = facts.c.user.startswith(f"{platform}:", autoescape=True)
            await connection.execute(facts.delete().where(theirs, facts.c.server == server))

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


_BY_ID = conversations.select().where(conversations.c.id == sa.bindparam("id"))
_AT = (
    conversations.c.user == sa.bindparam("at_user"),
    conversations.c.platform == sa.bindparam("at_platform"),
    conversations.c.server == sa.bindparam("at_server"),
    conversations.c.channel == sa.bindparam("at_channel"),
    conversations.c.thread == sa.bindparam("at_thread"),
)
_BY_PLACE = conversations.select().where(*_AT)
_USED = conversations.update().where(*_AT).values(updated=sa.bindparam("moment")).returning(*conversations.columns)
_RECENT = (
    sa.select(turns.c.number, turns.c.id, turns.c.scenario, turns.c.question, turns.c.answer)
    .where(
        turns.c.conversation == sa.bindparam("conversation"),
        turns.c.number > sa.bindparam("after"),
        turns.c.number < sa.bindparam("before"),
        turns.c.remembered,
    )
    .order_by(turns.c.number.desc())
    .limit(RECENT)
)
_OF_TURNS = (
    sa.select(turns.c.number, turns.c.id, turns.c.scenario, turns.c.question, turns.c.answer)
    .where(turns.c.id.in_(sa.bindparam("ids", expanding=True)), turns.c.remembered)
    .order_by(turns.c.number)
)
_FACTS = (
    sa.select(facts.c.number, facts.c.text, facts.c.created)
    .where(
        facts.c.user == sa.bindparam("user"),
        facts.c.server == sa.bindparam("server"),
        facts.c.channel == sa.bindparam("channel"),
    )
    .order_by(facts.c.number)
)
_LAST_NUMBER = 2**62


def find_conversation(connection: sa.Connection, user: str, place: Place) -> Conversation | None:
    """The conversation of `user` at `place`, if there is one."""
    return _conversation_of(connection, _BY_PLACE, _at(user, place))


def open_conversation(connection: sa.Connection, request: Request) -> Conversation:
    """Inside the caller's transaction: the request's conversation, made if there is none, marked as just used."""
    moment, place = now(), request.place
    found = _conversation_of(connection, _USED, {**_at(request.user, place), "moment": moment})
    if found is not None:
        return found
    row = {
        "id": secrets.token_hex(12), "user": request.user, "platform": place.platform, "server": place.server,
        "channel": place.channel, "thread": place.thread, "title": one_line(request.text, 60), "summary": "",
        "summarised": 0, "since": 0, "created": moment, "updated": moment,
    }  # fmt: skip
    connection.execute(conversations.insert(), row)
    return Conversation(
        str(row["id"]), place, request.user, str(row["title"]), summary="", summarised=0, since=0,
        created=moment, updated=moment,
    )  # fmt: skip


def recall_from(connection: sa.Connection, conversation_id: str, tokens: int, before: int | None = None) -> Recall:
    """`Memory.recall` on a connection of the caller's."""
    conversation = _conversation_of(connection, _BY_ID, {"id": conversation_id})
    if conversation is None:
        return Recall()  # deleted while its turn stood in the line
    exchanges = _recent_exchanges(connection, conversation, before)
    known = facts_of(connection, conversation.user, conversation.place)
    return compose(conversation, exchanges, known, tokens)


def _recent_exchanges(connection: sa.Connection, conversation: Conversation, before: int | None) -> list[Exchange]:
    """The newest remembered turns behind the summary and the last reset, newest first."""
    after = max(conversation.since, conversation.summarised)
    limits = {"conversation": conversation.id, "after": after, "before": _LAST_NUMBER if before is None else before}
    return [Exchange(*row) for row in connection.execute(_RECENT, limits)]


def _fold(
    connection: sa.Connection, conversation_id: str, summary: str, before: str, older: Sequence[Exchange]
) -> bool:
    # Locked, so that whoever takes back a turn just now waits, and then finds it in the summary; the turns first,
    # as those who delete do.
    ids = {"ids": [exchange.turn_id for exchange in older]}
    as_they_are = [Exchange(*row) for row in connection.execute(_OF_TURNS.with_for_update(), ids)]
    conversation = _conversation_of(connection, _BY_ID.with_for_update(), {"id": conversation_id})
    if conversation is None or conversation.summary != before or conversation.since >= older[0].number:
        return False
    if as_they_are != list(older):
        return False
    values = {"summary": summary, "summarised": older[-1].number}
    connection.execute(conversations.update().where(conversations.c.id == conversation_id).values(**values))
    return True


def facts_of(connection: sa.Connection, user: str, place: Place) -> list[Fact]:
    """What a person asked to have remembered in a channel, oldest first."""
    where = {"user": user, "server": place.server, "channel": place.channel}
    return [Fact(*row) for row in connection.execute(_FACTS, where)]


def _learn(connection: sa.Connection, user: str, place: Place, text: str) -> None:
    known = facts_of(connection, user, place)
    if not any(fact.text.casefold() == text.casefold() for fact in known):
        values = {"user": user, "server": place.server, "channel": place.channel, "text": text, "created": now()}
        connection.execute(facts.insert(), values)


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


def _at(user: str, place: Place) -> dict[str, str]:
    return {
        "at_user": user, "at_platform": place.platform, "at_server": place.server, "at_channel": place.channel,
        "at_thread": place.thread,
    }  # fmt: skip


def _conversation_of(
    connection: sa.Connection, statement: sa.Executable, parameters: Mapping[str, object]
) -> Conversation | None:
    row = connection.execute(statement, parameters).one_or_none()
    return None if row is None else _conversation(row)


def _conversation(row: sa.Row[tuple[object, ...]]) -> Conversation:
    values = dict(row._mapping)
    place = Place(*(str(values.pop(key)) for key in ("platform", "server", "channel", "thread")))
    return Conversation(place=place, **values)
