"""A lane: one resident model with its tokenizer, its scheduler and its cache, stepped by the runner's thread."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from models.dialect import Message, Piece, Sampling, Usage
from models.serving.detokenizing import Detokenizer
from models.serving.forward import Chunk, Forward
from models.serving.lora import AdapterWeights
from models.serving.passes import OutOfMemory, Passes
from models.serving.sampling import BrokenLogits, Sampler
from models.serving.scheduler import Generation, Scheduler, Step
from models.serving.slots import Slots

RATE_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Failure:
    """The request could not be computed. `detail` is for the log; `busy`: for want of room, so later it may go."""

    detail: str
    busy: bool = False


Outcome = Piece | Failure


@dataclass(eq=False, kw_only=True)
class Answering(Generation):
    """A generation with what turns its tokens into text, and where the text goes."""

    sampler: Sampler
    text: Detokenizer
    deliver: Callable[[Outcome], None]
    adapter: AdapterWeights | None = None


@dataclass(slots=True)
class Counts:
    """Totals since the start, for /metrics."""

    steps: int = 0
    read: int = 0
    written: int = 0
    failed: int = 0
    _past: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=RATE_SECONDS))

    def note(self, now: float) -> None:
        """Remember once a second how far it has come; `now` in seconds."""
        if not self._past or now - self._past[-1][0] >= 1:
            self._past.append((now, self.written))

    def rate(self, now: float) -> float:
        """Tokens a second over the last `RATE_SECONDS`."""
        past = next(((at, written) for at, written in list(self._past) if now - at <= RATE_SECONDS), None)
        return 0.0 if past is None or now - past[0] < 0.5 else (self.written - past[1]) / (now - past[0])


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
    counts: Counts = field(default_factory=Counts)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _encoding: threading.Lock = field(default_factory=threading.Lock)
    passes: Passes = field(init=False)

    def __post_init__(self) -> None:
        self.passes = Passes(self.forward)

    @property
    def busy(self) -> bool:
        return self.scheduler.busy

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """The prompt's tokens, by the model's own chat template.

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
            self._expire(answering)
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
            chunks.append(Chunk(generation.slot, start, tokens, speaks, generation.adapter))
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
        for part, logits in zip(step.parts, found, strict=True):
            if isinstance(logits, OutOfMemory):
                self._fail(part.generation, "out of memory", busy=True)
            elif logits is not None:
                self._say(part.generation, logits)

    def _expire(self, answering: Answering) -> None:
        if not answering.answer:
            answering.deliver(Failure("not begun by its deadline", busy=True))
            return
        usage = Usage(len(answering.prompt), len(answering.answer))
        answering.deliver(Piece(answering.text.end(), finish_reason="length", usage=usage))

    def _say(self, answering: Answering, logits: torch.Tensor) -> None:
        if answering.over:
            return
        try:
            token = answering.sampler.draw(logits)
        except BrokenLogits:
            self._fail(answering, "the model's output holds no number")
            return
        answering.answer.append(token)
        self.counts.written += 1
        text = "" if token in self.ends else answering.text.feed(token)
        if token in self.ends:
            self._finish(answering, "stop", answering.text.end())
        elif answering.text.stopped:
            self._finish(answering, "stop", text)
        elif len(answering.answer) >= answering.most:
            text += answering.text.end()
            self._finish(answering, "stop" if answering.text.stopped else "length", text)
        elif text:
            answering.deliver(Piece(text))

    def _finish(self, answering: Answering, reason: str, text: str) -> None:
        with self._lock:
            self.scheduler.end(answering)
        usage = Usage(len(answering.prompt), len(answering.answer))
        answering.deliver(Piece(text, finish_reason=reason, usage=usage))

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
