"""Agreement: whether corrected answers say the same as the corrections of the nearest questions."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bot.learning.clusters import ASKING, telling

Matrix = npt.NDArray[np.float64]

NEAREST = 3
FRAME = 0.3
"""How much the way an answer is put counts beside its question: "It costs 9" is like "It costs 12"."""
NEAR = 0.25
"""Questions that are less alike than this say nothing of each other."""
SAME = 0.5
"""From more than this part of shared words on, two answers say the same."""
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")


@dataclass(frozen=True, slots=True)
class Statement:
    """What somebody says is the right answer to a question."""

    id: str
    question: str
    answer: str
    author: str


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Of a statement: the part of its nearest ones that say something else (weighed by nearness; None = there are
    none near), and those that say the same, the nearest first."""

    contested: float | None
    same: tuple[str, ...]


def neighbours(statements: Sequence[Statement]) -> dict[str, Neighbours]:
    """Each statement beside the nearest others."""
    if not statements:
        return {}
    nearness = _nearness(statements)
    return {one.id: _neighbours(at, nearness[at], statements) for at, one in enumerate(statements)}


def same(one: Statement, other: Statement) -> bool:
    """Whether two answers state the same, beyond what their questions hold."""
    asked = telling(one.question) | telling(other.question)
    given = set(_NUMBER.findall(f"{one.question} {other.question}"))
    numbers = [set(_NUMBER.findall(answer)) - given for answer in (one.answer, other.answer)]
    if all(numbers):
        return not numbers[0].isdisjoint(numbers[1])
    said = [telling(answer) - asked for answer in (one.answer, other.answer)]
    if not all(said):
        return True
    return len(said[0] & said[1]) > SAME * min(map(len, said))


def _neighbours(at: int, nearness: Matrix, statements: Sequence[Statement]) -> Neighbours:
    order = [int(other) for other in np.argsort(-nearness, kind="stable")[:NEAREST] if nearness[other] >= NEAR]
    weights = [float(nearness[other]) ** 2 for other in order]
    agreeing = [same(statements[at], statements[other]) for other in order]
    against = sum(weight for weight, agrees in zip(weights, agreeing, strict=True) if not agrees)
    found = tuple(statements[other].id for other, agrees in zip(order, agreeing, strict=True) if agrees)
    return Neighbours(against / sum(weights) if weights else None, found)


def _nearness(statements: Sequence[Statement]) -> Matrix:
    """How near each is to each, from 0 to 1; -1 to itself."""
    asked = _vectors([telling(one.question) for one in statements])
    put = _vectors([frozenset(word for word in telling(one.answer) if word.isalpha()) for one in statements])
    nearness: Matrix = (1 - FRAME) * (asked @ asked.T) + FRAME * (put @ put.T)
    np.fill_diagonal(nearness, -1.0)
    return nearness


def _vectors(sets: Sequence[frozenset[str]]) -> Matrix:
    """Rows of length 1, rare words weighing more and those that only ask, less."""
    counts = Counter(word for found in sets for word in found)
    places = {word: at for at, word in enumerate(sorted(counts))}
    matrix = np.zeros((len(sets), len(places) + 1))
    for row, found in enumerate(sets):
        for word in found:
            weight = 0.5 if word in ASKING else 1.0
            matrix[row, places[word]] = weight * math.log(1 + len(sets) / counts[word])
    return np.asarray(matrix / (np.linalg.norm(matrix, axis=1, keepdims=True) + 1e-9))
