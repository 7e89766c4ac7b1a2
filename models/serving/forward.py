"""The forward of every architecture that has no lean one: transformers' own, row by row."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache


class GeneralForward:
    """Same face as `LlamaForward`: slots with a cache each. One thread at a time."""

    reuses = False
    """A freed slot's cache cannot serve another prompt: not every architecture's cache can be cut back."""

    def __init__(self, model: Any, slots: int) -> None:
        self._model = model
        self._caches: list[Any] = [None] * slots

    @torch.inference_mode()
    def prefill(self, slot: int, tokens: list[int], start: int) -> Tensor:
        """Read `tokens` at `start` into a slot. Returns the logits behind the last one, [vocabulary]."""
        if start == 0:
            self._caches[slot] = DynamicCache(config=self._model.config)
        cache = self._caches[slot]
        ids = torch.tensor([tokens], device=self._model.device)
        logits: Tensor = self._model(input_ids=ids, past_key_values=cache, use_cache=True).logits
        return logits[0, -1]

    @torch.inference_mode()
    def decode(self, slots: list[int], tokens: list[int], positions: list[int]) -> Tensor:
        """One token more for each slot. Returns logits [rows, vocabulary]."""
        rows = [
            self.prefill(slot, [token], position)
            for slot, token, position in zip(slots, tokens, positions, strict=True)
        ]
        return torch.stack(rows)
