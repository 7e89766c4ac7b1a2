"""Fits the weights of `bot/knowledge/confidence.py` again and prints the figures (run as a module)."""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass, replace

import numpy as np

from bot.knowledge import confidence as stated
from bot.knowledge.confidence import Evidence, confidence, weight_of_missing
from bot.knowledge.index import Index
from tests.knowledge.handbook import (
    OWN_QUESTIONS,
    SHARED_QUESTIONS,
    Encoder,
    Question,
    handbook_entries,
    handbook_index,
    questions,
)

FOLDS, REPEATS = 10, 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """A question and what the search said. `rank`: of the first right page, 99 for none among the first ten."""

    question: Question
    evidence: Evidence
    rank: int


def ask(index: Index, encoder: Encoder, asked: list[Question]) -> list[Outcome]:
    vectors = encoder.vectors([question.text for question in asked])
    outcomes = []
    for question, vector in zip(asked, vectors, strict=True):
        found = index.search(question.text, vector, 10)
        pages = [entry.document for entry, _ in found.entries]
        rank = next((place for place, page in enumerate(pages) if page in question.pages), 99)
        outcomes.append(Outcome(question, found.evidence, rank))
    return outcomes


def figures(outcomes: list[Outcome], lexical: bool = False) -> dict[str, float]:
    """The issue's three bars: right page among the first three, answers, abstains."""
    sure = {True: [], False: []}  # type: dict[bool, list[bool]]
    for one in outcomes:
        evidence = replace(one.evidence, nearness=None) if lexical else one.evidence
        sure[one.question.answerable].append(confidence(evidence) >= stated.SURE)
    ranks = np.array([one.rank for one in outcomes if one.question.answerable])
    return {
        "first": float((ranks < 1).mean()),
        "first three": float((ranks < 3).mean()),
        "answers": float(np.mean(sure[True])),
        "abstains": float(1 - np.mean(sure[False])),
    }


def features(outcomes: list[Outcome], lexical: bool) -> tuple[np.ndarray, np.ndarray]:
    rows = [
        [
            one.evidence.match if lexical else one.evidence.nearness or 0.0,
            one.evidence.missing * weight_of_missing(one.evidence.vocabulary),
        ]
        for one in outcomes
    ]
    return np.array(rows), np.array([float(one.question.answerable) for one in outcomes])


def fitted(x: np.ndarray, y: np.ndarray, ridge: float = 1.0) -> np.ndarray:
    """Logistic regression by Newton's method on standardised features: the weights, then the intercept."""
    mean, spread = x.mean(0), x.std(0) + 1e-9
    z = np.c_[(x - mean) / spread, np.ones(len(x))]
    penalty = np.diag([ridge] * x.shape[1] + [0.0])
    w = np.zeros(z.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-z @ w))
        w -= np.linalg.solve(z.T @ (z * (p * (1 - p))[:, None]) + penalty, z.T @ (p - y) + penalty @ w)
    weights = w[:-1] / spread
    return np.r_[weights, w[-1] - weights @ mean]


def crossed(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Each question's log odds from weights that never saw it, averaged over `REPEATS` splits."""
    odds, draw = np.zeros(len(y)), np.random.default_rng(0)
    for _ in range(REPEATS):
        order = draw.permutation(len(y))
        for fold in range(FOLDS):
            held = order[fold::FOLDS]
            kept = np.setdiff1d(order, held)
            odds[held] += np.c_[x[held], np.ones(len(held))] @ fitted(x[kept], y[kept]) / REPEATS
    return odds


def auc(yes: np.ndarray, no: np.ndarray) -> float:
    return float((yes[:, None] > no[None]).mean() + 0.5 * (yes[:, None] == no[None]).mean())


def report(outcomes: list[Outcome], lexical: bool) -> None:
    x, y = features(outcomes, lexical)
    near = np.array([one.question.kind == "near" for one in outcomes])
    odds, limit = crossed(x, y), np.log(stated.SURE / (1 - stated.SURE))
    say("lexical only" if lexical else "with vectors", "weights", fitted(x, y).round(2))
    say(f"  cross-validated AUC {auc(odds[y == 1], odds[y == 0]):.3f}, near ones {auc(odds[y == 1], odds[near]):.3f}")
    answers, abstains = (odds[y == 1] >= limit).mean(), (odds[y == 0] < limit).mean()
    say(f"  answers {answers:.3f}, abstains {abstains:.3f}, near ones only {(odds[near] < limit).mean():.3f}")


def small_libraries(encoder: Encoder, asked: list[Question], size: int, times: int) -> list[Outcome]:
    """The same questions put to libraries of a few pages, where most of them cannot be answered."""
    draw = random.Random(3)
    pages = sorted({min(question.pages) for question in asked if question.answerable})
    outcomes = []
    for number in range(min(times, len(pages)) if size == 1 else times):
        names = {pages[number]} if size == 1 else set(draw.sample(pages, size))
        index = handbook_index(handbook_entries(names), encoder)
        inside = [question for question in asked if question.pages & names]
        outside = [replace(question, pages=frozenset()) for question in asked if not question.pages & names]
        outcomes += ask(index, encoder, inside + draw.sample(outside, 12))
    return outcomes


def main() -> None:
    encoder = Encoder()
    own, shared = questions(OWN_QUESTIONS), questions(SHARED_QUESTIONS) if SHARED_QUESTIONS.exists() else []
    index = handbook_index(handbook_entries(), encoder)
    encoder.save()
    outcomes = ask(index, encoder, own)
    for lexical in (False, True):
        report(outcomes, lexical)
    say("as stated, own questions", figures(outcomes), "lexical", figures(outcomes, lexical=True))
    if shared:
        say("as stated, shared questions", figures(ask(index, encoder, shared)))
    for size, times in ((1, 40), (8, 15)):
        small = small_libraries(encoder, own, size, times)
        say(f"as stated, libraries of {size} page(s)", figures(small), "lexical", figures(small, lexical=True))
    encoder.save()


def say(*words: object) -> None:
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")


if __name__ == "__main__":
    main()
