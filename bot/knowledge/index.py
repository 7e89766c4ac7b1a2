"""The index of one server's passages: which of them answer a question, and how sure that is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bot.knowledge.words import words

Vector = npt.NDArray[np.float32]

K1, B = 1.2, 0.75
LEXICAL = 0.1
"""What the best BM25 score adds to a cosine. More hurts: users' words are seldom the manual's."""
SECOND = 0.2
"""What a document's second best passage adds to its best."""
SURE = 0.58
"""From this confidence on, a question is answered."""

# Logistic regression on 142 answerable and 141 unanswerable questions about the Debian Administrator's Handbook,
# written for this in users' words: best cosine, and the part of the question's words, weighted by rarity, that one
# of the three nearest passages holds. At SURE: answers 0.89, abstains 0.94; ten-fold AUC 0.97. `tests/knowledge`.
W_COSINE, W_COVERAGE, W_ONE = 17.6, 4.91, -8.57
# Without vectors there is only the coverage; this much of it counts as SURE.
COVERAGE_ALONE = 0.75


@dataclass(frozen=True, slots=True)
class Entry:
    """A passage as indexed. `head` is its document's title and headings."""

    number: int
    document: str
    head: str
    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """The best passages, each of another document, and the confidence (0 to 1) that they answer."""

    entries: tuple[tuple[Entry, float], ...]
    confidence: float

    @property
    def sure(self) -> bool:
        return self.confidence >= SURE


class Index:
    """Built once for a state of the library, then only read."""

    def __init__(self, entries: Sequence[Entry], vectors: Vector | None) -> None:
        self._entries = entries
        self._vectors = vectors
        counts = [Counter(words(f"{entry.head}\n{entry.text}")) for entry in entries]
        self._terms = [frozenset(count) for count in counts]
        lengths = np.array([sum(count.values()) for count in counts], dtype=np.float32)
        self._norm = K1 * (1 - B + B * lengths / max(float(lengths.mean()) if len(counts) else 1.0, 1.0))
        postings: dict[str, list[tuple[int, int]]] = {}
        for number, count in enumerate(counts):
            for word, times in count.items():
                postings.setdefault(word, []).append((number, times))
        self._postings = {
            word: (np.array([n for n, _ in rows], dtype=np.int32), np.array([t for _, t in rows], dtype=np.float32))
            for word, rows in postings.items()
        }

    def __len__(self) -> int:
        return len(self._entries)

    def search(self, question: str, vector: Vector | None, most: int) -> Found:
        """The passages nearest to a question. `vector` [width] is the question's, None without an encoder."""
        if not self._entries:
            return Found((), 0.0)
        asked = set(words(question))
        lexical = self._bm25(asked)
        best = float(lexical.max())
        scores = LEXICAL * lexical / best if best > 0 else lexical
        cosines = None
        if vector is not None and self._vectors is not None:
            cosines = self._vectors @ vector
            scores = scores + cosines
        order = np.argsort(-(scores if cosines is None else cosines))[:3]
        coverage = max(self._coverage(asked, int(number)) for number in order)
        confidence = _confidence(None if cosines is None else float(cosines.max()), coverage)
        return Found(self._by_document(scores, most), confidence)

    def _by_document(self, scores: Vector, most: int) -> tuple[tuple[Entry, float], ...]:
        """Documents by their best passage, with a little for the second best."""
        own: dict[str, list[int]] = {}
        for number in np.argsort(-scores)[: max(200, 20 * most)]:
            own.setdefault(self._entries[number].document, []).append(int(number))
        ranked = []
        for numbers in own.values():
            first = float(scores[numbers[0]])
            second = float(scores[numbers[1]]) if len(numbers) > 1 else 0.8 * first
            ranked.append((first + SECOND * second, numbers[0]))
        ranked.sort(reverse=True)
        return tuple((self._entries[number], score / (1 + SECOND)) for score, number in ranked[:most])

    def _bm25(self, asked: set[str]) -> Vector:
        scores = np.zeros(len(self._entries), dtype=np.float32)
        for word in asked:
            if word in self._postings:
                where, times = self._postings[word]
                scores[where] += self._rarity(word) * times * (K1 + 1) / (times + self._norm[where])
        return scores

    def _coverage(self, asked: set[str], number: int) -> float:
        """The part of the question, weighted by rarity, whose words a passage holds."""
        total = sum(self._rarity(word) for word in asked)
        held = sum(self._rarity(word) for word in asked if word in self._terms[number])
        return held / total if total else 0.0

    def _rarity(self, word: str) -> float:
        many = len(self._postings[word][0]) if word in self._postings else 0
        return math.log(1 + (len(self._entries) - many + 0.5) / (many + 0.5))


def _confidence(cosine: float | None, coverage: float) -> float:
    if cosine is None:
        return min(1.0, SURE * coverage / COVERAGE_ALONE)
    return 1 / (1 + math.exp(-(W_COSINE * cosine + W_COVERAGE * coverage + W_ONE)))
