"""What can be pressed under an answer, in words no platform owns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Control(StrEnum):
    """The kinds of control. Adapters draw them; the router knows who answers a press."""

    STOP = "stop"
    RETRY = "retry"
    CONTINUE = "continue"
    UNDO = "undo"
    EDIT = "edit"
    VERSION = "version"
    UP = "up"
    DOWN = "down"
    WHY = "why"
    SOURCES = "sources"
    FLAG = "flag"
    PICK = "pick"
    REFINE = "refine"
    CARD = "card"
    HANDOFF = "handoff"
    SOLVED = "solved"
    EXPORT = "export"
    PARTY = "party"
    RUN = "run"
    # On a review's card.
    CLAIM = "claim"
    APPROVE = "approve"
    CORRECT = "correct"
    REJECT = "reject"
    REOPEN = "reopen"


@dataclass(frozen=True, slots=True)
class Button:
    """One control as shown. `value` comes back with the press; `asks` is the question of a text box, "" = none."""

    control: Control
    label: str
    value: str = ""
    asks: str = ""
    primary: bool = False


def stored_buttons(rows: Iterable[Mapping[str, Any]]) -> tuple[Button, ...]:
    """Buttons as a turn keeps them; kinds that this version knows no more are left out."""
    known = {control.value for control in Control}
    kept = (row for row in rows if row["control"] in known)
    return tuple(Button(**{**row, "control": Control(row["control"])}) for row in kept)


RETRY = Button(Control.RETRY, "Retry")
CONTINUE = Button(Control.CONTINUE, "Continue")
UNDO = Button(Control.UNDO, "Undo")
EDIT = Button(Control.EDIT, "Edit", asks="The text as it should read")
WHY = Button(Control.WHY, "Why")
UP = Button(Control.UP, "Good answer")
DOWN = Button(Control.DOWN, "Bad answer", asks="What should it have said? (may stay empty)")
FLAG = Button(Control.FLAG, "Flag", asks="What is wrong? For example: wrong fact: it closes at six")

USUAL = (RETRY, UP, DOWN, FLAG, WHY)
"""Under every answer that a model wrote."""
