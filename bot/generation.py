"""Generation: a plan's steps asked of the engine one after another, filtered, and written to the stream."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from logging import INFO, WARNING
from typing import Protocol

import structlog

from bot.reply import Stream
from bot.safety import SecretFilter
from bot.turn import Lent, Plan, Step, Waiting
from models.engine import Engine, EngineBusy, EngineUnavailable, Message, Piece, Sampling, UnknownModel

log = structlog.get_logger(__name__)

TRIES = 3
DYING_SECONDS = 0.25
"""A process that was just killed seems to live on for so long, and would be asked again at once."""
WORDS_SECONDS = 5.0
"""So often a wait for the engine is put into words anew."""
BUSY_SECONDS = 15.0
"""A refusal for load that asks for a longer wait than this is told to the person."""


class Keeper(Protocol):
    """Who knows how the engine is: its words for people, and when it is back."""

    @property
    def words(self) -> str: ...

    @property
    def away(self) -> bool:
        """Whether the engine is known not to answer now."""
        ...

    async def wait_ready(self) -> bool:
        """True once the engine can be asked again; False when that is not to be expected soon."""
        ...


class Adapters(Protocol):
    """Who knows which adapter answers whom; `bot.learning.rollout.Rollout` is the one."""

    async def pick(self, scenario: str, user: str) -> str:
        """The adapter that answers a person in a scenario, "" for the bare model."""
        ...

    async def restore(self, name: str) -> bool:
        """Load an adapter that the engine has lost; whether it can be asked for again."""
        ...


class NoAdapters:
    """The bare model answers everybody."""

    async def pick(self, scenario: str, user: str) -> str:
        return ""

    async def restore(self, name: str) -> bool:
        return False


@dataclass(slots=True)
class Outcome:
    """What a generation has come to so far; whole even when it is broken off.

    `adapter` is the one it is asked of, "" for the bare model, or once the engine does not have it.
    """

    adapter: str = ""
    started: float = field(default_factory=time.monotonic)
    prompts: list[list[dict[str, str]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    shown: str = ""
    prompt_tokens: int = 0
    tokens: int = 0
    ttft: float | None = None
    cut: bool = False
    logprobs: list[float] = field(default_factory=list)

    def begin(self) -> None:
        """Count the seconds from now on: the turn has left the line."""
        self.started = time.monotonic()

    @property
    def logprob(self) -> float | None:
        """How sure the model was: the mean logarithm of its tokens' probabilities, None where no server told."""
        return sum(self.logprobs) / len(self.logprobs) if self.logprobs else None

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started


