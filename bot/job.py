"""A turn on its way through the core."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from bot.controls import stored_buttons
from bot.generation import Outcome
from bot.place_settings import NO_SERVER, ServerSettings
from bot.quotas import Left
from bot.reply import Stream
from bot.request import Request
from bot.router import Route
from bot.turn import Answer, Finished, Pressed, Source
from bot.turns import TurnRow, new_id


@dataclass(eq=False, slots=True)
class Job:
    """What is known of a running turn. `first` is the turn that this one is another version of.

    `stopping`: its end was asked for, so being cancelled is no accident; `reason`: why, where its person did not
    ask for it. `begun`, `stored`: its row, its answer is in the store. `remembering`: whether its person wants it
    remembered. `server`: its admins' settings.
    """

    request: Request
    route: Route
    first: TurnRow | None = None
    pressed: Pressed | None = None
    id: str = field(default_factory=new_id)
    stream: Stream = field(default_factory=Stream)
    outcome: Outcome = field(default_factory=Outcome)
    task: asyncio.Task[None] | None = None
    stopping: bool = False
    reason: str = ""
    begun: bool = False
    remembering: bool = True
    stored: bool = False
    left: Left | None = None
    server: ServerSettings = NO_SERVER

    def stop(self, reason: str = "") -> None:
        """Ask the turn to end now, keeping what was said."""
        self.stopping = True
        self.reason = reason
        if self.task is not None:
            # Behind the task's first step: cancelled before that, nothing of it would run, nor end the stream.
            self.task.get_loop().call_soon(self.task.cancel)

    @property
    def options(self) -> dict[str, str]:
        """The options as stored: with the press that led here, so that the turn can be tried again, and whether
        the answer is for its author alone."""
        private = {"@private": "yes"} if self.request.private else {}
        if self.pressed is None:
            return {**self.route.options, **private}
        press = {"@control": self.pressed.control, "@value": self.pressed.value, "@turn": self.pressed.turn.id}
        return {**self.route.options, **press, **private}


def answer_of(turn_id: str, scenario: str, finished: Finished, *, private: bool = False) -> Answer:
    """The event that ends a stream, for an outcome that cost nothing."""
    return Answer(
        turn_id=turn_id, scenario=scenario, text=finished.text, action=finished.action, sources=finished.sources,
        buttons=finished.buttons, notes=finished.notes, files=finished.files, thread=finished.thread, private=private,
    )  # fmt: skip


def answer_again(row: TurnRow, *notes: str) -> Answer:
    """A stored turn's answer as it was shown, with more notes behind its own. Its files are not kept."""
    return Answer(
        turn_id=row.id,
        scenario=row.scenario,
        text=row.answer,
        sources=tuple(Source(**source) for source in row.sources),
        buttons=stored_buttons(row.buttons),
        notes=(*row.notes, *notes),
        stopped=row.state == "stopped",
        model=row.model,
    )
