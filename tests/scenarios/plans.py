"""Runs a scenario's plan the way the core does, against an engine that is a function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

from bot.database import Database
from bot.learning.feedback import Feedback
from bot.request import Author, Place, Request
from bot.scenarios.glossary import Glossary
from bot.stores import Stores
from bot.turn import Finished, Plan, Pressed, Say, Scenario, Turn
from bot.turns import TurnRow, Turns, begin_turn, new_id
from models.engine import Message

Speak = Callable[[Sequence[Message]], str]


@dataclass
class Shelf:
    """The stores that the scenarios of text read; a whole `Stores` does as well."""

    database: Database
    turns: Turns
    feedback: Feedback
    glossary: Glossary


@dataclass
class Ran:
    """What came of a plan: the prompts as sent, what was streamed, the outcome."""

    prompts: list[list[Message]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    shown: str = ""
    finished: Finished = field(default_factory=lambda: Finished(""))


def stores_over(database: Database) -> Stores:
    shelf = Shelf(database, Turns(database), Feedback(database), Glossary(database))
    return cast(Stores, shelf)


def turn(
    stores: Stores, text: str = "", /, *, server: str = "s", locale: str = "en", pressed: Pressed | None = None,
    request: Request | None = None, history: tuple[Message, ...] = (), summary: str = "", seed: int = 7,
    **options: str,
) -> Turn:  # fmt: skip
    """A turn as the core makes it: `text` is also the option that takes the free words, where a test names none."""
    place = Place("test", server=server, channel="c")
    request = request or Request(id=new_id(), place=place, author=Author("ann", locale=locale), text=text)
    return Turn(
        id=new_id(), request=request, stores=stores, text=text, options=options, history=history, summary=summary,
        pressed=pressed, seed=seed,
    )  # fmt: skip


async def run_plan(plan: Plan | Say, speak: Speak, piece: int = 3) -> Ran:
    """Ask `speak` for each step, stream its answer in pieces of `piece` characters through the filter, finish."""
    ran = Ran()
    if isinstance(plan, Say):
        ran.finished = plan.finished
        return ran
    for step in plan.steps:
        prompt = list(step.prompt(tuple(ran.texts)) if callable(step.prompt) else step.prompt)
        head = step.head(tuple(ran.texts)) if callable(step.head) else step.head
        ran.prompts.append(prompt)
        said = speak(prompt)
        filter_ = step.filter() if step.filter else None
        text = ""
        for start in range(0, len(said), piece):
            delta = said[start : start + piece]
            text += filter_.feed(delta) if filter_ else delta
        text += filter_.end() if filter_ else ""
        ran.texts.append(text)
        if not step.silent:
            ran.shown += head + text
    if plan.finish is None:
        ran.finished = Finished(ran.shown.strip())
        return ran
    made = plan.finish(tuple(ran.texts))
    ran.finished = await made if inspect.isawaitable(made) else made
    return ran


async def stored(scenario: Scenario, asked: Turn, speak: Speak) -> TurnRow:
    """Plan and run `asked`, and keep it in the store as the core does: the row a press would bring along."""
    ran = await run_plan(await scenario.plan(asked), speak)
    await asked.stores.database.transact(
        begin_turn, asked.id, asked.request, conversation="conversation", host="host",
        scenario=scenario.command.name, options=dict(asked.options), question=asked.text,
    )  # fmt: skip
    prompts = [[{"role": message.role, "content": message.content} for message in prompt] for prompt in ran.prompts]
    await asked.stores.turns.finish(asked.id, answer=ran.finished.text, prompt=prompts, state="done")
    row = await asked.stores.turns.get(asked.id)
    assert row is not None
    return row
