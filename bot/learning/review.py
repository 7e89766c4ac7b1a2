"""A review: one answer that somebody found wanting, and what reviewers said. `reviews.py` and its parts write it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.database import Moment, metadata, now
from bot.errors import UserError
from bot.learning.feedback import feedback, select_feedback
from bot.learning.flags import Reason, flags, select_flags
from bot.places import Moderator
from bot.request import MessageRef

State = Literal["open", "approved", "edited", "rejected", "withdrawn"]
Decision = Literal["approved", "edited", "rejected"]

reviews = sa.Table(
    "reviews",
    metadata,
    sa.Column("turn_id", sa.String(32), primary_key=True),
    sa.Column("platform", sa.String(32), nullable=False),
    sa.Column("server", sa.String(64), nullable=False),
    sa.Column("scenario", sa.String(32), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("opened", Moment, nullable=False),
    # The better answer that stands to be approved, from the newest report or the first of two reviewers.
    sa.Column("suggestion", sa.Text, nullable=False),
    # Grows with everything that changes what a card shows.
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("claimed_by", sa.String(120), nullable=False),
    sa.Column("claimer", sa.String(120), nullable=False),
    sa.Column("claimed_until", Moment),
    # Who passed it on to the admins, and by what name; "" = nobody.
    sa.Column("escalated_by", sa.String(120), nullable=False, server_default=""),
    sa.Column("escalator", sa.String(120), nullable=False, server_default=""),
    sa.Column("decided_by", sa.String(120), nullable=False),
    sa.Column("decider", sa.String(120), nullable=False),
    sa.Column("decided", Moment),
    sa.Column("correction", sa.Text, nullable=False),
    # The question in a reviewer's words, which train in place of the member's; "" = as it was asked.
    sa.Column("question", sa.Text, nullable=False, server_default=""),
    # The card in the moderators' channel: where it stands, what revision it shows, when to try again.
    sa.Column("card", sa.JSON),
    sa.Column("card_revision", sa.Integer, nullable=False),
    sa.Column("card_after", Moment, nullable=False),
    # The larger, the more is learned from deciding it (bot/learning/priority.py).
    sa.Column("priority", sa.Double, nullable=False, server_default="0"),
    sa.Index("ix_reviews_platform_server_state_opened", "platform", "server", "state", "opened"),
    sa.Index("ix_reviews_state_opened", "state", "opened"),
    sa.Index("ix_reviews_card_after", "card_after", sqlite_where=sa.text("card_revision < revision"),
             postgresql_where=sa.text("card_revision < revision")),
)  # fmt: skip

verdicts = sa.Table(
    "verdicts",
    metadata,
    sa.Column("turn_id", sa.String(32), primary_key=True),
    sa.Column("user", sa.String(120), primary_key=True),
    sa.Column("decision", sa.String(16), nullable=False),
    sa.Column("correction", sa.Text, nullable=False),
    # What the reviewer says is wrong, [] = what was reported.
    sa.Column("reasons", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("created", Moment, nullable=False),
    sa.Index("ix_verdicts_user", "user"),
)

GONE = "That is no longer in the queue: the answer was deleted or the flag was taken back."


@dataclass(frozen=True, slots=True)
class Review:
    """An item. Closed by `decided_by` (`decider` is their name); `correction` is the better answer, "" = none.

    Approved: the flag is right, and `correction` is the suggestion it came with. Edited: `correction` is the
    reviewer's. Rejected: the answer was good. `question` is the question in a reviewer's own words, "" = as it was
    asked. What somebody escalated is for seniors alone. `card` is where the moderators' channel shows it.
    """

    turn_id: str
    platform: str
    server: str
    scenario: str
    state: State
    opened: datetime
    suggestion: str
    revision: int
    claimed_by: str
    claimer: str
    claimed_until: datetime | None
    escalated_by: str
    escalator: str
    decided_by: str
    decider: str
    decided: datetime | None
    correction: str
    question: str
    card: MessageRef | None
    card_revision: int

    @property
    def claimed(self) -> bool:
        return self.claimed_until is not None and self.claimed_until > now()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one reviewer said."""

    turn_id: str
    user: str
    decision: Decision
    correction: str
    reasons: tuple[Reason, ...]
    created: datetime


