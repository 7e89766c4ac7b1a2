"""Headlines for /write: several to pick from, the pick kept as a preference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.controls import Button, Control
from bot.errors import UserError
from bot.scenarios.sentences import split, words
from bot.scenarios.verifying import to_verify
from bot.stores import Stores
from bot.turn import Finished, Plan, Say, Step, Turn
from models.engine import Message, Sampling

SYSTEM = "You write newspaper headlines. You use only the facts you are given and invent nothing."
ASK = "Write one newspaper headline of at most twelve words for this text. Write only the headline."
BRIEF = "Write one newspaper headline of at most six words for this text. Write only the headline."
SHOTS = (
    (
        "The city library will stay open until ten in the evening from May on.",
        "City Library to Stay Open Until Ten From May", "Library Open Until Ten",
    ),
    (
        "42 people were hurt on Monday when a ferry hit the pier in Kiel. Police look for the cause.",
        "Ferry Hits Pier in Kiel, 42 Hurt", "Ferry Crash in Kiel",
    ),
    (
        "Anna Berg, 34, won the Oslo marathon on Sunday in 2 hours 31 minutes.",
        "Anna Berg Wins Oslo Marathon in 2 Hours 31 Minutes", "Berg Wins Oslo Marathon",
    ),
)  # fmt: skip
GREEDY = Sampling(temperature=0.0, max_tokens=32, stop=("\n",))
DRAWN = Sampling(temperature=0.5, top_p=0.9, max_tokens=32, stop=("\n",))
SENTENCE_WORDS = 3


@dataclass(frozen=True, slots=True)
class Pick:
    """One of several headlines was preferred to the others."""

    turn_id: str
    chosen: str
    rejected: tuple[str, ...]

    async def write(self, stores: Stores, turn: Turn) -> None:
        await stores.feedback.pick(self.turn_id, turn.request.user, self.chosen, list(self.rejected))


def headlines(turn: Turn, facts: str, refine: tuple[Button, ...]) -> Plan:
    """A full one, a brief one and one more, drawn. A lone one can be refined at once."""
    wish = f" Write it in {turn.options['language']}." if turn.options.get("language") else ""
    first = DRAWN if turn.again else GREEDY
    wanted = ((prompt(ASK + wish, facts), first), (prompt(BRIEF + wish, facts, brief=True), first),
              (prompt(ASK + wish, facts), DRAWN))  # fmt: skip
    steps = tuple(
        Step(
            messages, replace(sampling, seed=turn.seed + number), filter=Tidy,
            head=f"{chr(10) if number else ''}{number + 1}. ",
        )
        for number, (messages, sampling) in enumerate(wanted)
    )  # fmt: skip

    def finish(texts: Sequence[str]) -> Finished:
        found = list(dict.fromkeys(text for text in texts if text))
        lines = "\n".join(f"{number}. {text}" for number, text in enumerate(found, 1))
        picks = tuple(Button(Control.PICK, f"Pick {number}", str(number)) for number in range(1, len(found) + 1))
        return Finished(lines, buttons=picks if len(found) > 1 else refine, notes=to_verify(lines, facts, titled=True))

    return Plan(steps, finish, question=f"Write headlines: {facts}")


def picked(turn: Turn, listed: str, refine: tuple[Button, ...]) -> Say:
    """The headline that was pressed, out of the list as it was shown."""
    assert turn.pressed is not None
    lines = [line.partition(". ")[2] for line in listed.splitlines() if line.partition(". ")[0].isdigit()]
    number = int(turn.pressed.value) if turn.pressed.value.isdecimal() else 0
    if not 1 <= number <= len(lines):
        raise UserError("That headline is no longer in the list.")
    chosen = lines[number - 1]
    rejected = tuple(line for line in lines if line != chosen)
    record = Pick(turn.pressed.turn.id, chosen, rejected)
    return Say(Finished(f"**{chosen}**", buttons=refine, records=(record,)), remember=True)


def prompt(ask: str, facts: str, *, brief: bool = False) -> list[Message]:
    """What is sent for one headline."""
    messages = [Message("system", SYSTEM)]
    for given, full, short in SHOTS:
        messages += [Message("user", f"{ask}\n\n{given}"), Message("assistant", short if brief else full)]
    return [*messages, Message("user", f"{ask}\n\n{facts}")]


class Tidy:
    """A headline without quotation marks, a label, a full stop or a second sentence; it is shown when it is whole."""

    def __init__(self) -> None:
        self._text = ""

    def feed(self, delta: str) -> str:
        self._text += delta
        return ""

    def end(self) -> str:
        text = self._text.strip().removeprefix("Headline:").strip('"“”*#. ')
        first = (split(text) or [""])[0]
        # "Dr." ends no sentence.
        return first.strip('"“”*#. ') if len(words(first)) >= SENTENCE_WORDS else text
