"""Curation: from what people said of answers to a dataset, every row that is left out with its reason."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.errors import UserError
from bot.learning.agreement import backing
from bot.learning.clusters import clusters
from bot.learning.consent import consent_for
from bot.learning.dataset import NEVER, Dataset, Row, leaks
from bot.learning.doubt import held
from bot.learning.examples import examples_of
from bot.learning.guards import (
    Dropped,
    asked,
    balanced,
    statement,
    within_limits,
    without_bursts,
    without_contradictions,
    without_repetition,
)
from bot.learning.lessons import Lesson, lessons_of
from bot.learning.prompts import Messages, clean, planned, prompt_of, without_personal_data
from bot.learning.safety_set import SHIPPED
from bot.learning.splits import Split, assign, by_cluster
from bot.memory import estimate_tokens
from bot.router import Router
from bot.settings import Settings
from bot.stores import Stores

GOLDEN_KEPT = "the golden set asks the same"
HELD_OUT = "its question is held out for the test"


@dataclass(frozen=True, slots=True)
class _Taught:
    """A lesson with everything that its rows are made of."""

    lesson: Lesson
    prompt: Messages
    chosen: str
    rejected: tuple[str, ...]
    cluster: str = ""

    @property
    def id(self) -> str:
        return self.lesson.id


async def build(stores: Stores, settings: Settings, scenario: str, router: Router) -> Dataset:
    """The dataset that the store gives for a scenario now. Only reads: `bot.learning.dataset.settle` keeps the rest."""
    dropped: Dropped = {}
    lessons = await _lessons(stores, settings, scenario, dropped)
    golden, shipped = await _golden(stores, scenario, router), await _shipped(stores, scenario, router)
    groups = clusters(
        {lesson.id: asked(lesson) for lesson in lessons} | {f"golden:{row.id}": words for row, words in golden}
        | {f"safety:{row.id}": words for row, words in shipped}
    )  # fmt: skip
    lessons = _apart(lessons, groups, dropped)
    lessons = without_bursts(lessons, dropped)
    lessons, contested = without_contradictions(lessons, groups, dropped)
    lessons = balanced(within_limits(without_repetition(lessons, groups, dropped), dropped), dropped)
    taught = await _taught(lessons, groups, stores, settings, router, dropped)
    corrections = [one.lesson for one in taught if one.lesson.kind == "correction"]
    known = await stores.splits.of(scenario)
    stated = [statement(lesson) for lesson in corrections]
    assigned = assign(_by_cluster(corrections, groups), by_cluster(known, groups), backing(stated))
    rows = list(_rows(taught, assigned, dropped))
    rows += [_replace(row, groups[f"golden:{row.id}"]) for row, _ in golden]
    rows += [_replace(row, groups[f"safety:{row.id}"]) for row, _ in shipped]
    assert not leaks(rows), "what trains must not be asked by the gate"
    return Dataset(
        scenario=scenario, rows=tuple(sorted(rows, key=lambda row: (row.file, row.id))), dropped=dropped,
        held=held(stated, known), contested=tuple(contested), assigned=assigned,
        newest=max((_moment(one.lesson) for one in taught), default=NEVER),
    )  # fmt: skip


async def _lessons(stores: Stores, settings: Settings, scenario: str, dropped: Dropped) -> list[Lesson]:
    """What may be learned from at all: reviewed or agreed on, and with everybody's consent."""
    examples = await examples_of(stores.database, scenario)
    consent = await consent_for(stores.database, stores.places, settings, examples)
    found = []
    for example in examples:
        lesson = lessons_of(example)
        refusal = lesson if isinstance(lesson, str) else consent.refusal(lesson)
        if refusal or isinstance(lesson, str):
            dropped[example.id] = refusal
        else:
            found.append(lesson)
    return found


def _apart(lessons: Iterable[Lesson], groups: Mapping[str, str], dropped: Dropped) -> list[Lesson]:
    """Without what the golden and the shipped safety set ask."""
    asked_there = {cluster for one, cluster in groups.items() if one.startswith(("golden:", "safety:"))}
    kept = []
    for lesson in lessons:
        if groups[lesson.id] in asked_there:
            dropped[lesson.id] = GOLDEN_KEPT
        else:
            kept.append(lesson)
    return kept


