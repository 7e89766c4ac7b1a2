"""Answers for the gate, drawn by the very code that serves them; what cannot be served is drawn by transformers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import torch

from models.dialect import Piece, Sampling
from models.serving import adapters
from models.serving.loading import Room, Wanted, load_any
from models.serving.lora import AdapterWeights
from models.serving.resident import Answering, Outcome
from models.training import weights
from models.training.config import Answers, Config
from models.training.dataset import Prompt


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said. `cut`: it did not end by itself; `seconds` of computing from asking to its end, beside others: the
    machine's other work is not counted."""

    text: str
    tokens: int = 0
    cut: bool = False
    seconds: float = 0.0


class Speaker(Protocol):
    """Weights that can be asked."""

    def ask(self, prompts: Sequence[Prompt], sampling: Answers) -> list[Answer]:
        """One answer a prompt, in their order. A prompt that cannot be answered gets an empty one."""
        ...


class Served:
    """A model as the worker holds it, with or without adapters."""

    def __init__(self, folder: Path, device: str, quantize: Wanted = "none") -> None:
        self.lane: Any = load_any(folder, Room(), device, quantize)
        self.quantize = quantize
        self._serial = 0

    def adapter(self, folder: Path, scale: float = 1.0) -> AdapterWeights:
        """An adapter from its folder, `scale` times as loud. Raises AdapterError where it cannot be served."""
        read = adapters.read(folder, folder)
        adapters.check(read, self.lane.forward.lora.targets)
        self._serial += 1
        pairs = {path: (down, up * scale) for path, (down, up) in read.pairs.items()}
        prepared: AdapterWeights = self.lane.forward.lora.prepare(self._serial, pairs)
        return prepared

    def ask(self, prompts: Sequence[Prompt], sampling: Answers, adapter: AdapterWeights | None = None) -> list[Answer]:
        wanted = Sampling(
            temperature=0.0, max_tokens=sampling.max_tokens, repetition_penalty=sampling.repetition_penalty,
            num_beams=sampling.beams,
        )  # fmt: skip
        heard = [_Heard() for _ in prompts]
        waiting = list(zip(prompts, heard, strict=True))
        under_way: list[Answering] = []
        while waiting or self.lane.busy:
            # no more at once than compute together, so that each one's seconds are its own
            under_way = [each for each in under_way if not each.over]
            while waiting and len(under_way) < Room().slots:
                prompt, listener = waiting.pop(0)
                tokens = self._tokens(prompt)
                most = min(sampling.max_tokens, self.lane.window(len(tokens)) - len(tokens))
                if tokens and most > 0:
                    listener.started = time.process_time()
                    under_way.append(
                        self.lane.submit(tokens, replace(wanted, max_tokens=most), listener, adapter=adapter)
                    )
            self.lane.step()
        return [listener.answer() for listener in heard]

    def _tokens(self, prompt: Prompt) -> list[int]:
        try:
            return list(self.lane.encode(prompt))
        except ValueError:  # the chat template refuses it
            return []


class Adapted:
    """A served model through one adapter, or bare."""

    def __init__(self, served: Served, adapter: AdapterWeights | None = None) -> None:
        self._served = served
        self._adapter = adapter

    def ask(self, prompts: Sequence[Prompt], sampling: Answers) -> list[Answer]:
        return self._served.ask(prompts, sampling, self._adapter)


class _Heard:
    """Collects one answer from the lane."""

    def __init__(self) -> None:
        self.started = self.ended = 0.0
        self._text: list[str] = []
        self._last: Piece | None = None

    def __call__(self, outcome: Outcome) -> None:
        if isinstance(outcome, Piece):
            self._text.append(outcome.text)
            self._last = outcome
        self.ended = time.process_time()

    def answer(self) -> Answer:
        if self._last is None or self._last.finish_reason is None:
            return Answer("", cut=True)
        tokens = self._last.usage.completion_tokens if self._last.usage else 0
        text = "".join(self._text).strip()
        return Answer(text, tokens, self._last.finish_reason == "length", self.ended - self.started)


class Trained:
    """A model still under training, or one of a kind that is not served, through transformers' own `generate`."""

    def __init__(
        self, model: Any, tokenizer: Any, encode: Callable[[Prompt], list[int]], ends: frozenset[int], batch: int = 8
    ) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._encode = encode
        self._ends = ends
        self._batch = batch

    @torch.inference_mode()
    def ask(self, prompts: Sequence[Prompt], sampling: Answers) -> list[Answer]:
        was_training = self._model.training
        self._model.eval()
        try:
            said: list[Answer] = []
            for at in range(0, len(prompts), self._batch):
                said += self._generate(prompts[at : at + self._batch], sampling)
            return said
        finally:
            self._model.train(was_training)

    def _generate(self, prompts: Sequence[Prompt], sampling: Answers) -> list[Answer]:
        started = time.process_time()
        tokens = [self._encode(prompt) for prompt in prompts]
        encodes = self._model.config.is_encoder_decoder
        longest = max(map(len, tokens))
        pad = self._tokenizer.pad_token_id or 0
        side = [([], [pad] * (longest - len(ids))) if encodes else ([pad] * (longest - len(ids)), []) for ids in tokens]
        ids = torch.tensor([[*left, *row, *right] for row, (left, right) in zip(tokens, side, strict=True)])
        mask = torch.tensor([
            [*([0] * len(left)), *([1] * len(row)), *([0] * len(right))]
            for row, (left, right) in zip(tokens, side, strict=True)
        ])  # fmt: skip
        made = self._model.generate(
            input_ids=ids.to(self._model.device), attention_mask=mask.to(self._model.device), do_sample=False,
            max_new_tokens=sampling.max_tokens, repetition_penalty=sampling.repetition_penalty,
            num_beams=sampling.beams, pad_token_id=pad, eos_token_id=sorted(self._ends),
        )  # fmt: skip
        rows = made[:, 1:] if encodes else made[:, longest:]
        seconds = (time.process_time() - started) / len(prompts)
        return [self._answer(row.tolist(), seconds) for row in rows]

    def _answer(self, row: list[int], seconds: float) -> Answer:
        end = next((at for at, token in enumerate(row) if token in self._ends), None)
        kept = row if end is None else row[:end]
        text = self._tokenizer.decode(kept, skip_special_tokens=True).strip()
        return Answer(text, len(kept), end is None, seconds)


def speaker(base: Served, place: Path | None, device: str, scale: float = 1.0) -> Speaker:
    """The weights in `place`: an adapter on the base, a model of its own, or with no place the bare base."""
    if place is None:
        return Adapted(base)
    if (place / weights.ADAPTER_CONFIG).exists():
        return Adapted(base, base.adapter(place, scale))
    return Adapted(Served(place, device, base.quantize))


def unserved(config: Config, place: Path, device: str, base: Served) -> Speaker:
    """Weights that nothing serves, so that their report can still tell what they would say."""
    from peft import PeftModel

    tokenizer, model = weights.load(config, device)
    return Trained(PeftModel.from_pretrained(model, place), tokenizer, base.lane.encode, base.lane.ends)
