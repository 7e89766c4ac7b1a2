"""Exercises: problems solved by code that the student is given, helped with and judged on."""

from __future__ import annotations

from bot.controls import Button, Control
from bot.scenarios.course import Course
from bot.scenarios.lesson import HINT, HINTS, MORE, NEXT, SOLUTION, YOUR_TURN, steps_of, task_of
from bot.scenarios.sentences import words
from bot.scenarios.solutions import Solution, another, solution
from bot.turn import Finished, Say, Turn

ASKING = frozenset("what why how when where who which is are can could does do did explain tell show give".split())


def given(solved: Solution, first: str = "") -> Say:
    """A problem put to the student, under a hint."""
    text = f"{first or HINT + HINTS[solved.kind]}\n\n{YOUR_TURN}{task_of(solved)}"
    return Say(Finished(text, buttons=(NEXT, SOLUTION)), remember=True)


def pending_problem(course: Course) -> Solution | None:
    """The problem the student was given last, or asked about."""
    for row in reversed(course.rows):
        _, mark, task = row.answer.rpartition(YOUR_TURN)
        found = solution(task.splitlines()[0]) if mark else solution(row.question)
        if found is not None:
            return found
    return None


def judged(turn: Turn, pending: Solution) -> Say:
    """The student's try at a problem that was solved by code."""
    verdict = pending.accepts(turn.text)
    if verdict:
        proof = f" Put in, that gives {pending.proof}." if pending.proof else ""
        more = another(pending, turn.seed)
        tail = f"\n\n{YOUR_TURN}{task_of(more)}" if more else ""
        buttons = (NEXT, SOLUTION) if more else ()
        return Say(Finished(f"Right, {pending.answer}.{proof}{tail}", buttons=buttons), remember=True)
    if pending.partly(turn.text):
        words_back = "That is one of the solutions. Is there another?"
    elif verdict is None:
        words_back = f"I read no number in that. {HINTS[pending.kind]}"
    else:
        words_back = f"Not yet. {HINTS[pending.kind]}"
    return given(pending, words_back)


def next_problem(turn: Turn, pending: Solution) -> Say:
    """Another problem like the last one."""
    return given(another(pending, turn.seed) or pending)


def next_step(pending: Solution, number: int) -> Say:
    """One of the steps, shown alone; the last one comes with the whole solution."""
    number = max(1, min(number, len(pending.steps)))
    text = f"**Step {number}** {pending.steps[number - 1]}\n\n{YOUR_TURN}{task_of(pending)}. How does it go on?"
    if number >= len(pending.steps):
        return Say(Finished(steps_of(pending), buttons=(MORE,)), remember=True)
    return Say(
        Finished(text, buttons=(Button(Control.CONTINUE, "Next step", f"step:{number + 1}", primary=True), SOLUTION)),
        remember=True,
    )


def is_problem(asked: Solution | None, text: str) -> bool:
    """Whether words hold a problem of their own, rather than an answer such as "x = 4"."""
    if asked is None:
        return False
    return asks(text) or text.lower().startswith(("solve", "calculate", "simplify")) or len(asked.steps) > 1


def asks(text: str) -> bool:
    """Whether words are a question."""
    first = next(iter(words(text)), "")
    return text.rstrip().endswith(("?", "？")) or first in ASKING