async def _taught(
    lessons: Iterable[Lesson], groups: Mapping[str, str], stores: Stores, settings: Settings, router: Router,
    dropped: Dropped,
) -> list[_Taught]:  # fmt: skip
    """Lessons with their prompts, without personal data and short enough to be read whole."""
    found = []
    for lesson in lessons:
        review = lesson.example.review
        try:
            prompt = await prompt_of(lesson.example.turn, review.question if review else "", router, stores)
            chosen = without_personal_data(lesson.chosen)
            rejected = tuple(map(without_personal_data, lesson.rejected))
            longest = max(map(estimate_tokens, (chosen, *rejected)))
            if sum(estimate_tokens(one["content"]) for one in prompt) + longest > settings.context_tokens:
                raise UserError("it is longer than the model reads")
        except UserError as error:
            dropped[lesson.id] = error.words
            continue
        found.append(_Taught(lesson, prompt, chosen, rejected, groups[lesson.id]))
    return found


async def _golden(stores: Stores, scenario: str, router: Router) -> list[tuple[Row, str]]:
    found = []
    for item in await stores.golden.of(scenario):
        try:
            prompt = clean(await planned(scenario, item.question, item.prompt, item.options, router, stores))
        except UserError:
            continue
        line = {"id": item.id, "prompt": prompt, "reference": item.reference, "critical": item.critical}
        words = "\n".join([*(one["content"] for one in item.prompt[:-1] if one["role"] != "system"), item.question])
        found.append((Row(item.id, "golden", "golden", "golden", "", "", "", line), words))
    return found


async def _shipped(stores: Stores, scenario: str, router: Router) -> list[tuple[Row, str]]:
    found = []
    for question, rejected in SHIPPED:
        name = f"shipped-{hashlib.sha256(question.encode()).hexdigest()[:12]}"
        line = {"id": name, "prompt": await planned(scenario, question, [], {}, router, stores), "rejected": rejected}
        found.append((Row(name, "safety", "safety", "safety", "", "", "", line), question))
    return found


def _rows(taught: Sequence[_Taught], assigned: Mapping[str, Split], dropped: Dropped) -> Iterable[Row]:
    """The rows of all lessons; what is neither asked nor trained on is dropped."""
    held_out = {one.cluster for one in taught if assigned.get(one.id) == "test"}
    guarded = {one.cluster for one in taught if one.lesson.dangerous and _even(one.cluster)} - held_out
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


def _correction(one: _Taught, split: Split) -> Iterable[Row]:
    if split == "test":
        worse = one.rejected[0] if one.rejected else ""
        yield _row(one, "test", "test", "correction", reference=one.chosen, rejected=worse)
        return
    yield _row(one, "sft", split, "correction", completion=_said(one.chosen), source="correction", weight=1.0)
    if split == "train" and one.rejected:
        yield _row(one, "dpo", "train", "correction", chosen=_said(one.chosen), rejected=_said(one.rejected[0]))


def _replayed(taught: Sequence[_Taught], apart: set[str], trained: int) -> Iterable[Row]:
    """Verified answers beside the corrections, at most as many: others each time the corrections change."""
    verified = [one for one in taught if one.lesson.kind == "good" and one.lesson.reviewed and one.cluster not in apart]
    salt = "".join(sorted(one.id for one in taught if one.lesson.kind == "correction"))
    for one in sorted(verified, key=lambda one: hashlib.sha256((salt + one.id).encode()).digest())[:trained]:
        yield _row(one, "sft", "train", "replay", completion=_said(one.chosen), source="replay", weight=1.0)


def _row(one: _Taught, stage: Any, split: str, kind: Any, **line: Any) -> Row:
    turn = one.lesson.example.turn
    return Row(
        one.id, stage, split, kind, one.cluster, turn.platform, turn.server,
        {"id": one.id, "prompt": one.prompt, **line},
    )  # fmt: skip


def _replace(row: Row, cluster: str) -> Row:
    return Row(row.id, row.stage, row.split, row.source, cluster, row.platform, row.server, row.line)


def _said(text: str) -> Messages:
    return [{"role": "assistant", "content": text}]


def _by_cluster(lessons: Iterable[Lesson], groups: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for lesson in lessons:
        found.setdefault(groups[lesson.id], []).append(lesson.id)
    return found


def _even(cluster: str) -> bool:
    """Half of what is dangerous is asked by the gate, the other half is learned from."""
    return hashlib.sha256(cluster.encode()).digest()[0] % 2 == 0


def _moment(lesson: Lesson) -> datetime:
    review = lesson.example.review
    return review.decided if review is not None and review.decided is not None else lesson.example.turn.created
