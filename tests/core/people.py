"""People for tests: requests, a reply that keeps what it was given, and a small scenario of each kind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bot.commands import Command, Option, choices
from bot.controls import Button, Control
from bot.errors import UserError
from bot.reply import Stream
from bot.request import Author, MessageRef, Place, Press, Request
from bot.turn import Answer, Delta, Finished, Plan, Say, Step, Turn, Waiting, say
from bot.turns import new_id
from models.engine import Message, Sampling

SAMPLING = Sampling(temperature=0.0, max_tokens=100)


def ask(text: str = "", *, user: str = "ann", channel: str = "c", thread: str = "", **more: object) -> Request:
    """A request typed by `user`."""
    place = Place("test", channel=channel, thread=thread)
    request = Request(id=new_id(), place=place, author=Author(user, name=user), text=text)
    return replace(request, **more)  # type: ignore[arg-type]


def press(turn_id: str, control: str, value: str = "", *, user: str = "ann", channel: str = "c") -> Request:
    return ask(user=user, channel=channel, press=Press(turn_id, control, value))


@dataclass
class Kept:
    """A reply that keeps every event. `shown` is set by the first one, `said` by the first words."""

    events: list[object] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    turn_id: str = ""
    errors: list[Exception] = field(default_factory=list)
    shown: asyncio.Event = field(default_factory=asyncio.Event)
    said: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, turn_id: str, stream: Stream) -> MessageRef:
        self.turn_id = turn_id
        async for event in stream:
            self.events.append(event)
            self.shown.set()
            if isinstance(event, Delta):
                self.said.set()
        if self.errors:
            raise self.errors.pop(0)
        return MessageRef("test", "c", (f"m-{turn_id}",))

    async def fail(self, words: str) -> None:
        self.failures.append(words)
        self.shown.set()

    @property
    def answer(self) -> Answer:
        assert not self.failures, self.failures
        last = self.events[-1]
        assert isinstance(last, Answer), self.events
        assert sum(isinstance(event, Answer) for event in self.events) == 1
        return last

    @property
    def streamed(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, Delta))

    @property
    def waits(self) -> list[Waiting]:
        return [event for event in self.events if isinstance(event, Waiting)]


class Talk:
    """Sends the history and the words."""

    command = Command("chat", "Talk", (Option("text", "Words", rest=True),))

    def __init__(self) -> None:
        self.turns: list[Turn] = []

    async def plan(self, turn: Turn) -> Plan:
        self.turns.append(turn)
        return Plan(steps=(Step((*turn.history, Message("user", turn.text)), SAMPLING),))


class Twice:
    """Two steps, the second one made from the first."""

    command = Command(
        "twice",
        "Say it twice",
        (
            Option("what", "What to say", required=True, rest=True),
            Option("tone", "How", kind="choice", choices=choices("loud", "low"), default="low"),
            Option("times", "How often", kind="integer", minimum=1, maximum=5),
        ),
        examples=("/twice hello tone:loud",),
    )

    async def plan(self, turn: Turn) -> Plan | Say:
        if turn.pressed is not None:
            return say(f"{turn.pressed.control} {turn.pressed.value} on {turn.pressed.turn.answer}")
        if turn.text == "nothing":
            raise UserError("There is nothing to say twice.")

        def second(texts: Sequence[str]) -> list[Message]:
            return [Message("user", f"say: and {texts[0]}")]

        steps = (
            Step([Message("user", f"say: {turn.text}")], SAMPLING, head="**One** "),
            Step(second, SAMPLING, head=" **Two** "),
        )
        return Plan(steps, lambda texts: Finished(" | ".join(texts), buttons=(Button(Control.PICK, "This", "1"),)))


class Now:
    """Needs no model."""

    instant = True
    command = Command("now", "Answer at once")

    async def plan(self, turn: Turn) -> Say:
        return say("At once.")
