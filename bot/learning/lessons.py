"""Lessons: what each example may teach, before any guard has looked at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bot.learning.examples import QUORUM, Example
from bot.learning.flags import Reason

Kind = Literal["correction", "good", "bad", "pick", "retry"]
DANGEROUS = frozenset({Reason.HARMFUL, Reason.PERSONAL_DATA})


@dataclass(frozen=True, slots=True)
class Lesson:
    """Something to learn from an answer. `chosen` is the better text, `rejected` the worse ones, each "" or () = none.

    correction: a reviewed better answer. good, bad: the answer itself. pick, retry: one was preferred to others.
    `reviewed`: a moderator has looked at it; else `people` are those on whose word it stands. `author` wrote the
    better text. `dangerous`: harmful, or somebody's personal data.
    """

    example: Example
    kind: Kind
    chosen: str = ""
    rejected: tuple[str, ...] = ()
    reviewed: bool = True
    author: str = ""
    people: tuple[str, ...] = ()
    dangerous: bool = False

    @property
    def id(self) -> str:
        return self.example.id


def lessons_of(example: Example) -> Lesson | str:
    """What an example teaches, or why it teaches nothing."""
    turn, review = example.turn, example.review
    if turn.state not in ("done", "stopped"):
        return "taken back by the person who asked" if turn.state == "undone" else "the answer broke off"
    if not turn.question and not (review and review.question):
        return "nothing is kept of the question"
    if review is not None and review.state in ("approved", "edited"):
        dangerous = not example.reasons.isdisjoint(DANGEROUS)
        if review.correction:
            worse = (turn.answer,) if turn.answer and turn.answer != review.correction else ()
            return Lesson(
                example, "correction", review.correction, worse, author=example.corrector, dangerous=dangerous
            )
        return Lesson(example, "bad", rejected=(turn.answer,), author=_flagger(example), dangerous=dangerous)
    if example.state == "open":
        return "waits for review"
    if not turn.answer:
        return "nothing is kept of the answer"
    if example.state == "rejected":
        return Lesson(example, "good", turn.answer, author=turn.user)
    return _of_people(example)


def _of_people(example: Example) -> Lesson | str:
    """What stands on the word of people alone, no moderator having looked at it."""
    turn = example.turn
    up, down = example.thumbs("up"), example.thumbs("down")
    if len(up) >= QUORUM and len(up) >= 2 * len(down):
        return Lesson(example, "good", turn.answer, reviewed=False, people=up)
    if len(down) >= QUORUM and len(down) >= 2 * len(up):
        return Lesson(example, "bad", rejected=(turn.answer,), reviewed=False, people=down)
    pick = next((row for row in example.said if row.kind == "pick" and row.user == turn.user), None)
    if pick is not None:
        chosen, rejected = str(pick.detail["chosen"]), tuple(map(str, pick.detail["rejected"]))
        return Lesson(example, "pick", chosen, rejected, reviewed=False, author=turn.user, people=(turn.user,))
    worse = _tried_before(example)
    if worse and turn.user in up:
        return Lesson(example, "retry", turn.answer, worse, reviewed=False, author=turn.user, people=(turn.user,))
    if up and down:
        return "people do not agree on it"
    return f"fewer than {QUORUM} people agree on it, and no moderator has looked at it"


def _tried_before(example: Example) -> tuple[str, ...]:
    """The answers that the person had tried again until this one, which they liked."""
    before = (one for one in example.versions if one.number < example.turn.number and one.state == "done")
    return tuple(dict.fromkeys(one.answer for one in before if one.answer and one.answer != example.turn.answer))


def _flagger(example: Example) -> str:
    return example.flags[0].user if example.flags else example.turn.user
