"""The runner: one resident model, its thread, and the requests that it decodes together."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from models.engine import Message, Piece, Sampling, Usage
from models.serving.detokenizing import Detokenizer
from models.serving.forward import GeneralForward
from models.serving.llama import LlamaForward
from models.serving.sampling import BrokenLogits, Sampler
from models.serving.scheduler import Full, Running, Scheduler

log = structlog.get_logger(__name__)

DTYPES = {"cpu": torch.float32, "mps": torch.float16, "cuda": torch.bfloat16}


class GenerationFailed(Exception):
    """A request could not be computed. `detail` is for the log."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(eq=False, slots=True)
class _Request:
    """What belongs to a running sequence outside the scheduler."""

    sampler: Sampler
    text: Detokenizer
    loop: asyncio.AbstractEventLoop
    out: asyncio.Queue[Piece | GenerationFailed]
    ended: bool = False

    def put(self, piece: Piece | GenerationFailed) -> None:
        # The loop may be gone when the process ends.
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.out.put_nowait, piece)


@dataclass(slots=True)
class Counts:
    """What /metrics tells of a runner."""

    requests: int = 0
    prompt_tokens: int = 0
    tokens: int = 0
    failures: int = 0
    first_token_seconds: list[float] = field(default_factory=list)


class Runner:
    """A causal model. `stream` may be called from the event loop; the model runs in a thread of its own."""

    def __init__(self, folder: Path, *, slots: int, context: int, most_waiting: int, device: str) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=DTYPES[torch.device(device).type], use_safetensors=True, trust_remote_code=False
        )
        model = model.to(device).eval()
        config = model.config
        self.context = min(context, getattr(config, "max_position_embeddings", None) or context)
        lean = LlamaForward.takes(config)
        self._forward = LlamaForward(model, slots) if lean else GeneralForward(model, slots)
        self.scheduler = Scheduler(slots, self.context, most_waiting, reuse=self._forward.reuses)
        self.counts = Counts()
        self._ends = _end_tokens(model.generation_config, self.tokenizer)
        self._inbox: queue.SimpleQueue[tuple[str, Running] | None] = queue.SimpleQueue()
        self._open = 0
        self._most = slots + most_waiting
        self._thread = threading.Thread(target=self._work, name=f"model {folder.name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread after the step it is in."""
        self._inbox.put(None)
        self._thread.join(timeout=30)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """The prompt's tokens, by the model's own chat template."""
        chat = [{"role": message.role, "content": message.content} for message in messages]
        ids = self.tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=True, return_dict=False)
        return list(ids)

    async def stream(self, prompt: list[int], sampling: Sampling) -> AsyncGenerator[Piece, None]:
        """The answer piece by piece. Raises Full at once. Closing it frees the slot within one step."""
        if self._open >= self._most:
            raise Full
        self._open += 1
        request = _Request(
            Sampler(sampling), Detokenizer(self._decode, sampling.stop), asyncio.get_running_loop(), asyncio.Queue()
        )
        running = Running(prompt, min(sampling.max_tokens, self.context - len(prompt)), request)
        self._inbox.put(("add", running))
        try:
            while True:
                piece = await request.out.get()
                if isinstance(piece, GenerationFailed):
                    raise piece
                yield piece
                if piece.finish_reason is not None:
                    return
        finally:
            self._open -= 1
            self._inbox.put(("remove", running))

    def _decode(self, tokens: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(tokens), skip_special_tokens=True))

    def _work(self) -> None:
        while self._take_in():
            step = self.scheduler.schedule()
            try:
                if step.prefill is not None:
                    self._read(step.prefill, *step.chunk)
                if step.decode:
                    self._say(step.decode)
            except Exception as error:
                # One bad step must not end the worker: its requests are told, the next ones go on.
                log.error("step_failed", exc_info=error)
                for running in (*step.decode, *([step.prefill] if step.prefill else [])):
                    self._fail(running, repr(error))

    def _take_in(self) -> bool:
        """Read the inbox; wait in it while there is nothing to do. False when the runner is closed."""
        while True:
            try:
                note = self._inbox.get(block=self.scheduler.idle)
            except queue.Empty:
                return True
            if note is None:
                return False
            kind, running = note
            if kind == "add":
                self.scheduler.add(running)
                self.counts.requests += 1
                self.counts.prompt_tokens += len(running.prompt)
            else:
                running.payload.ended = True
                self.scheduler.remove(running)

    def _read(self, running: Running, start: int, end: int) -> None:
        logits = self._forward.prefill(running.slot, running.prompt[start:end], start)
        running.cached = end
        if end == len(running.prompt):
            self._draw(running, logits)

    def _say(self, rows: tuple[Running, ...]) -> None:
        logits = self._forward.decode(
            [row.slot for row in rows], [row.answer[-1] for row in rows], [row.cached for row in rows]
        )
        for row, its in zip(rows, logits, strict=True):
            row.cached += 1
            self._draw(row, its)

    def _draw(self, running: Running, logits: torch.Tensor) -> None:
        request: _Request = running.payload
        try:
            token = request.sampler.draw(logits, running.tokens)
        except BrokenLogits:
            self._fail(running, "the model's output holds no number")
            return
        if token in self._ends:
            self._finish(running, "stop", request.text.end())
            return
        running.answer.append(token)
        self.counts.tokens += 1
        text = request.text.feed(token)
        if request.text.stopped:
            self._finish(running, "stop", text)
        elif len(running.answer) >= running.max_tokens:
            self._finish(running, "length", text + request.text.end())
        elif text:
            request.put(Piece(text))

    def _finish(self, running: Running, reason: str, text: str) -> None:
        request: _Request = running.payload
        if text:
            request.put(Piece(text))
        request.put(Piece(finish_reason=reason, usage=Usage(len(running.prompt), len(running.answer))))
        self.scheduler.remove(running)

    def _fail(self, running: Running, detail: str) -> None:
        self.counts.failures += 1
        running.cached = 0  # what its slot holds is not to be trusted
        self.scheduler.remove(running)
        running.payload.put(GenerationFailed(detail))


def _end_tokens(generation: Any, tokenizer: Any) -> frozenset[int]:
    ends = generation.eos_token_id
    listed = list(ends) if isinstance(ends, list) else [ends]
    return frozenset(token for token in (*listed, tokenizer.eos_token_id) if token is not None)
