"""A lane: one resident model with its tokenizer, its scheduler and its cache, stepped by the runner's thread."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from models.dialect import Message, Sampling
from models.serving.detokenizing import Detokenizer
from models.serving.forward import Chunk, Forward
from models.serving.linear import Quantize
from models.serving.lookup import MOST, Lookup
from models.serving.lora import AdapterWeights
from models.serving.passes import OutOfMemory, Passes
from models.serving.resident import Answering, Counts, Failure, Outcome, Status
from models.serving.sampling import BrokenLogits, Sampler
from models.serving.scheduler import Scheduler, Step
from models.serving.slots import Slots

FEW = 2
"""Up to so many answers at once what comes next is guessed."""


@dataclass(eq=False)
class Lane:
    """One model. `submit` and `cancel` may be called from any thread, `step` from the runner's only.

    `names` are what an adapter may call its base when it was trained on this model.
    """

    tokenizer: Any
    forward: Forward
    context: int
    ends: frozenset[int]
    slots: Slots
    scheduler: Scheduler[Answering]
    names: frozenset[str] = frozenset()
    searches: bool = False
    quantize: Quantize = "none"
    counts: Counts = field(default_factory=Counts)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _encoding: threading.Lock = field(default_factory=threading.Lock)
    passes: Passes = field(init=False)

    def __post_init__(self) -> None:
        self.passes = Passes(self.forward)

    @property
    def busy(self) -> bool:
        return self.scheduler.busy

    def status(self) -> Status:
        slots, scheduler = self.slots, self.scheduler
        return Status(
            running=scheduler.running, waiting=scheduler.waiting, free_slots=slots.free_count,
            cache_tokens=slots.tokens, cache_budget=slots.budget, reused=slots.reused, hits=slots.hits,
            shortages=self.passes.shortages,
        )  # fmt: skip

    def window(self, prompt_tokens: int) -> int:
        return self.context

    def encode(self, messages: Sequence[Message], source: str = "", target: str = "") -> list[int]:
        """The prompt's tokens, by the model's own chat template; languages are told in its messages.

        Control tokens in the messages are read as plain text: nobody can write a turn of the assistant or of the
        system into a question. Raises ValueError when the template refuses the messages.
        """
        from jinja2 import TemplateError

        chat = [{"role": message.role, "content": message.content} for message in messages]
        try:
            with self._encoding:  # the tokenizer's settings are shared by all threads
                ids = self.tokenizer.apply_chat_template(
                    chat, add_generation_prompt=True, return_dict=False, sanitize_control_tokens=True
                )
        except TemplateError as error:
            raise ValueError(str(error)) from error
        return list(ids)

    def submit(
        self,
        prompt: list[int],
        sampling: Sampling,
        deliver: Callable[[Outcome], None],
        priority: int = 0,
        deadline: float = math.inf,
        adapter: AdapterWeights | None = None,
    ) -> Answering:
        """Queue a request. `deliver` is called from the runner's thread. Raises QueueFull.

        Past its `deadline`, of time.monotonic, it is refused if it has said nothing, and else ends there.
        """
        answering = Answering(
            prompt=prompt,
            most=sampling.max_tokens,
            priority=priority,
            deadline=deadline,
            variant=adapter.serial if adapter else 0,
            adapter=adapter,
            sampler=Sampler(sampling, prompt),
            text=Detokenizer(self._decode, sampling.stop),
            deliver=deliver,
        )  # fmt: skip
        with self._lock:
            self.scheduler.submit(answering)
        return answering

    def cancel(self, answering: Answering) -> None:
        with self._lock:
            self.scheduler.cancel(answering)

    def step(self) -> None:
        """One pass of the model for everybody. A pass that breaks fails its own requests, and no others."""
        with self._lock:
            step = self.scheduler.plan(time.monotonic())
        for answering in step.expired:
            answering.deliver(answering.expire())
        try:
            self._compute(step)
        except (RuntimeError, ValueError, IndexError, MemoryError) as error:
            for part in step.parts:
                self._fail(part.generation, f"{type(error).__name__}: {error}")

    def _compute(self, step: Step[Answering]) -> None:
        for slot in step.released:
            self.forward.release(slot)
        chunks = []
        for part in step.parts:
            generation = part.generation
            if part.source is not None:
                self.forward.copy(part.source, generation.slot, generation.cached)
            start, stop = generation.cached, generation.cached + part.count
            tokens = generation.tokens[start:stop] if start < len(generation.prompt) else generation.answer[-1:]
            speaks = part.count == generation.pending
            guess = self._guess(generation, len(step.parts)) if speaks else []
            chunks.append(Chunk(generation.slot, start, [*tokens, *guess], speaks, generation.adapter, len(guess)))
        if not chunks:
            return
        found = self.passes.run(chunks)
        with self._lock:
            self.counts.steps += 1
            self.counts.note(time.monotonic())
            for part, chunk in zip(step.parts, chunks, strict=True):
                self.scheduler.computed(part)
                if chunk.start < len(part.generation.prompt):
                    self.counts.read += part.count
        for part, chunk, logits in zip(step.parts, chunks, found, strict=True):
            if isinstance(logits, OutOfMemory):
                self._fail(part.generation, "out of memory", busy=True)
            elif logits is not None and logits.dim() == 1:
                self._say(part.generation, logits)
            elif logits is not None:
                self._say_guessed(part.generation, logits, chunk.tokens[-chunk.guessed :])

    def _guess(self, answering: Answering, beside: int) -> list[int]:
        """What may come next, where few are answered at once: else their own tokens are the better use of a pass."""
        room = answering.most - len(answering.answer) - 1
        if not self.forward.guesses or not answering.answer or beside > FEW or room <= 0:
            return []
        if answering.lookup is None:
            answering.lookup = Lookup(answering.tokens)
        return answering.lookup.guess(min(room, MOST))

    def _say_guessed(self, answering: Answering, logits: torch.Tensor, guess: Sequence[int]) -> None:
        """Say one token, and one more for each guess that the sampler draws itself."""
        self._say(answering, logits[0])
        right = 0
        while right < len(guess) and not answering.over and answering.answer[-1] == guess[right]:
            with self._lock:
                # the guess was read already: it counts as held from now on
                answering.cached += 1
                self.slots.hold(answering.slot, answering.tokens[: answering.cached])
            right += 1
            self._say(answering, logits[right])
        self.counts.guessed += len(guess)
        self.counts.right += right
        if answering.lookup is not None:
            answering.lookup.note(len(guess), right)

    def _say(self, answering: Answering, logits: torch.Tensor) -> None:
        if answering.over:
            return
        try:
            token = answering.sampler.draw(logits)
        except BrokenLogits:
            self._fail(answering, "the model's output holds no number")
            return
        piece = answering.take(token, self.ends)
        self.counts.written += 1
        if piece.finish_reason is not None:
            with self._lock:
                self.scheduler.end(answering)
        if piece.text or piece.finish_reason is not None:
            answering.deliver(piece)

    def _fail(self, answering: Answering, detail: str, *, busy: bool = False) -> None:
        self.counts.failed += 1
        with self._lock:
            if answering.slot >= 0:
                # NaN in a slot would spread to its next owner even through a mask
                with contextlib.suppress(RuntimeError):
                    self.forward.release(answering.slot)
            self.scheduler.end(answering, spoilt=True)
        answering.deliver(Failure(detail, busy))

    def _decode(self, tokens: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False))
