"""The course of a lesson or a story: its turns, from the command that began it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.errors import UserError
from bot.turn import Turn
from bot.turns import TurnRow

MOST = 400
"""At most so many turns of a conversation are looked through for the beginning."""

BEGINS_NOTHING = frozenset(("@control", "action"))
"""A turn with one of these options belongs to a course that was there before."""


@dataclass(frozen=True, slots=True)
class Course:
    """The remembered turns of one scenario since its command, oldest first; `options` are the command's."""

    rows: tuple[TurnRow, ...]
    options: Mapping[str, str]

    @property
    def last(self) -> TurnRow:
        return self.rows[-1]


def goes_on(turn: Turn, scenario: str) -> bool:
    """Whether plain words continue what the conversation was at, rather than begin something."""
    if turn.pressed is not None or turn.previous is None or turn.previous.scenario != scenario:
        return False
    # A retry of such words comes as the command without options; a typed command starts with its name.
    return not turn.request.options and not turn.request.text.lstrip().startswith(("/", "!"))


async def course_of(turn: Turn, anchor: TurnRow) -> Course:
    """The course that `anchor` stands at the end of. Raises UserError when nothing of it was kept."""
    if not anchor.answer:
        raise UserError("With memory off I keep nothing of that answer, so it cannot go on. /memory on changes that.")
    rows = await turn.stores.turns.recent(anchor.conversation, most=MOST)
    rows = [row for row in rows if row.scenario == anchor.scenario and row.number < anchor.number]
    found: list[TurnRow] = []
    for row in (anchor, *rows):
        found.append(row)
        options = await _first_options(turn, row)
        if options and BEGINS_NOTHING.isdisjoint(options):
            return Course(tuple(reversed(found)), options)
    return Course(tuple(reversed(found)), _own(anchor.options))


async def _first_options(turn: Turn, row: TurnRow) -> Mapping[str, str]:
    """The options of a turn's first version: a later one may hold its words as an option."""
    if not row.version_of:
        return row.options
    first = await turn.stores.turns.get(row.version_of)
    return row.options if first is None else first.options


def _own(options: Mapping[str, str]) -> Mapping[str, str]:
    return {name: value for name, value in options.items() if not name.startswith("@")}
