"""Scenes for the page: an engine that speaks by script, and scenarios that show everything a page can show."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from bot.commands import Choice, Command, Option, choices
from bot.controls import CONTINUE, EDIT, UNDO, Button, Control
from bot.errors import UserError
from bot.request import Attachment
from bot.turn import File, Finished, Plan, Pressed, Say, Source, Step, Turn, say
from models.engine import EngineFailed, Message, Piece, Sampling, Usage

SAMPLING = Sampling(temperature=0.0, max_tokens=200)
LANGUAGES = ("Danish", "Dutch", "English", "French", "German", "Greek", "Italian", "Spanish", "Swedish")
RICH = """Two things help here.

1. **Subtract 3** from both sides
2. Divide by 2

| step | equation |
|---|---:|
| start | 2x + 3 = 11 |
| minus 3 | 2x = 8 |

```python
x = (11 - 3) / 2
print(x)  # 4.0
```

> Try the check yourself: what is 2 · 4 + 3?"""


class Script:
    """An engine that says what the last message asks for. `open` counts the answers being given."""

    def __init__(self) -> None:
        self.open = 0
        self.asked: list[str] = []

    async def stream(self, model: str, messages: Sequence[Message], sampling: Sampling) -> AsyncGenerator[Piece, None]:
        words = messages[-1].content
        self.asked.append(words)
        self.open += 1
        try:
            if "break" in words:
                yield Piece("The first half ")
                raise EngineFailed("as asked")
            said = RICH if "rich" in words else words.partition("say: ")[2] or f"You said: {words}"
            for number, word in enumerate(said.split(" ")):
                yield Piece(word if number == 0 else f" {word}")
                await asyncio.sleep(0.02 if "rich" in words or "slow" in words else 0)
            if "hold" in words:
                await asyncio.Event().wait()
            yield Piece(finish_reason="stop", usage=Usage(12, 34))
        finally:
            self.open -= 1

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [[1.0] + [0.0] * 63 for _ in texts]

    async def models(self) -> list[str]:
        return ["parley"]


class Keeper:
    """The script is always there."""

    words = ""
    away = False

    async def wait_ready(self) -> bool:
        return True


class Talk:
    command = Command("chat", "Talk", (Option("text", "Words", rest=True),))

    async def plan(self, turn: Turn) -> Plan:
        files = "".join([await _text(attachment) for attachment in turn.request.attachments])
        again = f" (seed {turn.seed})" if "again" in turn.text else ""
        return Plan((Step([Message("user", f"{turn.text}{again}{files}")], SAMPLING),))


class Translate:
    command = Command(
        "translate",
        "Translate a text",
        (
            Option("text", "What to translate", required=True, rest=True),
            Option("to", "The language you want", required=True, suggest=lambda typed, _: _languages(typed), lead=True),
            Option("tone", "How it should sound", kind="choice", choices=choices("plain", "formal", "friendly")),
            Option("note", "Add a note on tone", kind="boolean"),
        ),
        examples=('/translate "Good morning" to:French', "/translate to:German tone:formal See you tomorrow"),
        help="Mentions, links and code stay as they are.",
        descriptions={"de": "Einen Text übersetzen"},
    )

    async def plan(self, turn: Turn) -> Plan:
        said = f"say: [{turn.options['to']}] {turn.text}"
        return Plan((Step([Message("user", said)], SAMPLING),))


class Story:
    command = Command(
        "story", "Write a story", (Option("theme", "What it is about", rest=True),), examples=("/story rain",)
    )

    async def plan(self, turn: Turn) -> Plan:
        more = f" more {turn.pressed.control}" if turn.pressed else ""
        files = (File("story.md", "text/markdown", b"# A story\n"),)
        return Plan(
            (Step([Message("user", f"say: Once upon a time{more}.")], SAMPLING),),
            lambda texts: Finished(texts[0], buttons=(CONTINUE, UNDO, EDIT), files=files),
        )


class Write:
    command = Command("write", "Write headlines", (Option("facts", "Facts", rest=True),), examples=("/write rain",))

    async def plan(self, turn: Turn) -> Plan | Say:
        if turn.pressed is not None:
            return _picked(turn.pressed)
        if turn.text == "nothing":
            raise UserError("There is nothing to write about.")
        buttons = (
            Button(Control.PICK, "Pick 1", "1", primary=True), Button(Control.REFINE, "Shorter", "shorter"),
            Button(Control.CONTINUE, "Write 2. The flood", "2"),
        )  # fmt: skip
        return Plan(
            (Step([Message("user", "say: 1. Rain at last")], SAMPLING),),
            lambda texts: Finished(texts[0], buttons=buttons, notes=("To verify: **rain**",)),
        )


class Support:
    command = Command(
        "support", "Answer from the documents", (Option("question", "Your question", required=True, rest=True),),
        examples=("/support How do I install it?",),
    )  # fmt: skip

    async def plan(self, turn: Turn) -> Plan:
        sources = (
            Source(1, "Installing", "First steps", "Type make run and wait."),
            Source(2, "Settings", "Ports", "WEB_PORT is 8080.", url="https://example.org/settings"),
        )
        said = "say: Type `make run` [1], then open port 8080 [2]."
        return Plan((Step([Message("user", said)], SAMPLING),), sources=sources)


class Help:
    instant = True
    command = Command("help", "What there is", examples=("/help",))

    async def plan(self, turn: Turn) -> Say:
        return say("Type **/** to see every command.")


SCENARIOS = (Talk(), Translate(), Story(), Write(), Support(), Help())


def _picked(pressed: Pressed) -> Say:
    if pressed.control == Control.PICK:
        return say("Noted: the first one.")
    return Say(Finished("Rain"), remember=True)


def _languages(typed: str) -> list[Choice]:
    return [Choice(name, name) for name in LANGUAGES if name.lower().startswith(typed.lower())]


async def _text(attachment: Attachment) -> str:
    return f" [{attachment.name}: {(await attachment.read()).decode()}]"
