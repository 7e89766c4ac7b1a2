"""Sampling: the next token of one row, drawn with the row's own generator so that neighbours do not matter."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from models.engine import Sampling

NUCLEUS = 256
"""So many best tokens are sorted first; the whole vocabulary only when they hold less than top_p."""


class BrokenLogits(Exception):
    """The model's output holds no number to choose by."""


class Sampler:
    """Draws tokens for one request."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._generator = torch.Generator()
        if sampling.seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(sampling.seed)

    def draw(self, logits: Tensor, seen: Sequence[int]) -> int:
        """The next token. `logits` [vocabulary], `seen` the tokens of prompt and answer so far."""
        logits = logits.to(device="cpu", dtype=torch.float32)
        if not torch.isfinite(logits.max()):
            raise BrokenLogits
        if self._sampling.repetition_penalty != 1.0:
            logits = self._penalised(logits, seen)
        if self._sampling.temperature <= 0:
            return int(logits.argmax())
        probabilities, tokens = self._nucleus(torch.softmax(logits / self._sampling.temperature, -1))
        return int(tokens[torch.multinomial(probabilities, 1, generator=self._generator)])

    def _penalised(self, logits: Tensor, seen: Sequence[int]) -> Tensor:
        logits = logits.clone()
        index = torch.tensor(sorted(set(seen)))
        values = logits[index]
        penalty = self._sampling.repetition_penalty
        logits[index] = torch.where(values > 0, values / penalty, values * penalty)
        return logits

    def _nucleus(self, probabilities: Tensor) -> tuple[Tensor, Tensor]:
        """The smallest set of best tokens that holds top_p."""
        best, tokens = probabilities.topk(min(NUCLEUS, probabilities.numel()))
        if self._sampling.top_p >= 1.0:
            return probabilities, torch.arange(probabilities.numel())
        if best.sum() < self._sampling.top_p:
            best, tokens = probabilities.sort(descending=True)
        before = best.cumsum(-1) - best
        kept = int((before < self._sampling.top_p).sum())
        return best[:kept], tokens[:kept]
