"""Flags: a member's or moderator's mark on a bad answer, one a person and turn. Owner of the table `flags`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.database import Database, Moment, insert, metadata, now
from bot.errors import UserError
from bot.learning.redaction import redact

flags = sa.Table(
    "flags",
    metadata,
    sa.Column("turn_id", sa.String(32), primary_key=True),
    sa.Column("user", sa.String(120), primary_key=True),
    sa.Column("reasons", sa.JSON, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("correction", sa.Text, nullable=False),
    sa.Column("created", Moment, nullable=False),
    sa.Index("ix_flags_user", "user"),
)

NOTE_CHARACTERS = 1000
CORRECTION_CHARACTERS = 4000


class Reason(StrEnum):
    """What is wrong with an answer."""

    WRONG_FACT = "wrong_fact"
    WRONG_LANGUAGE = "wrong_language"
    OFF_TASK = "off_task"
    HARMFUL = "harmful"
    PERSONAL_DATA = "personal_data"
    STYLE = "style"
    SPAM = "spam"
    OTHER = "other"

    @property
    def label(self) -> str:
        """ "wrong fact", as shown."""
        return self.value.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Report:
    """What somebody says is wrong, and what the answer should have been ("" = they do not say)."""

    reasons: tuple[Reason, ...]
    note: str = ""
    correction: str = ""

    @classmethod
    def parse(cls, value: str) -> Report:
        """A press's value: what `value_of` made, or typed words: "wrong fact, style: it is two, not three".

        Typed words that begin with no reason are a note. Raises UserError.
        """
        if value.lstrip().startswith("{"):
            return _of_json(value)
        head, _, note = value.partition(":")
        reasons = _reasons(head.split(","))
        if not reasons:
            note = value
        if not reasons and not note.strip():
            raise UserError(
                f"Say what is wrong with the answer, for example: {', '.join(one.label for one in Reason)}."
            )
        return _report(reasons or (Reason.OTHER,), note, "")

    @property
    def value(self) -> str:
        """The report as a press's value, for adapters that ask in a form."""
        return json.dumps(
            {"reasons": list(self.reasons), "note": self.note, "correction": self.correction}, ensure_ascii=False
        )


@dataclass(frozen=True, slots=True)
class Flag:
    """A report as kept."""

    turn_id: str
    user: str
    reasons: tuple[Reason, ...]
    note: str
    correction: str
    created: datetime


class Flags:
    """Who flagged what. New ones come in through `bot.learning.reviews`, which opens an item for them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_turn(self, turn_id: str) -> list[Flag]:
        async with self._database.read() as connection:
            return await select_flags(connection, flags.c.turn_id == turn_id)

    async def of_user(self, user: str) -> list[Flag]:
        async with self._database.read() as connection:
            return await select_flags(connection, flags.c.user == user)

    async def forget(self, turn_ids: Sequence[str]) -> None:
        """Delete all flags on some turns."""
        async with self._database.write() as connection:
            await forget_flags(connection, flags.c.turn_id.in_(turn_ids))


async def put_flag(connection: AsyncConnection, turn_id: str, user: str, report: Report) -> bool:
    """Keep a flag in the caller's transaction; a person's second one replaces the first. Returns whether it is new."""
    mine = (flags.c.turn_id == turn_id, flags.c.user == user)
    row = {
        "turn_id": turn_id, "user": user, "reasons": list(report.reasons), "note": report.note,
        "correction": report.correction, "created": now(),
    }  # fmt: skip
    if (await connection.execute(insert(connection, flags).values(row).on_conflict_do_nothing())).rowcount == 1:
        return True
    await connection.execute(flags.update().where(*mine).values(row))
    return False


def add_flags(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Add whole rows in the caller's transaction; who has flagged a turn already is left at that."""
    if rows:
        connection.execute(insert(connection, flags).on_conflict_do_nothing(), list(rows))


async def forget_flags(connection: AsyncConnection, *conditions: sa.ColumnElement[bool]) -> None:
    """Delete flags, in the caller's transaction."""
    await connection.execute(flags.delete().where(*conditions))


async def select_flags(connection: AsyncConnection, *conditions: sa.ColumnElement[bool]) -> list[Flag]:
    """Flags on a connection of the caller's, oldest first."""
    rows = (await connection.execute(flags.select().where(*conditions).order_by(flags.c.created))).all()
    return [Flag(**{**row._mapping, "reasons": tuple(map(Reason, row.reasons))}) for row in rows]


def _of_json(value: str) -> Report:
    try:
        said = json.loads(value)
        reasons, note, correction = said.get("reasons", []), said.get("note", ""), said.get("correction", "")
        if not all(isinstance(one, str) for one in (*reasons, note, correction)):
            raise TypeError("reasons, note and correction are texts")
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError("That form came in damaged; please flag the answer again.") from error
    return _report(_reasons(reasons) or (Reason.OTHER,), note, correction)


def _reasons(words: Sequence[str]) -> tuple[Reason, ...]:
    """The reasons that `words` name, none if one of them names none."""
    named = [word.strip().lower().replace(" ", "_").replace("-", "_") for word in words]
    known = list(Reason)
    return tuple(dict.fromkeys(map(Reason, named))) if named and all(name in known for name in named) else ()


def _report(reasons: tuple[Reason, ...], note: str, correction: str) -> Report:
    note, correction = redact(note.strip()).text, redact(correction.strip()).text
    return Report(reasons, note[:NOTE_CHARACTERS], correction[:CORRECTION_CHARACTERS])
