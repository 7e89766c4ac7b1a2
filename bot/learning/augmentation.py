"""Augmentation: corrected questions in other words, by synonyms and by the bot's own model.

Synonyms and back-translation of prompts are the usual ways (Wei & Zou 2019; Sennrich et al. 2016). The answer stays,
so a question that asks something else would teach something wrong: only what passes `asks_the_same` is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import structlog

from bot.errors import StoreError
from bot.learning.synonyms import asks_the_same, swapped
from bot.learning.wordings import Wording, Wordings
from bot.scenarios import translate
from bot.scenarios.detection import detect
from bot.scenarios.languages import Language, language
from models.engine import (
    Engine,
    EngineError,
    EngineFailed,
    Message,
    PromptTooLong,
    Sampling,
    UnknownLanguage,
    UnknownModel,
)

log = structlog.get_logger(__name__)

SWAPS = 2
"""So many wordings of a question by synonyms, which are near to each other, before the model is asked."""
MOST_CHARACTERS = 300
"""Longer questions are left as they are: a model changes something in them."""
AT_ONCE = 4
SECONDS = 600.0
"""No night waits longer for wordings; what is missing is made in the next one."""

TASK = (
    "You say every question again in other words. You keep names and numbers as they are. "
    "You answer with the question only."
)
SHOWN = (
    ("How much does it cost?", "What is the price of it?"),
    ("Where can I find the library?", "Where is the library located?"),
    ("Who wrote this book?", "Who is the author of this book?"),
    ("When does the train leave?", "At what time does the train depart?"),
)
PIVOTS = {"en": ("fr", "es")}
"""The languages that a question goes to and comes back from; any other goes to English."""

REFUSALS = (PromptTooLong, UnknownLanguage, UnknownModel)
"""What an engine will say to the same words in every night: another way may do."""

Opened = Callable[[], AbstractAsyncContextManager[Engine]]
"""Opens the engine for as long as it is asked. Raises EngineError where there is none."""


class Augmenter:
    """Fills in the wordings that are missing. `models`: who talks, who translates."""

    def __init__(self, wordings: Wordings, opened: Opened, models: tuple[str, str]) -> None:
        self._wordings = wordings
        self._opened = opened
        self._talker, self._translator = models

    async def fill(
        self, questions: Mapping[str, str], most: int, told: Callable[[int, int], None] = lambda done, of: None
    ) -> int:
        """Make up to `most` other wordings of turns' questions, once; `told` hears how many of how many are done.

        Returns how many were made. An engine that breaks off leaves the rest to the next night.
        """
        known = await self._wordings.of(questions, most)
        missing = {
            turn: text for turn, text in sorted(questions.items())
            if turn not in known and len(text) <= MOST_CHARACTERS
        }  # fmt: skip
        if not missing:
            return 0
        made = done = 0
        told(0, len(missing))
        try:
            async with asyncio.timeout(SECONDS), self._opened() as engine:
                waiting = asyncio.Semaphore(AT_ONCE)

                async def work(turn: str, question: str) -> None:
                    nonlocal made, done
                    async with waiting:
                        try:
                            others = await self._others(engine, question, most)
                        except EngineFailed as error:  # over this one, which the next night may try again
                            log.warning("not_reworded", turn=turn, detail=error.detail)
                        else:
                            await self._wordings.keep(turn, question, others, most)
                            made += len(others)
                    done += 1
                    told(done, len(missing))

                async with asyncio.TaskGroup() as group:
                    for turn, question in missing.items():
                        group.create_task(work(turn, question))
        except* (EngineError, TimeoutError) as errors:
            log.warning("wordings_broken_off", done=done, of=len(missing), detail=str(errors.exceptions[0]))
        except* StoreError as errors:
            raise errors.exceptions[0] from None
        return made

    async def _others(self, engine: Engine, question: str, most: int) -> list[Wording]:
        """Different wordings that ask the same. The cheapest come first: nothing is asked for that is not needed."""
        guess = await detect(question)
        spoken = guess.language if guess is not None else language("en")
        found: dict[str, Wording] = {}
        async with contextlib.aclosing(self._sought(engine, question, spoken)) as sought:
            while len(found) < most and (one := await anext(sought, None)) is not None:
                if asks_the_same(question, one.text, spoken.root):
                    found.setdefault(one.text.casefold(), one)
        return list(found.values())

    async def _sought(self, engine: Engine, question: str, spoken: Language) -> AsyncGenerator[Wording, None]:
        for text in itertools.islice(swapped(question, spoken.root), SWAPS):
            yield Wording("synonym", text)
        shown = [message for asked, other in SHOWN for message in (Message("user", asked), Message("assistant", other))]
        prompt = (Message("system", TASK), *shown, Message("user", question))
        greedy = Sampling(temperature=0.0, stop=("\n",))
        yield Wording("rephrased", await _said(engine, self._talker, prompt, greedy))
        for code in PIVOTS.get(spoken.root, ("en",)):
            if away := await self._translated(engine, question, spoken, language(code)):
                yield Wording("translated", await self._translated(engine, away, language(code), spoken))

    async def _translated(self, engine: Engine, text: str, source: Language, target: Language) -> str:
        sampling = replace(translate.FIRST, source_language=source.code, target_language=target.code)
        return await _said(engine, self._translator, translate.prompt(text, source, target), sampling)


async def _said(engine: Engine, model: str, prompt: tuple[Message, ...], sampling: Sampling) -> str:
    """An answer; "" for one that is cut, as it runs on and on, and for one that is refused."""
    budget = replace(sampling, max_tokens=24 + len(prompt[-1].content) // 2)
    try:
        pieces = [piece async for piece in engine.stream(model, prompt, budget)]
    except REFUSALS as error:
        log.debug("not_reworded", model=model, kind=type(error).__name__, detail=error.detail)
        return ""
    return "" if pieces[-1].finish_reason == "length" else "".join(piece.text for piece in pieces).strip()
