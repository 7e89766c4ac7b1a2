"""Clusters: questions that are nearly the same, so that none is trained on and asked in a test."""

from __future__ import annotations

import math
import re
import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping

from bot.knowledge.words import UNSPACED, words

NEAR = 0.8
"""From this part of shared words and pairs of words on, two questions are one; so are those that tell the same."""
_WORD = re.compile(r"[^\W_]+")


_COURTESY = re.compile(
    r"\b(?:(?:can|could|would|will) you (?:please )?)?(?:please )?(?:tell|remind) me[,:]?|\bdo you know\b"
    r"|\bi (?:want|would like|'d like) to know\b|\b(?:please|pls|plz|hello|hi|hey|thanks|thank you|kindly|okay|ok)\b"
)
ASKING = frozenset("who whom whose when where what which how why".split())


def plain(text: str) -> list[str]:
    """The words of a text in one writing, without courtesies; scripts without spaces in single signs."""
    found = []
    for word in _WORD.findall(_COURTESY.sub(" ", unicodedata.normalize("NFKC", text).casefold())):
        found += list(word) if UNSPACED.search(word) else [word]
    return found


def telling(text: str) -> frozenset[str]:
    """The stems of the words that tell something, those that ask and lone letters and digits among them."""
    said = plain(text)
    short = {word for word in said if word in ASKING or (len(word) == 1 and word not in "ais")}
    return frozenset(words(" ".join(said))) | short


def shingles(text: str) -> frozenset[str]:
    """Words and pairs of words: what two questions are compared by."""
    said = plain(text)
    return frozenset(said) | {f"{one} {other}" for one, other in zip(["^", *said], [*said, "$"], strict=True)}


def clusters(texts: Mapping[str, str]) -> dict[str, str]:
    """The cluster of each id, named by its smallest id. Near is transitive: a chain of near ones is one cluster."""
    sets = {one: shingles(text) for one, text in texts.items()}
    counts = Counter(shingle for found in sets.values() for shingle in found)
    parent = {one: one for one in texts}

    def root(one: str) -> str:
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    same: dict[frozenset[str], str] = {}
    for one in sorted(texts):
        told = telling(texts[one])
        if len(told) > 1 and (other := same.setdefault(told, one)) != one:
            parent[root(one)] = root(other)
    # Two sets that are near share one of the rarest shingles of each, and hold about as many: only those are compared.
    first: dict[str, list[tuple[int, str]]] = {}
    for size, one in sorted((len(found), one) for one, found in sets.items()):
        rare = sorted(sets[one], key=lambda shingle: (counts[shingle], shingle))
        prefix = rare[: size - math.ceil(NEAR * size) + 1]
        least, others = (int(NEAR * size), ""), [first.setdefault(shingle, []) for shingle in prefix]
        for _, other in {pair for listed in others for pair in listed[bisect_left(listed, least) :]}:
            if root(one) != root(other) and near(sets[one], sets[other]):
                low, high = sorted((root(one), root(other)))
                parent[high] = low
        for listed in others:
            listed.append((size, one))
    return {one: root(one) for one in texts}


class Neighbourhood:
    """Questions, to tell whether another one is nearly one of them."""

    def __init__(self, texts: Iterable[str]) -> None:
        listed = list(texts)
        self._told = {told for told in map(telling, listed) if len(told) > 1}
        self._sets = [shingles(text) for text in listed]

    def holds(self, text: str) -> bool:
        """Whether one of them is the same as `text`, or near it."""
        mine = shingles(text)
        return telling(text) in self._told or any(near(mine, other) for other in self._sets)


def near(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two sets share NEAR of what they hold together."""
    shared = len(one & other)
    return shared >= NEAR * (len(one) + len(other) - shared) and shared > 0
