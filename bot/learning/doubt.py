"""Doubt: whether a set of corrections may train an adapter that is promoted, or somebody has to look at it first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from bot.learning.agreement import Neighbours
from bot.learning.lessons import Lesson

CONTESTED = 0.26
"""From this mean part of nearest corrections that say something else on, nobody can tell which are right."""
LEAST = 12
"""Fewer corrections than this say nothing about how well people agree."""
FEW = 5
"""So many people who are new here, or fewer, are watched more closely"""
CONCENTRATED = 0.25
"""where they wrote this part of the corrections"""
NEW_CONTESTED = 0.2
"""and so much of what stands nearest to theirs says something else."""
NAMED = 5


def held(lessons: Sequence[Lesson], beside: Mapping[str, Neighbours], seen: Collection[str]) -> str:
    """Why nothing may be promoted from these corrections, "" when it may. `seen`: ids of earlier datasets' rows."""
    told = {lesson.id: beside[lesson.id].contested for lesson in lessons if lesson.kind == "correction"}
    doubts = {one: contested for one, contested in told.items() if contested is not None}
    if len(doubts) < LEAST:
        return ""
    corrections = [lesson for lesson in lessons if lesson.id in doubts]
    by_author: dict[str, list[float]] = {}
    for lesson in corrections:
        by_author.setdefault(lesson.author, []).append(doubts[lesson.id])
    mean = sum(doubts.values()) / len(doubts)
    if mean >= CONTESTED:
        return _words(doubts, by_author, {one.author for one in corrections if one.id in seen})
    known = {one.author for one in corrections if one.id in seen}
    new = {author: parts for author, parts in by_author.items() if author not in known}
    if not known or not new or len(new) > FEW:
        return ""
    theirs = [part for parts in new.values() for part in parts]
    if len(theirs) >= CONCENTRATED * len(doubts) and sum(theirs) / len(theirs) >= NEW_CONTESTED:
        return _words(doubts, new, known)
    return ""


def _words(doubts: Mapping[str, float], by_author: Mapping[str, Sequence[float]], known: Collection[str]) -> str:
    contested = sum(part > 0.5 for part in doubts.values())
    worst = Counter({author: sum(part > 0.5 for part in parts) for author, parts in by_author.items()})
    named = [
        f"{author.partition(':')[2]} ({count} of {len(by_author[author])}{'' if author in known else ', new here'})"
        for author, count in worst.most_common(NAMED) if count
    ]  # fmt: skip
    return (
        f"{contested} of {len(doubts)} corrections say something else than the corrections of the nearest questions, "
        f"most of all those by {', '.join(named)}. Somebody has to look at them before an adapter may learn from them."
    )
