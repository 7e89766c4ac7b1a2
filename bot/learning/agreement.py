"""Agreement: whether corrected answers say the same as the corrections of the nearest questions."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bot.learning.clusters import ASKING, plain, telling

Matrix = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

NEAREST, MOST = 3, 1000
"""So many of the nearest are asked for, among the first so many statements: each is compared with each."""
NEAR = 0.25
"""Questions that are less alike than this say nothing of each other."""
SAME = 0.5
"""From more than this part of shared words on, two answers say the same."""
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
_NAME = re.compile(r"(?<=\s)[^\W\d_a-z][^\W_]*|\w*\d\w*")
_KINDS = (
    ("who", re.compile(r"\b(?:who|whom|whose|which person|name the person)\b")),
    ("when", re.compile(r"\b(?:when|(?:what|which) (?:time|hour|day|year|date|month))\b")),
    ("where", re.compile(r"\b(?:where|(?:what|which) (?:city|town|place|country))\b")),
    ("how", re.compile(r"\bhow (?:much|many|long|old|far|big|fast|soon|expensive|often)\b")),
)
OTHER_SUBJECT, OTHER_KIND = 0.3, 0.6
"""What nearness is worth between questions that each name something the other does not; that ask who, and when."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What somebody says is the right answer to a question."""

    id: str
    question: str
    answer: str
    author: str


class Said:
    """Statements side by side. Matrices are [statements, statements], each from 0 to 1, their diagonals empty."""

    def __init__(self, statements: Sequence[Statement]) -> None:
        self.statements = statements
        self.asked = [telling(one.question) for one in statements]
        self.told = [telling(one.answer) for one in statements]
        self._plain = [frozenset(plain(one.question)) for one in statements]
        self._names = [names(one.question) for one in statements]
        self.counts = Counter(word for found in self.asked for word in found)
        put = [frozenset(word for word in found if word.isalpha()) for found in self.told]
        self.comparable = self._comparable()
        self.by_question = self._emptied(_alike(self.asked))
        self.by_answer = self._emptied(_alike(put))

    def __len__(self) -> int:
        return len(self.statements)

    def near(self, frame: float) -> Matrix:
        """How near they are; `frame` is what the way an answer is put counts beside its question."""
        return np.asarray((1 - frame) * self.by_question + frame * self.by_answer)

    def other_subject(self, one: int, other: int) -> bool:
        """Whether each question names something that the other does not."""
        return bool(self._names[one] - self._plain[other] and self._names[other] - self._plain[one])

    def same(self, one: int, other: int) -> bool:
        """Whether two answers state the same, beyond what their questions hold."""
        first, second = self.statements[one], self.statements[other]
        given = set(_NUMBER.findall(f"{first.question} {second.question}"))
        numbers = [set(_NUMBER.findall(answer)) - given for answer in (first.answer, second.answer)]
        if all(numbers):
            return numbers[0] <= numbers[1] or numbers[1] <= numbers[0]
        asked = self.asked[one] | self.asked[other]
        said = [self.told[one] - asked, self.told[other] - asked]
        if not all(said):
            return True
        return len(said[0] & said[1]) > SAME * min(map(len, said))

    def agreeing(self) -> Flags:
        """Which say the same, each pair compared once."""
        agree = np.zeros((len(self), len(self)), dtype=bool)
        for one in range(len(self)):
            for other in range(one):
                agree[one, other] = agree[other, one] = self.same(one, other)
        return agree

    def _comparable(self) -> Matrix:
        kinds = [_kind(one.question) for one in self.statements]
        found = np.ones((len(self), len(self)))
        for one in range(len(self)):
            for other in range(one):
                worth = OTHER_SUBJECT if self.other_subject(one, other) else 1.0
                if kinds[one] and kinds[other] and kinds[one] != kinds[other]:
                    worth *= OTHER_KIND
                found[one, other] = found[other, one] = worth
        return found

    def _emptied(self, alike: Matrix) -> Matrix:
        found = np.asarray(alike * self.comparable)
        np.fill_diagonal(found, 0.0)
        return found


def backing(statements: Sequence[Statement]) -> dict[str, tuple[str, ...]]:
    """For each statement, which of the nearest ones say the same, the nearest first."""
    found: dict[str, tuple[str, ...]] = {one.id: () for one in statements}
    statements = statements[:MOST]
    said = Said(statements)
    nearness = said.near(0.3)
    for at, one in enumerate(statements):
        order = [int(other) for other in np.argsort(-nearness[at], kind="stable")[:NEAREST]]
        found[one.id] = tuple(
            statements[other].id for other in order
            if other != at and nearness[at, other] >= NEAR and said.same(at, other)
        )  # fmt: skip
    return found


def same(one: Statement, other: Statement) -> bool:
    """Whether two answers state the same, beyond what their questions hold."""
    return Said((one, other)).same(0, 1)


def names(question: str) -> frozenset[str]:
    """What a question names: words with a capital inside it, and those with digits."""
    return frozenset(name.lower() for name in _NAME.findall(question))


def weight(word: str, count: int, total: int) -> float:
    """What a word tells: rare ones more, those that only ask, half."""
    return (0.5 if word in ASKING else 1.0) * math.log(1 + total / count)


def _alike(sets: Sequence[frozenset[str]]) -> Matrix:
    """The cosine of each two, by the words' weights."""
    counts = Counter(word for found in sets for word in found)
    places = {word: at for at, word in enumerate(sorted(counts))}
    matrix = np.zeros((len(sets), len(places) + 1))
    for row, found in enumerate(sets):
        for word in found:
            matrix[row, places[word]] = weight(word, counts[word], len(sets))
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True) + 1e-9
    return np.asarray(matrix @ matrix.T)


def _kind(question: str) -> str:
    lowered = question.lower()
    return next((kind for kind, pattern in _KINDS if pattern.search(lowered)), "")
