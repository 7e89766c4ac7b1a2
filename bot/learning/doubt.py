"""Doubt: whether a set of corrections may train an adapter that is promoted, or somebody has to look at it first.

Weighed on made-up companies, honest and half poisoned: `python -m tests.learning.calibrate_doubt` says how well.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from bot.learning.agreement import Flags, Matrix, Said, Statement, weight
from bot.learning.clusters import telling

LEAST, MOST = 12, 250
"""Fewer corrections say nothing about how well people agree; more take too long, so the new ones come first."""
NEAREST = 6
FITS_BETTER = 0.15
"""By so much more of the question another answer has to hold, to fit it better than its own."""
PUT_ALIKE = 0.6
FEW, CONCENTRATED = 5, 0.25
"""Where so few people who are new here wrote this part of the corrections,"""
WATCHED = 3.0
"""doubt begins so much earlier."""
ALONE = 0.65
"""Where more facts than this part are told once, there is too little to compare."""
SHARED, FOLLOWING = 0.3, 1.1
"""Where many answers are equal and their questions hardly more alike than others, as with a list of many things and few
prices, nearness tells nothing."""
NAMED = 5
GENERAL = frozenset(telling("yes no not true false right wrong sure never always correct maybe none both"))

WEIGHTS = {
    "clash": 12.07, "against": -17.67, "excess": 10.45, "misfit": 3.53, "backed": -20.09, "mixed": 21.55,
    "outvoted": 61.42, "alone": 12.41,
}  # fmt: skip
CONSTANT = -5.85


@dataclass(frozen=True, slots=True)
class Measures:
    """How a set of statements holds together, each from 0 to 1.

    `clash`: has one beside it that is put the same way, about the same, and says something else. `against`: of the
    nearest by question and wording, those that say something else. `excess`: by the question alone, beyond what there
    must be as so few say the same. `misfit`: another answer fits the question better. `backed`: by four others who say
    the same; `alone`: by none. `contested`: the ids of those that most speaks against.
    `follows`: how much more alike the questions of equal answers are than others.
    """

    clash: float
    against: float
    excess: float
    misfit: float
    backed: float
    alone: float
    contested: frozenset[str]
    follows: float = 1.0

    @property
    def doubt(self) -> float:
        """Above 0 it is more like a half poisoned set than like an honest one."""
        values = {
            "clash": self.clash, "against": self.against, "excess": self.excess, "misfit": self.misfit,
            "backed": self.backed, "mixed": 4 * self.excess * self.misfit, "outvoted": self.against * self.backed,
            "alone": self.alone,
        }  # fmt: skip
        return CONSTANT + sum(WEIGHTS[name] * value for name, value in values.items())

    @property
    def limit(self) -> float:
        """Where doubt begins: later where few say the same, as then little can be compared."""
        support = 4 * self.backed - 3 * self.alone
        return -3.0 if support >= 2.8 else 0.0 if support >= 1.3 else 2.0


def held(statements: Sequence[Statement], seen: Collection[str]) -> str:
    """Why nothing may be promoted from these corrections, "" when it may. `seen`: ids of earlier datasets' rows."""
    chosen = _chosen([one for one in statements if _specific(one)], seen)
    if len(chosen) < LEAST:
        return ""
    known = {one.author for one in statements if one.id in seen}
    new = Counter(one.author for one in chosen if one.author not in known)
    watched = bool(known) and 0 < len(new) <= FEW and new.total() >= CONCENTRATED * len(chosen)
    found = measures(chosen)
    if found.alone > ALONE or (found.backed >= SHARED and found.follows < FOLLOWING):
        return ""
    if found.doubt <= found.limit - (WATCHED if watched else 0.0):
        return ""
    return _words(chosen, found, known)


def measures(statements: Sequence[Statement]) -> Measures:
    """A set of statements, measured."""
    said = Said(statements)
    agree = said.agreeing()
    clash, misfit = _clashing(said, agree), _misfitting(said, agree)
    against, _ = _against(said.near(0.5), agree)
    by_question, least = _against(said.by_question, agree)
    others = agree.sum(axis=1)
    doubted = (against > 0.5) | misfit
    return Measures(
        clash=float(clash.mean()), against=float(against.mean()), excess=float((by_question - least).mean()),
        misfit=float(misfit.mean()), backed=float(np.minimum(others, 4).mean() / 4),
        alone=float((others == 0).mean()),
        follows=_following(said, agree),
        contested=frozenset(one.id for one, doubtful in zip(statements, doubted, strict=True) if doubtful),
    )  # fmt: skip


