"""Guards: what keeps a few people from teaching what they like. Each takes lessons out, with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from bot.learning.agreement import Statement, same
from bot.learning.clusters import plain
from bot.learning.examples import QUORUM
from bot.learning.lessons import Lesson

PERSON_SHARE, PERSON_LEAST = 0.05, 5
"""Of all lessons, those that stand on one person's word and that no moderator has looked at; so many always may."""
SERVER_SHARE, SERVER_LEAST = 0.20, 20
BURST, BURST_TIME = 5, timedelta(minutes=10)
"""Whoever votes on so many answers in so short a time is not counted."""
MOST_ALIKE = 3
"""Rows of one cluster: the newest so many are enough of nearly the same question."""
NEGATIVES = 3
"""So many bad answers may stand against one good one: from bad ones alone a model learns to say anything else."""

Dropped = dict[str, str]
"""Why, by the lesson's id."""

CONTRADICTED = "another approved correction of the same question says something else; both wait for review again"


def without_bursts(lessons: Sequence[Lesson], dropped: Dropped) -> list[Lesson]:
    """Votes given in a burst do not count, so that what stands on them may fall."""
    times: dict[str, list[float]] = {}
    for lesson in lessons:
        for row in lesson.example.said:
            if lesson.example.turn.platform != "import":  # a file's rows all come at once
                times.setdefault(row.user, []).append(row.created.timestamp())
    hasty = {user for user, moments in times.items() if _burst(sorted(moments))}
    kept = []
    for lesson in lessons:
        people = tuple(user for user in lesson.people if user not in hasty)
        needed = QUORUM if lesson.kind in ("good", "bad") else 1
        if lesson.reviewed or len(people) >= needed:
            kept.append(replace(lesson, people=people))
        else:
            dropped[lesson.id] = "it stands on votes given in a burst"
    return kept


def within_limits(lessons: Sequence[Lesson], dropped: Dropped) -> list[Lesson]:
    """No person and no server has too large a part of what no moderator has looked at."""
    by_person, by_server = Counter[str](), Counter[tuple[str, str]]()
    person_most = max(PERSON_LEAST, int(PERSON_SHARE * len(lessons)))
    server_most = max(SERVER_LEAST, int(SERVER_SHARE * len(lessons)))
    several = len({_server(lesson) for lesson in lessons}) > 1
    kept = []
    for lesson in lessons:
        if lesson.reviewed:
            kept.append(lesson)
            continue
        people = [user for user in lesson.people if by_person[user] < person_most]
        if len(people) < (QUORUM if lesson.kind in ("good", "bad") else 1):
            dropped[lesson.id] = "these people have their share of what no moderator has looked at"
        elif several and by_server[_server(lesson)] >= server_most:
            dropped[lesson.id] = "its server has its share of what no moderator has looked at"
        else:
            by_person.update(people)
            by_server[_server(lesson)] += 1
            kept.append(lesson)
    return kept


def without_contradictions(
    lessons: Sequence[Lesson], clusters: Mapping[str, str], dropped: Dropped
) -> tuple[list[Lesson], list[str]]:
    """Corrections of one question that say different things go; so do answers found both good and bad.

    Returns what stays, and the ids that go back to review.
    """
    corrections = [lesson for lesson in lessons if lesson.kind == "correction"]
    again: set[str] = set()
    for alike in _groups(corrections, lambda one: (clusters[one.id], frozenset(plain(asked(one))))):
        told = [statement(one) for one in alike]
        if any(not same(one, other) for at, one in enumerate(told) for other in told[at + 1 :]):
            again.update(one.id for one in told)
    for alike in _groups(
        [one for one in lessons if one.kind in ("good", "bad")],
        lambda one: (clusters[one.id], one.example.turn.answer),
    ):
        if len({one.kind for one in alike}) > 1:
            again.update(one.id for one in alike)
    dropped.update(dict.fromkeys(again, CONTRADICTED))
    disliked = {(clusters[one.id], worse) for one in lessons if one.kind == "correction" for worse in one.rejected}
    refuted = {one.id for one in lessons if one.kind == "good" and (clusters[one.id], one.chosen) in disliked}
    dropped.update(dict.fromkeys(refuted - again, "the same answer was corrected elsewhere"))
    return [lesson for lesson in lessons if lesson.id not in again | refuted], sorted(again)


def without_repetition(lessons: Sequence[Lesson], clusters: Mapping[str, str], dropped: Dropped) -> list[Lesson]:
    """The same said twice is one row, and of nearly the same question the newest MOST_ALIKE stay."""
    gone: set[str] = set()
    for alike in _groups(lessons, lambda one: (clusters[one.id], one.kind)):
        seen: set[tuple[str, str, tuple[str, ...]]] = set()
        stay = 0
        for lesson in sorted(alike, key=lambda one: one.example.turn.number, reverse=True):
            told = (" ".join(plain(asked(lesson))), lesson.chosen, lesson.rejected if not lesson.chosen else ())
            if told in seen:
                dropped[lesson.id] = "the same as another row"
            elif stay >= MOST_ALIKE:
                dropped[lesson.id] = f"{MOST_ALIKE} newer rows of nearly the same question are enough"
            else:
                seen.add(told)
                stay += 1
                continue
            gone.add(lesson.id)
    return [lesson for lesson in lessons if lesson.id not in gone]


def balanced(lessons: Sequence[Lesson], dropped: Dropped) -> list[Lesson]:
    """Not more bad answers than the good ones can hold up against."""
    most = NEGATIVES * sum(lesson.kind == "good" for lesson in lessons)
    bad = [lesson.id for lesson in lessons if lesson.kind == "bad"]
    gone = set(bad[: max(0, len(bad) - most)])
    dropped.update(dict.fromkeys(gone, "there are too few good answers beside so many bad ones"))
    return [lesson for lesson in lessons if lesson.id not in gone]


def asked(lesson: Lesson) -> str:
    """What was asked, with what was said before it where the scenario is talk."""
    turn, review = lesson.example.turn, lesson.example.review
    question = review.question if review is not None and review.question else turn.question
    if turn.scenario != "chat" or not turn.prompt:
        return question
    before = [one["content"] for one in turn.prompt[0][:-1] if one["role"] != "system" and "of" not in one]
    return "\n".join([*before, question])


def statement(lesson: Lesson) -> Statement:
    """A correction as what somebody says is true."""
    return Statement(lesson.id, asked(lesson), lesson.chosen, lesson.author)


def _server(lesson: Lesson) -> tuple[str, str]:
    return lesson.example.turn.platform, lesson.example.turn.server


def _burst(moments: Sequence[float]) -> bool:
    later = moments[BURST - 1 :]
    return any(end - start <= BURST_TIME.total_seconds() for start, end in zip(moments, later, strict=False))


def _groups(lessons: Iterable[Lesson], key: Callable[[Lesson], object]) -> list[list[Lesson]]:
    found: dict[object, list[Lesson]] = {}
    for lesson in lessons:
        found.setdefault(key(lesson), []).append(lesson)
    return list(found.values())