UNDECIDED = {
    "decided_by": "", "decider": "", "decided": None, "correction": "", "claimed_by": "", "claimer": "",
    "claimed_until": None, "escalated_by": "", "escalator": "",
}  # fmt: skip
"""The columns of a decision, before there is one."""
UNCLAIMED = {"claimed_by": "", "claimer": "", "claimed_until": None}


@dataclass(frozen=True, slots=True)
class Said:
    """One person's complaint about an answer. `reasons` is empty for a thumb."""

    user: str
    reasons: tuple[Reason, ...]
    note: str
    correction: str
    created: datetime


async def find_review(connection: AsyncConnection, turn_id: str, *, lock: bool = False) -> Review | None:
    """The item of a turn; `lock` keeps other hosts off it until the transaction ends."""
    query = reviews.select().where(reviews.c.turn_id == turn_id)
    row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else review_of(row)


async def workable(connection: AsyncConnection, turn_id: str, moderator: Moderator) -> Review:
    """An open item that `moderator` may decide, locked. Raises UserError."""
    item = await covered(connection, turn_id, moderator)
    if item.state != "open":
        raise UserError(f"{item.decider or 'Somebody'} has {item.state} that one already; reopen it to change that.")
    if item.claimed and item.claimed_until is not None and item.claimed_by != moderator.user:
        until = f"{item.claimed_until.astimezone():%H:%M}"
        raise UserError(f"{item.claimer} is looking at that one; it is free again at {until}.")
    if item.escalated_by and not moderator.senior:
        raise UserError(f"{item.escalator} has passed that one on to the admins.")
    if any(said.user == moderator.user for said in await complaints(connection, turn_id)):
        raise UserError("You flagged that answer yourself, so somebody else has to decide.")
    return item


async def covered(connection: AsyncConnection, turn_id: str, moderator: Moderator) -> Review:
    """An item of a server that `moderator` reviews, locked. Raises UserError."""
    item = await find_review(connection, turn_id, lock=True)
    if item is None or item.state == "withdrawn":
        raise UserError(GONE)
    if not moderator.covers(item.platform, item.server):
        raise UserError("Only that server's moderators can do that.")
    return item


async def complaints(connection: AsyncConnection, turn_id: str) -> list[Said]:
    """Flags, and thumbs down that came with a better answer, oldest first."""
    said = [
        Said(flag.user, flag.reasons, flag.note, flag.correction, flag.created)
        for flag in await select_flags(connection, flags.c.turn_id == turn_id)
    ]
    for row in await select_feedback(connection, feedback.c.turn_id == turn_id):
        if row.kind == "thumb" and row.rating == "down" and row.detail.get("correction"):
            said.append(Said(row.user, (), "", str(row.detail["correction"]), row.created))
    return sorted(said, key=lambda one: one.created)


async def verdicts_on(connection: AsyncConnection, turn_id: str) -> list[Verdict]:
    """What each reviewer said, in their order."""
    query = verdicts.select().where(verdicts.c.turn_id == turn_id).order_by(verdicts.c.created)
    return [verdict_of(row) for row in (await connection.execute(query)).all()]


def verdict_of(row: sa.Row[tuple[object, ...]]) -> Verdict:
    """What a reviewer said, from its row."""
    return Verdict(**{**row._mapping, "reasons": tuple(map(Reason, row.reasons))})


def review_of(row: sa.Row[tuple[object, ...]]) -> Review:
    """An item from its row."""
    values = dict(row._mapping)
    del values["card_after"], values["priority"]
    card = values.pop("card")
    at = MessageRef(card["platform"], card["channel"], tuple(card["messages"])) if card else None
    return Review(card=at, **values)