def _against(nearness: Matrix, agree: Flags) -> tuple[Matrix, Matrix]:
    """Of each one's nearest, the part that says something else; and the least that it could be."""
    part, least = np.zeros(len(agree)), np.zeros(len(agree))
    for at in range(len(agree)):
        row = nearness[at].copy()
        row[at] = -1.0
        order = np.argsort(-row, kind="stable")[:NEAREST]
        near = np.clip(row[order], 1e-6, 1.0)
        weights = (near / near.max()) ** 2
        part[at] = weights[~agree[at][order]].sum() / weights.sum()
        least[at] = np.sort(weights)[::-1][int(agree[at].sum()) :].sum() / weights.sum()
    return part, least


def _following(said: Said, agree: Flags) -> float:
    others = ~np.eye(len(agree), dtype=bool)
    if not agree.any():
        return 1.0
    return float(said.by_question[agree].mean() / (said.by_question[others].mean() + 1e-9))


def _clashing(said: Said, agree: Flags) -> Flags:
    found = np.zeros(len(agree), dtype=bool)
    for one in range(len(agree)):
        for other in range(one):
            if not agree[one, other] and not (found[one] and found[other]) and _clash(said, one, other):
                found[one] = found[other] = True
    return found


def _clash(said: Said, one: int, other: int) -> bool:
    """Whether two answers are the same sentence but for what they state, and their questions do not tell why."""
    shared = said.told[one] & said.told[other]
    mine, theirs = said.told[one] - shared, said.told[other] - shared
    if not shared or len(shared) < PUT_ALIKE * (len(shared) + min(len(mine), len(theirs))):
        return False
    if max(len(mine), len(theirs)) > len(shared) + 2 or said.other_subject(one, other):
        return False
    asked, asked_there = said.asked[one] - said.asked[other], said.asked[other] - said.asked[one]
    return mine.isdisjoint(asked) and theirs.isdisjoint(asked_there)


def _misfitting(said: Said, agree: Flags) -> Flags:
    """Those whose question another answer, which says something else, holds more of."""
    found = np.zeros(len(agree), dtype=bool)
    for at, asked in enumerate(said.asked):
        weights = {word: weight(word, said.counts[word], len(said)) ** 2 for word in asked}
        whole = sum(weights.values()) or 1.0
        fits = [sum(weights[word] for word in asked & told) / whole for told in said.told]
        better = [fit for other, fit in enumerate(fits) if other != at and not agree[at, other]]
        found[at] = bool(better) and max(better) - fits[at] > FITS_BETTER
    return found


def _specific(one: Statement) -> bool:
    """Whether an answer states something of its own: many questions have the answer "Yes"."""
    return bool(telling(one.answer) - telling(one.question) - GENERAL)


def _chosen(statements: Sequence[Statement], seen: Collection[str]) -> list[Statement]:
    """Those that are measured: all, or the new ones first and of the others whichever the hash picks."""
    ranked = sorted(statements, key=lambda one: (one.id in seen, hashlib.sha256(one.id.encode()).digest()))
    return sorted(ranked[:MOST], key=lambda one: one.id)


def _words(statements: Sequence[Statement], found: Measures, known: Collection[str]) -> str:
    written = Counter(one.author for one in statements)
    doubtful = Counter(one.author for one in statements if one.id in found.contested)
    worst = sorted(doubtful, key=lambda author: (-doubtful[author] / written[author], -doubtful[author], author))
    named = [
        f"{author.partition(':')[2] or author} ({doubtful[author]} of {written[author]}{_new(author, known)})"
        for author in worst[:NAMED]
    ]
    return (
        f"{len(found.contested)} of {len(statements)} corrections say something else than the corrections of the "
        f"nearest questions, most of all those by {', '.join(named)}. Nothing is promoted from them until somebody has "
        "looked at them."
    )


def _new(author: str, known: Collection[str]) -> str:
    return ", new here" if author not in known else ""
