"""Folding: turns too old for the verbatim history become a summary that their person can read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from bot.errors import QueueFull, QueueTimeout, StoreError
from bot.generation import Generator
from bot.line import Line
from bot.memory import Exchange
from bot.safety import mask_secrets
from bot.settings import Settings
from bot.stores import Stores
from models.engine import EngineError, Message, Sampling

log = structlog.get_logger(__name__)

AT_LEAST = 8
"""So many turns are folded at once: a summary of a summary after each turn would wear everything away."""
PART_CHARACTERS = 400
MOST_CHARACTERS = 2000
SYSTEM = (
    "You keep the notes of a conversation. Write what should be remembered of it in at most six short lines: "
    "who the person is, what they want, what was decided. Only what was said."
)
SAMPLING = Sampling(temperature=0.0, max_tokens=160, repetition_penalty=1.1)


class Folding:
    """Folds in the background, in the line like everybody else."""

    def __init__(self, stores: Stores, generator: Generator, line: Line, settings: Settings) -> None:
        self._stores = stores
        self._generator = generator
        self._line = line
        self._model = settings.model_for("summarize")
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def fold(self, conversation_id: str, summary: str, older: Sequence[Exchange]) -> None:
        """Fold `older` into `summary` soon, unless this conversation is being folded or they are too few."""
        if len(older) < AT_LEAST or conversation_id in self._tasks:
            return
        task = asyncio.create_task(self._fold(conversation_id, summary, older), name=f"fold {conversation_id}")
        self._tasks[conversation_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(conversation_id, None))

    async def close(self) -> None:
        """Give up what is under way; it is folded after the next turn."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _fold(self, conversation_id: str, summary: str, older: Sequence[Exchange]) -> None:
        try:
            async with self._line.place(f"fold:{conversation_id}", lambda _: None):
                said = await self._generator.complete(self._model, prompt(summary, older), SAMPLING)
            if said:
                notes = mask_secrets(said[:MOST_CHARACTERS])
                await self._stores.memory.fold(conversation_id, notes, summary, older)
        except (EngineError, StoreError, QueueFull, QueueTimeout) as error:
            log.warning("fold_failed", conversation=conversation_id, kind=type(error).__name__, detail=str(error))


def prompt(summary: str, older: Sequence[Exchange]) -> list[Message]:
    """What is asked of the model to fold `older` into `summary`."""
    lines = [f"Notes so far:\n{summary}\n"] if summary else []
    for exchange in older:
        lines.append(f"Person: {_part(exchange.question)}\nAssistant: {_part(exchange.answer)}")
    return [Message("system", SYSTEM), Message("user", "\n".join(lines) + "\n\nNotes:")]


def _part(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= PART_CHARACTERS else flat[:PART_CHARACTERS] + "…"
