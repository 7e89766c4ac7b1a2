"""One turn: what a scenario may see, what it plans, and what reaches the person."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from bot.commands import Command
from bot.controls import Button
from bot.place_settings import NO_SERVER, ServerSettings
from bot.request import Request
from models.engine import Message, Sampling

if TYPE_CHECKING:
    from bot.stores import Stores
    from bot.turns import TurnRow

Action = Literal["answer", "abstain", "handoff"]


@dataclass(frozen=True, slots=True)
class Pressed:
    """A control pressed under an earlier answer, which comes along whole."""

    control: str
    value: str
    turn: TurnRow


@dataclass(frozen=True, slots=True)
class Correction:
    """A reviewed answer to a question like this one. `same`: it is this question, in other words at most."""

    turn_id: str
    question: str
    text: str
    same: bool = False


@dataclass(frozen=True, slots=True)
class Lent(Message):
    """A message that was lent to a prompt from the correction of turn `of`: no part of what was said."""

    of: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a scenario may see. It may read `stores`; what it wants written goes into `Finished.records`.

    `history` is this conversation's recent turns, oldest first, already inside the token budget;
    `summary` is what older ones were folded into; `facts` are what the person asked to remember.
    `options` are validated; `text` is the free words. `again`: the person wants another answer than the first, whose
    turn is `first_id`. `server` is what the admins of the server have set, `corrections` what reviewers have said to
    questions like it.
    """

    id: str
    request: Request
    stores: Stores
    text: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    history: tuple[Message, ...] = ()
    summary: str = ""
    facts: tuple[str, ...] = ()
    previous: TurnRow | None = None
    pressed: Pressed | None = None
    seed: int = 0
    again: bool = False
    first_id: str = ""
    server: ServerSettings = NO_SERVER
    corrections: tuple[Correction, ...] = ()

    @property
    def locale(self) -> str:
        return self.request.author.locale


@dataclass(frozen=True, slots=True)
class Source:
    """Where an answer's words come from, shown as [number]."""

    number: int
    title: str
    heading: str
    excerpt: str
    document_id: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """A file handed out with an answer."""

    name: str
    mime: str
    content: bytes


class Filter(Protocol):
    """Rewrites a stream on its way out. What `feed` and `end` return is shown and never taken back.

    One that has an attribute `ended` sets it when it lets nothing more through; the engine is then stopped.
    """

    def feed(self, delta: str) -> str: ...

    def end(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Step:
    """One generation: `head` is shown before it, `filter` rewrites what it says.

    `prompt` and `head` may be functions of the texts of the steps before it.
    A `silent` step is not shown: its text only reaches later prompts and `Plan.finish`. One that `chats` needs a model
    that follows instructions, where the scenario's own may only translate. `task` tells people what is being done.
    """

    prompt: Sequence[Message] | Callable[[Sequence[str]], Sequence[Message]]
    sampling: Sampling
    head: str | Callable[[Sequence[str]], str] = ""
    filter: Callable[[], Filter] | None = None
    silent: bool = False
    chats: bool = False
    task: str = ""


class Record(Protocol):
    """Something a finished turn leaves in a store besides its own row: a card, a gap, a pick."""

    async def write(self, stores: Stores, turn: Turn) -> None: ...


@dataclass(frozen=True, slots=True)
class Thread:
    """Where an answer goes on, on platforms that open threads: its title, and what stands at its head."""

    title: str
    words: str
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """The outcome of a plan. `text` is what stands in the end, whatever was streamed before."""

    text: str
    action: Action = "answer"
    sources: tuple[Source, ...] = ()
    buttons: tuple[Button, ...] = ()
    notes: tuple[str, ...] = ()
    files: tuple[File, ...] = ()
    records: tuple[Record, ...] = ()
    thread: Thread | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a scenario wants of the model.

    `finish` gets each step's filtered text (heads not included) and makes the outcome; without one,
    the outcome is heads and texts joined. `remember`: whether the turn becomes part of the history;
    `ask` and `answer_as` what the history keeps of it, where that differs from the words typed and shown.
    """

    steps: tuple[Step, ...]
    finish: Callable[[Sequence[str]], Finished | Awaitable[Finished]] | None = None
    buttons: tuple[Button, ...] = ()
    sources: tuple[Source, ...] = ()
    notes: tuple[str, ...] = ()
    remember: bool = True
    question: str = ""


@dataclass(frozen=True, slots=True)
class Say:
    """An outcome that needs no model. `private`: shown to the asker only, where the platform can."""

    finished: Finished
    private: bool = False
    remember: bool = False


def say(text: str, *, private: bool = True, buttons: tuple[Button, ...] = ()) -> Say:
    """A plain text outcome."""
    return Say(Finished(text, buttons=buttons), private=private)


class Scenario(Protocol):
    """Data in, data out: a `Turn` gives a `Plan`, or a `Say` when no model is needed.

    It never streams and never touches a platform. Raise `bot.errors.UserError` for words to the person.
    A scenario may have `instant = True`: it needs no model and no place in the line; or `searches = True`: even its
    plan needs the engine, for the encoder.
    """

    @property
    def command(self) -> Command: ...

    async def plan(self, turn: Turn) -> Plan | Say: ...


@dataclass(frozen=True, slots=True)
class Waiting:
    """The turn is not being answered yet. `words` can be shown as they are; `seconds` is an estimate.

    `working`: it is being worked on, and `words` say what is done just now.
    """

    words: str
    place: int = 0
    seconds: float | None = None
    working: bool = False


@dataclass(frozen=True, slots=True)
class Delta:
    """More text, to be put behind what was shown."""

    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The end of a stream: the answer as it stands. `text` replaces what was shown before."""

    turn_id: str
    scenario: str
    text: str
    action: Action = "answer"
    sources: tuple[Source, ...] = ()
    buttons: tuple[Button, ...] = ()
    notes: tuple[str, ...] = ()
    files: tuple[File, ...] = ()
    thread: Thread | None = None
    stopped: bool = False
    broken: bool = False
    private: bool = False
    model: str = ""
    adapter: str = ""
    prompt_tokens: int = 0
    tokens: int = 0
    ttft: float | None = None
    seconds: float = 0.0


Event = Waiting | Delta | Answer


def model_name(model: str, adapter: str) -> str:
    """How a model is named to people: with the adapter that it spoke through."""
    return f"{model}@{adapter}" if adapter else model
