"""Instant corrections: an approved answer helps with the next question like it at once, until an adapter knows it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import sqlalchemy as sa

from bot.database import Database
from bot.learning.agreement import names
from bot.learning.clusters import near, plain, shingles, telling
from bot.learning.redaction import redact
from bot.learning.registry import Registry
from bot.learning.review import reviews
from bot.request import Request
from bot.safety import MASK
from bot.turn import Correction
from bot.turns import turns

MAX_AGE = 10.0
"""Seconds after which approvals by other hosts, and what adapters have learned, count here."""
MOST_KEPT = 5000
MOST_LENT = 2
LIKE = 0.62
"""How like two questions have to be, from 0 to 1, for the answer of one to help with the other."""
SAME = 0.75
MOST_CHARACTERS = 1200
OPEN = frozenset({"web", "console"})
"""The owner's own platforms, which share what was approved there."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A correction in the index."""

    turn_id: str
    user: str
    platform: str
    server: str
    question: str
    text: str
    words: frozenset[str]
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Index:
    """The corrections of one scenario, by the words of their questions, and when they were read (monotonic)."""

    known: tuple[_Known, ...]
    by_word: dict[str, list[int]]
    read: float


class InstantCorrections:
    """Looks corrections up. Reads cost no statement while what was read is younger than MAX_AGE seconds."""

    def __init__(self, database: Database, registry: Registry) -> None:
        self._database = database
        self._registry = registry
        self._indexes: dict[str, _Index] = {}
        self._changes = 0

    def changed(self) -> None:
        """Something was reviewed: read anew."""
        self._indexes.clear()
        self._changes += 1

    async def near(self, scenario: str, request: Request, question: str) -> tuple[Correction, ...]:
        """The approved answers to the questions most like this one that may be told here, the best one last."""
        index = self._indexes.get(scenario)
        if index is None or time.monotonic() - index.read > MAX_AGE:
            changes = self._changes
            index = await self._load(scenario)
            if changes == self._changes:  # else a review overtook this read, which may lack it
                self._indexes[scenario] = index
        asked = telling(question)
        if not asked or not index.known:
            return ()
        said = frozenset(plain(question))
        found: dict[str, tuple[float, _Known]] = {}
        for at in {at for word in asked for at in index.by_word.get(word, ())}:
            one = index.known[at]
            other_subject = bool(one.names - said and asked - one.words)
            if _may_be_told(one, request) and not other_subject:
                score = _likeness(asked, one.words, index)
                if score < LIKE and near(shingles(question), shingles(one.question)):
                    score = LIKE
                if score >= LIKE and score > found.get(one.text, (0.0, one))[0]:
                    found[one.text] = (score, one)
        best = sorted(found.values(), key=lambda pair: (-pair[0], pair[1].turn_id))[:MOST_LENT]
        return tuple(
            Correction(one.turn_id, one.question, one.text, same=score >= SAME) for score, one in reversed(best)
        )

    async def _load(self, scenario: str) -> _Index:
        moment = time.monotonic()
        query = (
            sa.select(turns.c.id, turns.c.user, turns.c.platform, turns.c.server, turns.c.question,
                      reviews.c.question.label("asked"), reviews.c.correction)
            .join(reviews, reviews.c.turn_id == turns.c.id)
            .where(reviews.c.scenario == scenario, reviews.c.state.in_(("approved", "edited")),
                   reviews.c.correction != "", turns.c.state != "undone")
            .order_by(reviews.c.decided.desc(), turns.c.id).limit(MOST_KEPT)
        )  # fmt: skip
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        learned = await self._registry.learned(scenario) if rows else set()
        known = []
        for row in rows:
            question, text = redact(row.asked or row.question).text, redact(row.correction).text
            fits = len(text) <= MOST_CHARACTERS and len(question) <= MOST_CHARACTERS and MASK not in question + text
            if row.id not in learned and fits:
                known.append(
                    _Known(
                        row.id, row.user, row.platform, row.server, question, text, telling(question), names(question)
                    )
                )
        by_word: dict[str, list[int]] = {}
        for at, one in enumerate(known):
            for word in one.words:
                by_word.setdefault(word, []).append(at)
        return _Index(tuple(known), by_word, moment)


def _may_be_told(one: _Known, request: Request) -> bool:
    """What was approved on a server helps there, what the owner imported everywhere, a private talk its person."""
    place = request.place
    if one.platform == "import" or one.user == request.user:
        return True
    if one.server:
        return (one.platform, one.server) == (place.platform, place.server)
    return one.platform in OPEN and place.platform in OPEN


def _likeness(asked: frozenset[str], known: frozenset[str], index: _Index) -> float:
    """The cosine of two questions, rare words weighing more."""
    total = len(index.known) + 1

    def weight(word: str) -> float:
        return math.log(1 + total / (1 + len(index.by_word.get(word, ())))) ** 2

    shared = sum(weight(word) for word in asked & known)
    lengths = sum(map(weight, asked)) * sum(map(weight, known))
    return shared / math.sqrt(lengths) if lengths else 0.0
