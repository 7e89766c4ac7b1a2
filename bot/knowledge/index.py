"""The index of one server's passages: which of them answer a question, and how sure that is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bot.knowledge.confidence import SURE, Evidence, confidence
from bot.knowledge.words import TYPO_LENGTH, is_slip, words

Vector = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int32]

K1, B = 1.2, 0.75
LEXICAL = 0.2
"""What a perfect lexical match adds to a cosine. More hurts: users' words are seldom the manual's."""
WHOLE = 0.15
"""What a perfect lexical match with the whole document adds: the words of one question may stand in several places."""
NEAREST = 3
"""A document counts by its best passage and by the mean of this many, half each: one lucky passage is not enough."""
CANDIDATES = 40
SHOWN = (3, 2, 1)
"""Passages shown of the first, second and each further document: the first holds the answer three times in four."""


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
    evidence: Evidence

    @property
    def sure(self) -> bool:
        return self.confidence >= SURE


class Index:
    """Built once for a state of the library, then only read. Entries of one document stand together."""

    def __init__(self, entries: Sequence[Entry], vectors: Vector | None) -> None:
        self._entries = entries
        self._vectors = vectors
        names = {name: number for number, name in enumerate(dict.fromkeys(entry.document for entry in entries))}
        self._documents: Numbers = np.array([names[entry.document] for entry in entries], dtype=np.int32)
        self._count = len(names)
        lengths, self._postings = _postings(entries)
        self._norm = _length_norm(lengths)
        self._document_norm = _length_norm(np.bincount(self._documents, weights=lengths, minlength=self._count))
        self._by_length: dict[tuple[str, int], list[str]] = {}
        for word in self._postings:
            self._by_length.setdefault((word[0], len(word)), []).append(word)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def has_vectors(self) -> bool:
        return self._vectors is not None

    def search(self, question: str, vector: Vector | None, most: int) -> Found:
        """The passages nearest to a question. `vector` [width] is the question's, None without an encoder."""
        if not self._entries:
            return Found((), 0.0, Evidence(None, 0.0, 1.0, 0))
        asked = self.asked(question)
        lexical = self._match(asked)
        cosines = self._vectors @ vector if vector is not None and self._vectors is not None else None
        scores = lexical if cosines is None else cosines + LEXICAL * lexical
        near = self._nearness(scores, cosines, lexical)
        whole = self._document_match(asked)
        ranked = sorted(
            ((document, one + WHOLE * float(whole[document])) for document, one in near), key=lambda one: -one[1]
        )
        best = [document for document, _ in ranked[:3]]
        evidence = Evidence(
            nearness=None if cosines is None else max((score for _, score in near), default=0.0),
            match=float(lexical.max()),
            missing=self._missing(asked, best),
            vocabulary=len(self._postings),
        )
        entries = tuple(
            (self._shown(document, place, scores), score) for place, (document, score) in enumerate(ranked[:most])
        )
        return Found(entries, confidence(evidence), evidence)

    def asked(self, question: str) -> dict[str, str | None]:
        """The question's words and the library's word for each, None for one that it lacks."""
        return {word: self._known(word) for word in words(question)}

    def _known(self, word: str) -> str | None:
        if word in self._postings:
            return word
        if len(word) < TYPO_LENGTH:
            return None
        near = (len(word) - 1, len(word), len(word) + 1)
        alike = (other for size in near for other in self._by_length.get((word[0], size), ()) if is_slip(word, other))
        return next(alike, None)

    def _nearness(self, scores: Vector, cosines: Vector | None, lexical: Vector) -> list[tuple[int, float]]:
        """The most promising documents, each with how near its passages are."""
        best = np.full(self._count, -1.0, dtype=np.float32)
        np.maximum.at(best, self._documents, scores)
        ranked = []
        for document in np.argsort(-best)[:CANDIDATES]:
            own = np.flatnonzero(self._documents == document)
            score = float(lexical[own].max())
            if cosines is not None:
                nearest = np.sort(cosines[own])[::-1][:NEAREST]
                score = float(nearest[0] + nearest.mean()) / 2 + LEXICAL * score
            if score > 0:
                ranked.append((int(document), score))
        return ranked

    def _shown(self, document: int, place: int, scores: Vector) -> Entry:
        """A document's best passages in reading order, as one text under the best one's headings."""
        own = np.flatnonzero(self._documents == document)
        order = own[np.argsort(-scores[own])]
        most = SHOWN[min(place, len(SHOWN) - 1)]
        text, last = "", -1
        for number in sorted(int(number) for number in order[:most]):
            piece = self._entries[number].text
            text = piece if not text else _joined(text, piece) if number == last + 1 else f"{text}\n\n…\n\n{piece}"
            last = number
        best = self._entries[int(order[0])]
        return Entry(best.number, best.document, best.head, text)

    def _match(self, asked: dict[str, str | None]) -> Vector:
        """BM25 of every passage, as a part of what a passage could reach at most."""
        scores = np.zeros(len(self._entries), dtype=np.float32)
        for word in set(filter(None, asked.values())):
            where, times = self._postings[word]
            scores[where] += self._rarity(word) * times / (times + self._norm[where])
        most = sum(self._rarity(known or word) for word, known in asked.items())
        return scores / np.float32(most) if most else scores

    def _document_match(self, asked: dict[str, str | None]) -> Vector:
        """The same for whole documents."""
        scores = np.zeros(self._count, dtype=np.float32)
        most = 0.0
        for known in asked.values():
            where, times = self._postings[known] if known else (self._documents[:0], self._norm[:0])
            counts = np.bincount(self._documents[where], weights=times, minlength=self._count)
            rarity = _rarity(self._count, int((counts > 0).sum()))
            scores += rarity * counts / (counts + self._document_norm)
            most += rarity
        return scores / np.float32(most) if most else scores

    def _missing(self, asked: dict[str, str | None], documents: Sequence[int]) -> float:
        total = missing = 0.0
        for word, known in asked.items():
            rarity = self._rarity(known or word)
            total += rarity
            if known is None or not np.isin(self._documents[self._postings[known][0]], documents).any():
                missing += rarity
        return missing / total if total else 1.0

    def _rarity(self, word: str) -> float:
        return _rarity(len(self._entries), len(self._postings[word][0]) if word in self._postings else 0)


def _rarity(all_of_them: int, many: int) -> float:
    return math.log(1 + (all_of_them - many + 0.5) / (many + 0.5))


def _length_norm(lengths: npt.NDArray[np.number]) -> Vector:
    mean = max(float(lengths.mean()), 1.0) if len(lengths) else 1.0
    return (K1 * (1 - B + B * lengths / mean)).astype(np.float32)


def _postings(entries: Sequence[Entry]) -> tuple[Vector, dict[str, tuple[Numbers, Vector]]]:
    """The passages' lengths in words, and for each word where and how often it stands."""
    lengths = np.zeros(len(entries), dtype=np.float32)
    found: dict[str, list[tuple[int, int]]] = {}
    for number, entry in enumerate(entries):
        count = Counter(words(f"{entry.head}\n{entry.text}"))
        lengths[number] = sum(count.values())
        for word, times in count.items():
            found.setdefault(word, []).append((number, times))
    return lengths, {
        word: (np.array([n for n, _ in rows], dtype=np.int32), np.array([t for _, t in rows], dtype=np.float32))
        for word, rows in found.items()
    }


def _joined(first: str, second: str) -> str:
    """Two passages that follow each other, without what they share."""
    for size in range(min(len(first), len(second)), 20, -1):
        if first.endswith(second[:size]):
            return first + second[size:]
    return f"{first}\n\n{second}"
