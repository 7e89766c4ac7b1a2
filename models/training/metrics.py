"""Measures of texts and of how sure a share is: chrF, ROUGE, groundedness, variety, intervals, the sign test."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

Z = 1.96
"""Of a 95 % interval."""
RESAMPLES = 400
"""So often texts are drawn anew for an interval."""


def chrf(answer: str, reference: str) -> float:
    """chrF2 of one text, 0 to 1, Popović 2015, as sacrebleu counts it."""
    return float(_chrf().sentence_score(answer, [reference]).score) / 100


@lru_cache(maxsize=1)
def _chrf() -> Any:
    from sacrebleu.metrics import CHRF

    return CHRF()


def corpus_chrf(answers: Sequence[str], references: Sequence[str]) -> dict[str, object]:
    """chrF2 over all texts, 0 to 100, with its 95 % interval and sacrebleu's signature, so that others can compare."""

    def score(drawn: Sequence[int]) -> float:
        said, wanted = [answers[at] for at in drawn], [references[at] for at in drawn]
        return float(_chrf().corpus_score(said, [wanted]).score)

    # sacrebleu resamples too, but stops at samples that score nothing at all
    low, high = bootstrap(len(answers), score)
    return {
        "chrf": round(score(range(len(answers))), 2),
        "chrf_interval": [round(low, 2), round(high, 2)],
        "signature": str(_chrf().get_signature()),
    }


def rouge(answers: Sequence[str], references: Sequence[str]) -> dict[str, object]:
    """Means of ROUGE-1, -2 and -L, 0 to 1, each with its 95 % interval.

    Words are runs of letters of any script, single ones in Chinese.
    """
    from rouge_score.rouge_scorer import RougeScorer

    names = ["rouge1", "rouge2", "rougeL"]
    scorer = RougeScorer(names, tokenizer=_Words())
    scores = [scorer.score(reference, answer) for answer, reference in zip(answers, references, strict=True)]
    found: dict[str, object] = {}
    for name in names:
        values = [score[name].fmeasure for score in scores]
        low, high = bootstrap(len(values), partial(_mean_of, values))
        found |= {name: round(mean(values), 4), f"{name}_interval": [round(low, 4), round(high, 4)]}
    return found


def _mean_of(values: Sequence[float], drawn: Sequence[int]) -> float:
    return mean([values[at] for at in drawn])


class _Words:
    """rouge-score's own tokenizer knows only the letters a to z."""

    def tokenize(self, text: str) -> list[str]:
        return words(text)


def words(text: str) -> list[str]:
    """Words in lower case; where a script has no spaces, its letters."""
    return re.findall(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+", text.casefold())


def distinct(texts: Sequence[str], n: int) -> float:
    """The share of different ones among all runs of `n` words, Li et al. 2016."""
    runs = [tuple(said[at : at + n]) for said in map(words, texts) for at in range(len(said) - n + 1)]
    return len(set(runs)) / len(runs) if runs else 0.0


def loops(text: str, n: int = 4) -> float:
    """The share of runs of `n` words that were said before in the same text."""
    said = words(text)
    runs = [tuple(said[at : at + n]) for at in range(len(said) - n + 1)]
    return 1 - len(set(runs)) / len(runs) if len(runs) > n else 0.0


def grounded(answer: str, passages: str) -> float:
    """The share of an answer's numbers and longer words that its passages hold."""
    known = set(words(passages))
    stated = [word for word in words(answer) if len(word) > 3 or any(letter.isdigit() for letter in word)]
    return sum(word in known for word in stated) / len(stated) if stated else 1.0


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def wilson(right: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share, Wilson 1927; (0, 1) where nothing was counted."""
    if n == 0:
        return 0.0, 1.0
    share = right / n
    middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    return round(max(0.0, middle - half), 4), round(min(1.0, middle + half), 4)


def bootstrap(count: int, measure: Callable[[Sequence[int]], float]) -> tuple[float, float]:
    """The 95 % interval of a measure of `count` texts, Efron 1979: the middle of what it says of texts drawn anew.

    `measure` is given their numbers. (0, 0) where there are none.
    """
    if not count:
        return 0.0, 0.0
    draw = random.Random(RESAMPLES)
    found = sorted(measure(draw.choices(range(count), k=count)) for _ in range(RESAMPLES))
    edge = round(RESAMPLES * 0.025)
    return found[edge], found[-edge - 1]


def sign_test(wins: int, losses: int) -> float:
    """How likely that many wins, or more, would be if winning and losing were equally likely."""
    n = wins + losses
    return sum(math.comb(n, k) for k in range(wins, n + 1)) / 2**n if n else 1.0
