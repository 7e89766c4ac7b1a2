"""Embeddings: a text to one unit vector, by mean pooling, as sentence-transformers does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import AutoModel, AutoTokenizer

MOST_TOKENS = 256
BATCH = 16


class Embedder:
    """An encoder on its device. One thread at a time."""

    def __init__(self, folder: Path, device: str) -> None:
        self._tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        self._model = AutoModel.from_pretrained(folder, use_safetensors=True, trust_remote_code=False)
        self._model = self._model.to(device).eval()

    @torch.inference_mode()
    def embed(self, texts: Sequence[str]) -> tuple[list[list[float]], int]:
        """Vectors [texts, width] of length 1, and the number of tokens read."""
        vectors: list[list[float]] = [[]] * len(texts)
        tokens = 0
        # Texts of like length together: padding is computed like words.
        order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            encoded = self._tokenizer(
                [texts[number] for number in batch],
                padding=True, truncation=True, max_length=MOST_TOKENS, return_tensors="pt",
            ).to(self._model.device)  # fmt: skip
            mask = encoded["attention_mask"]
            tokens += int(mask.sum())
            hidden = self._model(**encoded).last_hidden_state
            weights = mask[..., None].to(hidden.dtype)
            mean = (hidden * weights).sum(1) / weights.sum(1)
            unit = torch.nn.functional.normalize(mean, dim=-1)
            for number, vector in zip(batch, unit.tolist(), strict=True):
                vectors[number] = vector
        return vectors, tokens
