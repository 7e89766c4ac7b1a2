"""A dataset's rows: what each lesson becomes, once it is known where it goes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.learning.dataset import Row
from bot.learning.guards import Dropped
from bot.learning.lessons import Lesson
from bot.learning.prompts import Messages
from bot.learning.splits import Split

HELD_OUT = "its question is held out for the test"


@dataclass(frozen=True, slots=True)
class Taught:
    """A lesson with everything that its rows are made of."""

    lesson: Lesson
    prompt: Messages
    chosen: str
    rejected: tuple[str, ...]
    cluster: str
    question: str
    others: tuple[Messages, ...] = ()
    """The prompt with the question in other words."""

    @property
    def id(self) -> str:
        return self.lesson.id


def rows_of(
    taught: Sequence[Taught], assigned: Mapping[str, Split], held_out: set[str], guarded: set[str], dropped: Dropped
) -> Iterable[Row]:
    """The rows of all lessons; what is neither asked nor trained on is dropped. `held_out`, `guarded`: the clusters
    that the test and the safety set ask."""
    # Good answers alone tell nothing of what is better.
    told_apart = any(one.lesson.kind == "bad" for one in taught)
    trained = 0
    for one in taught:
        if one.cluster in guarded:
            if one.lesson.dangerous and one.rejected:
                yield _row(one, "safety", "safety", "safety", rejected=one.rejected[0])
            else:
                dropped[one.id] = HELD_OUT
        elif one.lesson.kind == "correction":
            split = assigned[one.id]
            trained += split == "train"
            yield from _correction(one, split)
        elif one.cluster in held_out:
            dropped[one.id] = HELD_OUT
        elif one.lesson.kind in ("pick", "retry"):
            for worse in one.rejected[:1]:
                yield _row(one, "dpo", "train", one.lesson.kind, chosen=_said(one.chosen), rejected=_said(worse))
        elif told_apart:
            good = one.lesson.kind == "good"
            text = one.chosen if good else one.rejected[0]
            yield _row(one, "kto", "train", "good" if good else "bad", completion=_said(text), label=good)
    yield from _replayed(taught, held_out | guarded, trained)


def held_out_in(taught: Sequence[Taught], assigned: Mapping[str, Split]) -> set[str]:
    """The clusters that the test asks."""
    return {one.cluster for one in taught if assigned.get(one.id) == "test"}


def guarded_in(taught: Sequence[Taught], held_out: set[str]) -> set[str]:
    """The clusters that the safety set asks: half of those with something dangerous in them."""
    return {one.cluster for one in taught if one.lesson.dangerous and _even(one.cluster)} - held_out


def _correction(one: Taught, split: Split) -> Iterable[Row]:
    if split == "test":
        worse = one.rejected[0] if one.rejected else ""
        yield _row(one, "test", "test", "correction", reference=one.chosen, rejected=worse)
        return
    yield _row(one, "sft", split, "correction", completion=_said(one.chosen), source="correction", weight=1.0)
    for number, prompt in enumerate(one.others, 1):
        row = _row(one, "sft", split, "augmented", completion=_said(one.chosen), source="augmented", weight=1.0)
        name = f"{one.id}#a{number}"
        yield replace(row, id=name, line=row.line | {"id": name, "prompt": prompt, "aug_of": one.id})
    if split == "train" and one.rejected:
        yield _row(one, "dpo", "train", "correction", chosen=_said(one.chosen), rejected=_said(one.rejected[0]))


def _replayed(taught: Sequence[Taught], apart: set[str], trained: int) -> Iterable[Row]:
    """Verified answers beside the corrections, at most as many: others each time the corrections change."""
    verified = [one for one in taught if one.lesson.kind == "good" and one.lesson.reviewed and one.cluster not in apart]
    salt = "".join(sorted(one.id for one in taught if one.lesson.kind == "correction"))
    for one in sorted(verified, key=lambda one: hashlib.sha256((salt + one.id).encode()).digest())[:trained]:
        yield _row(one, "sft", "train", "replay", completion=_said(one.chosen), source="replay", weight=1.0)


def _row(one: Taught, stage: Any, split: str, kind: Any, **line: Any) -> Row:
    turn = one.lesson.example.turn
    return Row(
        one.id, stage, split, kind, one.cluster, turn.platform, turn.server,
        {"id": one.id, "prompt": one.prompt, **line},
    )  # fmt: skip


def _said(text: str) -> Messages:
    return [{"role": "assistant", "content": text}]


def _even(cluster: str) -> bool:
    """Half of what is dangerous is asked by the gate, the other half is learned from."""
    return hashlib.sha256(cluster.encode()).digest()[0] % 2 == 0
