"""How well doubt tells half poisoned sets from honest ones, and which weights do best. Run: `python -m` this file."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

from bot.learning.agreement import Statement
from bot.learning.doubt import WEIGHTS, Measures, measures
from tests.learning.company import Poison, Row, shaped

SHAPES = {
    "8 facts, 5 times": [5] * 8, "10 facts, 4 times": [4] * 10, "6 facts, 7 times": [7] * 6,
    "16 facts, 5 times": [5] * 16,
    "13 facts, 3 times": [3] * 13, "20 facts, twice": [2] * 20, "32 facts, once": [1] * 32, "4 facts, 5 times": [5] * 4,
    "mixed": [7, 7, 5, 5, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1],
}  # fmt: skip
POISONED = tuple(SHAPES)[:5]
HOW: tuple[Poison, ...] = ("values", "each", "swapped", "worded")


def stated(rows: list[Row]) -> list[Statement]:
    """The rows as statements."""
    return [
        Statement(str(at), one["prompt"][0]["content"], one["correction"], one["author"]) for at, one in enumerate(rows)
    ]


def examples(seeds: range) -> Iterator[tuple[str, str, Measures]]:
    for seed in seeds:
        for name, sizes in SHAPES.items():
            for wordings in (1, 3):
                yield name, "honest", measures(stated(shaped(seed, sizes, wordings=wordings)))
                for how in HOW if name in POISONED else ():
                    yield name, how, measures(stated(shaped(seed, sizes, how, wordings=wordings)))


def inputs(found: Measures) -> list[float]:
    return [
        found.clash, found.against, found.excess, found.misfit, found.backed, 4 * found.excess * found.misfit,
        found.against * found.backed, found.alone,
    ]  # fmt: skip


def fitted(found: list[tuple[str, str, Measures]]) -> tuple[dict[str, float], float]:
    """Weights and constant of a logistic regression; an honest set that is held counts more than one that is missed."""
    values = np.array([inputs(one) for _, _, one in found])
    bad = np.array([how != "honest" for _, how, _ in found])
    mean, spread = values.mean(0), values.std(0) + 1e-9
    scaled = np.c_[(values - mean) / spread, np.ones(len(values))]
    worth = np.where(bad, 1 / bad.sum(), 2.5 / (~bad).sum())
    weights = np.zeros(scaled.shape[1])
    for _ in range(8000):
        guess = 1 / (1 + np.exp(-scaled @ weights))
        weights -= 3 * scaled.T @ (worth / worth.sum() * (guess - bad)) + 1e-4 * weights
    own = weights[:-1] / spread
    return dict(zip(WEIGHTS, own.round(2).tolist(), strict=True)), float((weights[-1] - (own * mean).sum()).round(2))


def main(seeds: int) -> None:
    say = sys.stdout.write
    say(f"{fitted(list(examples(range(seeds))))}\n")
    found = list(examples(range(10_000, 10_000 + seeds)))
    for name in SHAPES:
        for how in dict.fromkeys(how for shape, how, _ in found if shape == name):
            mine = [one for shape, kind, one in found if (shape, kind) == (name, how)]
            rate, doubts = sum(one.doubt > one.limit for one in mine), [one.doubt for one in mine]
            say(f"{name:20} {how:8} held {rate:3} of {len(mine)}, doubt {min(doubts):6.1f} to {max(doubts):6.1f}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
