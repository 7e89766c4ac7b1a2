"""Sampling: the next token of one row, drawn with the row's own generator so that neighbours do not matter."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from models.dialect import Sampling

NUCLEUS = 256
"""So many best tokens are looked at first; the whole vocabulary only when they hold less than top_p."""


class BrokenLogits(Exception):
    """The model's output holds no number to choose by."""


class Sampler:
    """Draws tokens for one request: penalty, temperature, nucleus, in the order of `model.generate`."""

    def __init__(self, sampling: Sampling, prompt: Sequence[int]) -> None:
        self._sampling = sampling
        self._seen = set(prompt) if sampling.repetition_penalty != 1.0 else None
        self._generator = torch.Generator()
        self.logprob: float | None = None
        """How likely the model held the token that was drawn last; None where nobody asked."""
        if sampling.seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(sampling.seed)

    def draw(self, logits: Tensor) -> int:
        """The next token; `logits` [vocabulary]. Raises BrokenLogits."""
        # the largest tells of all: a single NaN makes it NaN
        if not torch.isfinite(logits.max()):
            raise BrokenLogits
        penalised = logits if self._seen is None else self._penalised(logits, list(self._seen))
        token = self._choose(penalised)
        if self._seen is not None:
            self._seen.add(token)
        if self._sampling.logprobs:
            self.logprob = float(logits[token] - logits.logsumexp(-1))
        return token

    def _choose(self, logits: Tensor) -> int:
        if self._sampling.temperature == 0:
            return int(logits.argmax())
        probabilities = torch.softmax(logits / self._sampling.temperature, -1)
        if self._sampling.top_p >= 1:
            return int(torch.multinomial(probabilities, 1, generator=self._generator))
        probabilities, tokens = self._nucleus(probabilities)
        return int(tokens[torch.multinomial(probabilities, 1, generator=self._generator)])

    def _penalised(self, logits: Tensor, seen: list[int]) -> Tensor:
        logits = logits.clone()
        index = torch.tensor(seen, dtype=torch.long)  # also where nothing was seen yet
        values = logits[index]
        penalty = self._sampling.repetition_penalty
        logits[index] = torch.where(values > 0, values / penalty, values * penalty)
        return logits

    def _nucleus(self, probabilities: Tensor) -> tuple[Tensor, Tensor]:
        """The smallest set of best tokens that holds top_p; at least one."""
        best, tokens = probabilities.topk(min(NUCLEUS, probabilities.numel()))
        if best.sum() < self._sampling.top_p:
            best, tokens = probabilities.sort(descending=True)
        before = best.cumsum(-1) - best
        kept = max(1, int((before < self._sampling.top_p).sum()))
        return best[:kept], tokens[:kept]
