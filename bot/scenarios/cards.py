"""Review cards: what a person wants to keep from practice, asked again when due. Owner of the table `cards`."""

from __future__ import annotations

import csv
import hashlib
import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import fsrs
import sqlalchemy as sa

from bot.database import Database, Moment, metadata
from bot.database import now as utc_now
from bot.turns import new_id

cards = sa.Table(
    "cards",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("user", sa.String(120), nullable=False),
    sa.Column("subject", sa.String(64), nullable=False),
    sa.Column("front", sa.Text, nullable=False),
    sa.Column("back", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    # A digest of the normalised front: the same mistake made twice is one card.
    sa.Column("digest", sa.String(32), nullable=False),
    sa.Column("turn", sa.String(32), nullable=False),
    sa.Column("memory", sa.JSON, nullable=False),
    sa.Column("reviews", sa.Integer, nullable=False),
    sa.Column("due", Moment, nullable=False),
    sa.Column("created", Moment, nullable=False),
    sa.UniqueConstraint("user", "subject", "digest"),
    sa.Index("ix_cards_user_due", "user", "due"),
    sa.Index("ix_cards_turn", "turn"),
)

RATINGS = {
    "again": fsrs.Rating.Again,
    "hard": fsrs.Rating.Hard,
    "good": fsrs.Rating.Good,
    "easy": fsrs.Rating.Easy,
}
# Fuzz spreads decks of thousands over days; a small deck is better off with the exact day.
SCHEDULER = fsrs.Scheduler(enable_fuzzing=False)
COLUMNS = ("front", "back", "why", "subject")


@dataclass(frozen=True, slots=True)
class Card:
    """A card as kept. `memory` is the FSRS state, `reviews` how often it was rated."""

    id: str
    user: str
    subject: str
    front: str
    back: str
    why: str
    turn: str
    memory: dict[str, Any]
    reviews: int
    due: datetime
    created: datetime

    def rated(self, rating: str, now: datetime) -> tuple[dict[str, Any], datetime]:
        """The FSRS state and the due time that `rating` (again, hard, good, easy) would lead to."""
        state, _log = SCHEDULER.review_card(fsrs.Card.from_dict(self.memory), RATINGS[rating], now)
        return dict(state.to_dict()), state.due


class Cards:
    """Each person's cards."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, user: str, front: str, back: str, *, why: str = "", subject: str = "", turn: str = "") -> bool:
        """Keep a card. False when there is one with the same front (letter case, accents' form and spaces aside)."""
        moment = utc_now()
        card_id = new_id()
        row = {
            "id": card_id, "user": user, "subject": subject[:64], "front": front, "back": back, "why": why,
            "digest": digest(front), "turn": turn, "memory": new_memory(moment), "reviews": 0, "due": moment,
            "created": moment,
        }  # fmt: skip
        same = sa.select(cards.c.id).where(
            cards.c.user == user, cards.c.subject == row["subject"], cards.c.digest == row["digest"]
        )
        async with self._database.write() as connection:
            if (await connection.execute(same)).first() is not None:
                return False
            await connection.execute(cards.insert().values(row))
        return True

    async def get(self, user: str, card_id: str) -> Card | None:
        return next(iter(await self._select(cards.c.user == user, cards.c.id == card_id)), None)

    async def due(
        self, user: str, now: datetime, *, subject: str = "", but: str = "", most: int = 20
    ) -> Sequence[Card]:
        """Cards to be asked at `now`, the longest overdue first; `but` is the id of one to leave out."""
        conditions = [cards.c.user == user, cards.c.due <= now, cards.c.id != but]
        if subject:
            conditions.append(sa.func.lower(cards.c.subject) == subject.lower())
        return await self._select(*conditions, order=cards.c.due, most=most)

    async def rate(self, user: str, card_id: str, rating: str, *, reviews: int | None = None) -> Card | None:
        """Rate an answer and move the card to its next day. None when there is no such card.

        `reviews`: how often the card had been rated when it was shown; a button pressed twice then counts once.
        """
        now = utc_now()
        async with self._database.write() as connection:
            query = cards.select().where(cards.c.user == user, cards.c.id == card_id).with_for_update()
            found = (await connection.execute(query)).one_or_none()
            if found is None:
                return None
            card = _card(found)
            if reviews is not None and card.reviews != reviews:
                return card
            memory, due = card.rated(rating, now)
            values = {"memory": memory, "due": due, "reviews": card.reviews + 1}
            await connection.execute(cards.update().where(cards.c.id == card_id).values(values))
        return await self.get(user, card_id)

    async def list(self, user: str, subject: str = "") -> Sequence[Card]:
        """A person's cards, the oldest first."""
        conditions = [cards.c.user == user]
        if subject:
            conditions.append(sa.func.lower(cards.c.subject) == subject.lower())
        return await self._select(*conditions, order=cards.c.id)

    async def remove(self, user: str, card_id: str) -> bool:
        """Remove one of a person's cards. False when there is no such card."""
        return await self._delete(cards.c.user == user, cards.c.id == card_id) > 0

    async def remove_turn(self, turn_id: str) -> int:
        """Remove what a turn left, as it is taken back. Returns how many cards."""
        return await self._delete(cards.c.turn == turn_id)

    async def forget(self, user: str) -> int:
        """Remove all of a person's cards. Returns how many."""
        return await self._delete(cards.c.user == user)

    async def _delete(self, *conditions: sa.ColumnElement[bool]) -> int:
        async with self._database.write() as connection:
            return (await connection.execute(cards.delete().where(*conditions))).rowcount

    async def _select(
        self, *conditions: sa.ColumnElement[bool], order: sa.ColumnElement[Any] = cards.c.id, most: int | None = None
    ) -> Sequence[Card]:
        query = cards.select().where(*conditions).order_by(order, cards.c.id).limit(most)
        async with self._database.read() as connection:
            return [_card(row) for row in (await connection.execute(query)).all()]


def export_csv(deck: Sequence[Card]) -> bytes:
    """The cards as a CSV file with a header row; spreadsheets know UTF-8 by its mark."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow((*COLUMNS, "due"))
    for card in deck:
        writer.writerow((card.front, card.back, card.why, card.subject, f"{card.due:%Y-%m-%d}"))
    return out.getvalue().encode("utf-8-sig")


def export_anki(deck: Sequence[Card]) -> bytes:
    """The cards as a text file for Anki's File > Import; the subject becomes the tag."""
    out = io.StringIO()
    out.write("#separator:tab\n#html:false\n#columns:Front\tBack\tWhy\tTags\n#tags column:4\n")
    # Every field is quoted: a line that began with # would be taken for a comment.
    writer = csv.writer(out, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_ALL)
    for card in deck:
        writer.writerow((card.front, card.back, card.why, "-".join(card.subject.split())))
    return out.getvalue().encode()


def digest(front: str) -> str:
    """What two fronts have in common that differ only in case, spaces or the form of their accents."""
    plain = " ".join(unicodedata.normalize("NFKC", front).casefold().split()).rstrip(".!? ")
    return hashlib.sha256(plain.encode()).hexdigest()[:32]


def new_memory(moment: datetime) -> dict[str, Any]:
    """The FSRS state of a card never seen. The id is given because the library would sleep to find one."""
    return dict(fsrs.Card(card_id=0, due=moment).to_dict())


def _card(row: sa.Row[Any]) -> Card:
    values = dict(row._mapping)
    del values["digest"]
    return Card(**values)
