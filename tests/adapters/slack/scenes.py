"""Scenes for Slack: those of the page, with talk that tells what it was given."""

from __future__ import annotations

from dataclasses import replace

from bot.commands import Command, Option
from bot.controls import USUAL
from bot.scenarios.memory import MemoryScenario
from bot.scenarios.privacy import PrivacyScenario
from bot.scenarios.review import ReviewScenario
from bot.scenarios.support import NoteGap
from bot.turn import Finished, Plan, Say, Step, Turn, say
from models.engine import Message
from tests.adapters.web import scenes
from tests.adapters.web.scenes import SAMPLING


class Talk(scenes.Talk):
    """Says what came along as background when asked for "quotes"."""

    command = Command("chat", "Talk", (Option("text", "Words", rest=True),))

    async def plan(self, turn: Turn) -> Plan | Say:
        if turn.text.startswith("long "):
            return say(_long(int(turn.text.split()[1])), private=False, buttons=USUAL)
        if turn.text.startswith("in steps"):
            return _in_steps("break" if turn.text.endswith("broken") else "say: And so it is.")
        if turn.text == "human please":
            asked = NoteGap(turn.text, 0.0, handed_over=True)
            return Say(Finished("I have asked a person.", action="handoff", records=(asked,)), remember=True)
        if turn.text == "seed again":
            return Plan((Step([Message("user", f"say: Seed {turn.seed}.")], SAMPLING),))
        if turn.text != "quotes":
            return await super().plan(turn)
        lines = "\n".join(f"{quote.name}: {quote.text}" for quote in turn.request.quotes)
        return Plan((Step([Message("user", f"say: {lines or 'none'}")], SAMPLING),))


def _in_steps(last: str) -> Plan:
    """Two steps that show nothing while they last, then a word."""
    slow = [Message("user", f"slow say: {'word ' * 80}")]
    reading = Step(slow, SAMPLING, silent=True, task="Reading the documents")
    checking = Step(slow, SAMPLING, silent=True, task="Checking the numbers")
    return Plan((reading, checking, Step([Message("user", last)], SAMPLING)), lambda texts: Finished(texts[-1]))


def _long(characters: int) -> str:
    """Numbered lines, those in the middle inside a block of code."""
    lines = [f"line{number}" for number in range(characters // 10)]
    third = len(lines) // 3
    return "\n".join([*lines[:third], "```python", *lines[third : 2 * third], "```", *lines[2 * third :]])


class Summarize:
    """Says again what came along."""

    command = Command("summarize", "Sum up", (Option("text", "Words", rest=True),))

    async def plan(self, turn: Turn) -> Plan:
        lines = "\n".join(f"{quote.name}: {quote.text}" for quote in turn.request.quotes)
        return Plan((Step([Message("user", f"say: {lines or 'nothing'}")], SAMPLING),))


class Tutor:
    """Takes what the true one takes."""

    command = Command("tutor", "Learn", (Option("mode", "How"), Option("question", "What", rest=True)))

    async def plan(self, turn: Turn) -> Plan:
        return Plan((Step([Message("user", f"say: {turn.options}")], SAMPLING),))


class Translate(scenes.Translate):
    """Takes the reader's own language where none is named, as the true one does."""

    command = replace(
        scenes.Translate.command,
        options=tuple(replace(option, required=option.rest) for option in scenes.Translate.command.options),
    )

    async def plan(self, turn: Turn) -> Plan:
        return await super().plan(replace(turn, options={"to": turn.locale, **turn.options}))


SCENARIOS = (
    Talk(),
    Summarize(),
    Tutor(),
    MemoryScenario(),
    PrivacyScenario(),
    ReviewScenario("https://parley.example"),
    Translate(),
    *scenes.SCENARIOS[2:],
)