class Generator:
    """Runs plans. `keeper` is asked for patience when the engine is away, `chat_model` for steps that chat."""

    def __init__(
        self, engine: Engine, keeper: Keeper, chat_model: str = "parley", adapters: Adapters | None = None
    ) -> None:
        self._engine = engine
        self._keeper = keeper
        self._chat_model = chat_model
        self._adapters: Adapters = adapters or NoAdapters()

    async def wait(self, stream: Stream) -> None:
        """Wait for an engine that loads or restarts. Raises EngineUnavailable when it will not come."""
        if self._keeper.away and not await self._back(stream):
            raise EngineUnavailable("the engine is away")

    async def choose(self, scenario: str, user: str, outcome: Outcome) -> None:
        """Note in `outcome` the adapter that answers a person in a scenario."""
        outcome.adapter = await self._adapters.pick(scenario, user)

    async def run(self, plan: Plan, model: str, stream: Stream, outcome: Outcome) -> None:
        """Fill `outcome` and show what is not silent. Raises EngineError.

        `model` is the bare one; the outcome's adapter answers in its place, but for steps that chat.
        """
        for step in plan.steps:
            await self._run_step(step, model, stream, outcome)

    async def complete(self, model: str, prompt: Sequence[Message], sampling: Sampling) -> str:
        """One answer for the bot's own use, shown to nobody."""
        pieces = [piece.text async for piece in self._engine.stream(model, prompt, sampling)]
        return "".join(pieces).strip()

    async def _run_step(self, step: Step, model: str, stream: Stream, outcome: Outcome) -> None:
        prompt = step.prompt(tuple(outcome.texts)) if callable(step.prompt) else step.prompt
        head = step.head(tuple(outcome.texts)) if callable(step.head) else step.head
        outcome.prompts.append(list(map(_kept, prompt)))
        rewrite, masked = step.filter() if step.filter else None, SecretFilter()
        outcome.texts.append("")

        def show(text: str) -> None:
            if not step.silent:
                outcome.shown += text
                stream.write(text)

        def pass_on(text: str) -> None:
            outcome.texts[-1] += text
            show(text)

        show(head)
        if step.task:
            stream.wait(Waiting(step.task, working=True))
        sampling = replace(step.sampling, logprobs=True)
        if step.chats:
            pieces = self._pieces(self._chat_model, prompt, sampling, stream)
        else:
            pieces = self._adapted(model, prompt, sampling, stream, outcome)
        read = 0
        async with aclosing(pieces):
            async for piece in pieces:
                outcome.logprobs += (logprob for _, logprob in piece.logprobs)
                if piece.text:
                    read += 1
                    if outcome.ttft is None:
                        outcome.ttft = outcome.seconds
                    pass_on(masked.feed(rewrite.feed(piece.text) if rewrite else piece.text))
                if rewrite is not None and getattr(rewrite, "ended", False):
                    outcome.tokens += read  # nothing more would be shown: the slot goes to the next
                    break
                if piece.usage is not None:
                    outcome.prompt_tokens += piece.usage.prompt_tokens
                    outcome.tokens += piece.usage.completion_tokens
                outcome.cut = piece.finish_reason == "length" and not step.silent
        pass_on(masked.feed(rewrite.end() if rewrite else "") + masked.end())

    async def _adapted(
        self, model: str, prompt: Sequence[Message], sampling: Sampling, stream: Stream, outcome: Outcome
    ) -> AsyncGenerator[Piece, None]:
        """The pieces of the outcome's adapter. One that the engine has lost is loaded again, else `model` answers."""
        for restored in (False, True):
            if not outcome.adapter:
                break
            try:
                pieces = self._pieces(outcome.adapter, prompt, sampling, stream)
                async with aclosing(pieces):
                    async for piece in pieces:
                        yield piece
                return
            except UnknownModel:
                if restored or not await self._adapters.restore(outcome.adapter):
                    log.error("bare_model_answers", adapter=outcome.adapter)
                    outcome.adapter = ""
        pieces = self._pieces(model, prompt, sampling, stream)
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece

    async def _pieces(
        self, model: str, prompt: Sequence[Message], sampling: Sampling, stream: Stream
    ) -> AsyncGenerator[Piece, None]:
        """The engine's pieces. An engine that is away or full is waited for as long as nothing was said yet."""
        for tried in range(1, TRIES + 1):
            said = False
            try:
                pieces = self._engine.stream(model, prompt, sampling)
                async with aclosing(pieces):
                    async for piece in pieces:
                        said = True
                        yield piece
                return
            except EngineUnavailable as error:
                final = said or tried == TRIES
                # While a worker loads this is the usual course of things.
                log.log(WARNING if final else INFO, "engine_unavailable", detail=error.detail, said=said, tried=tried)
                if final:
                    raise
                await asyncio.sleep(DYING_SECONDS)
                if not await self._back(stream):
                    raise
            except EngineBusy as error:
                wait = error.retry_after or 2.0 * tried
                if said or tried == TRIES or wait > BUSY_SECONDS:
                    raise
                stream.wait(Waiting(f"The model is busy; your answer starts in about {wait:.0f} seconds."))
                await asyncio.sleep(wait)

    async def _back(self, stream: Stream) -> bool:
        """Wait for the engine with the keeper's words, which change meanwhile; whether it is back."""
        ready = asyncio.ensure_future(self._keeper.wait_ready())
        try:
            while not ready.done():
                stream.wait(Waiting(f"{self._keeper.words} Your question keeps its place."))
                await asyncio.wait([ready], timeout=WORDS_SECONDS)
            return ready.result()
        finally:
            ready.cancel()


def _kept(message: Message) -> dict[str, str]:
    """A message as the turn keeps it; one that was lent says from where."""
    lent = {"of": message.of} if isinstance(message, Lent) else {}
    return {"role": message.role, "content": message.content, **lent}
