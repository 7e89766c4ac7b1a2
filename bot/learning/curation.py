"""Curation: from what people said of answers to a dataset, every row that is left out with its reason."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bot.errors import UserError
from bot.learning.agreement import backing
from bot.learning.clusters import Neighbourhood, clusters
from bot.learning.consent import consent_for
from bot.learning.dataset import NEVER, Dataset, Row, leaks
from bot.learning.dataset_rows import Taught, guarded_in, held_out_in, rows_of
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
from bot.learning.splits import assign, by_cluster
from bot.memory import estimate_tokens
from bot.router import Router
from bot.settings import Settings
from bot.stores import Stores

GOLDEN_KEPT = "the golden set asks the same"
ASKS = frozenset({"chat", "support"})
"""Scenarios whose prompt is a question. Of a text to translate or to go on with, other words are another task."""


def wordings_wanted(settings: Settings, scenario: str) -> int:
    """In how many other words a corrected question of a scenario is trained on."""
    return settings.train_augment if scenario in ASKS else 0


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
    held_out = held_out_in(taught, assigned)
    guarded = guarded_in(taught, held_out)
    by_gate = held_out | guarded
    trained = {one.id: one.question for one in taught if assigned.get(one.id) == "train" and one.cluster not in by_gate}
    if most := wordings_wanted(settings, scenario):
        there = [asked(one.lesson) for one in taught if one.cluster in by_gate]
        apart = Neighbourhood([*there, *(words for _, words in (*golden, *shipped))])
        taught = await _reworded(taught, trained, apart, stores, most)
    rows = list(rows_of(taught, assigned, held_out, guarded, dropped))
    rows += [replace(row, cluster=groups[f"golden:{row.id}"]) for row, _ in golden]
    rows += [replace(row, cluster=groups[f"safety:{row.id}"]) for row, _ in shipped]
    assert not leaks(rows), "what trains must not be asked by the gate"
    return Dataset(
        scenario=scenario, rows=tuple(sorted(rows, key=lambda row: (row.file, row.id))), dropped=dropped,
        held=held(stated, known), contested=tuple(contested), assigned=assigned,
        newest=max((_moment(one.lesson) for one in taught), default=NEVER),
        questions=trained,
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
) -> list[Taught]:  # fmt: skip
    """Lessons with their prompts, without personal data and short enough to be read whole."""
    found = []
    for lesson in lessons:
        review = lesson.example.review
        try:
            own = review.question if review is not None else ""
            prompt = await prompt_of(lesson.example.turn, own, router, stores)
            question = without_personal_data(own or lesson.example.turn.question)
            chosen = without_personal_data(lesson.chosen)
            rejected = tuple(map(without_personal_data, lesson.rejected))
            longest = max(map(estimate_tokens, (chosen, *rejected)))
            if sum(estimate_tokens(one["content"]) for one in prompt) + longest > settings.context_tokens:
                raise UserError("it is longer than the model reads")
        except UserError as error:
            dropped[lesson.id] = error.words
            continue
        found.append(Taught(lesson, prompt, chosen, rejected, groups[lesson.id], question))
    return found


async def _reworded(
    taught: Sequence[Taught], trained: Mapping[str, str], apart: Neighbourhood, stores: Stores, most: int
) -> list[Taught]:
    """With at most so many other wordings of each question that is trained on, none near to what the gate asks."""
    known = await stores.wordings.of(trained)
    said = {one.question.casefold() for one in taught}
    made = []
    for one in taught:
        prompts = []
        for wording in known.get(one.id, ()):
            prompt = _with(one.prompt, one.question, wording.text)
            asks = (wording.text, asked(one.lesson).replace(one.question, wording.text))
            if prompt and wording.text.casefold() not in said and not any(map(apart.holds, asks)):
                prompts.append(prompt)
                said.add(wording.text.casefold())
        made.append(replace(one, others=tuple(prompts[:most])))
    return made


def _with(prompt: Messages, question: str, other: str) -> Messages:
    """A prompt that ends with `other` in the place of `question`, [] where it does not hold it once."""
    *before, last = prompt
    if last["content"].count(question) != 1:
        return []
    return [*before, last | {"content": last["content"].replace(question, other)}]


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


def _by_cluster(lessons: Iterable[Lesson], groups: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for lesson in lessons:
        found.setdefault(groups[lesson.id], []).append(lesson.id)
    return found


def _moment(lesson: Lesson) -> datetime:
    review = lesson.example.review
    return review.decided if review is not None and review.decided is not None else lesson.example.turn.created
