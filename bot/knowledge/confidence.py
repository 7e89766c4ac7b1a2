"""Confidence: how likely it is that what was found answers the question. From `SURE` on, it is answered."""

from __future__ import annotations

import math
from dataclasses import dataclass

SURE = 0.55

# Logistic regression on 141 answerable and 139 unanswerable questions about the Debian Administrator's Handbook,
# written for this in users' words (tests/knowledge/handbook_questions.jsonl); `python -m tests.knowledge.calibrate`
# fits them again and prints what they come to. Two weights, so that little can be learned by heart.
NEARNESS = 20.8
MISSING = -4.0
INTERCEPT = -7.5

# Without an encoder: the best normalised BM25 and the same missing words, fitted the same way.
LEXICAL_MATCH = 4.5
LEXICAL_MISSING = -5.3
LEXICAL_INTERCEPT = 1.05
LEXICAL_LEAST = 0.7
"""There missing words are all there is, in a small library too."""

# A small library lacks most words of any question, so that a missing one tells little. How much it tells grows with
# the number of different words known: nothing at SMALL, all of it at LARGE.
SMALL, LARGE = 300, 8000


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a search says about its own success.

    `nearness`: the best document's cosine with the question plus its share of the lexical match; None without vectors.
    `match`: the best lexical match, 0 to 1. `missing`: the part of the question, weighted by rarity, whose words stand
    nowhere in the best documents. `vocabulary`: how many different words the library holds.
    """

    nearness: float | None
    match: float
    missing: float
    vocabulary: int


def confidence(evidence: Evidence) -> float:
    """0 to 1; comparable between libraries of any size."""
    missing = evidence.missing * weight_of_missing(evidence.vocabulary)
    if evidence.nearness is None:
        missing = evidence.missing * max(weight_of_missing(evidence.vocabulary), LEXICAL_LEAST)
        return _logistic(LEXICAL_MATCH * evidence.match + LEXICAL_MISSING * missing + LEXICAL_INTERCEPT)
    return _logistic(NEARNESS * evidence.nearness + MISSING * missing + INTERCEPT)


def weight_of_missing(vocabulary: int) -> float:
    """How much a word that the library lacks tells, 0 to 1.2."""
    grown = math.log(max(vocabulary, 1) / SMALL) / math.log(LARGE / SMALL)
    return min(max(grown, 0.0), 1.2)


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, value))))
