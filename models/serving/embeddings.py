"""Embeddings: texts to unit vectors, pooled as the model's own card says, in small batches between the chat's steps."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModel, AutoTokenizer

from models.manifest import CheckpointError

MOST_TOKENS = 256
BATCH_TEXTS = 32
BATCH_TOKENS = 1024
"""A batch is about as long as a decoding step, so that a chat beside a big import goes on."""


@dataclass(eq=False)
class EmbeddingJob:
    """The texts of one request, as tokens. `vectors` is filled batch by batch; `deliver` is told at the end."""

    tokens: list[list[int]]
    deliver: Callable[[list[list[float]] | None], None]
    over: bool = False
    vectors: list[list[float]] = field(init=False)
    order: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.vectors = [[] for _ in self.tokens]
        # texts of like length together, the longest first: padding is computed like words
        self.order = sorted(range(len(self.tokens)), key=lambda at: len(self.tokens[at]))

    def next_batch(self) -> list[int]:
        """Which texts to do now."""
        longest = len(self.tokens[self.order[-1]])
        count = max(1, min(BATCH_TEXTS, BATCH_TOKENS // longest))
        batch, self.order = self.order[-count:], self.order[:-count]
        return batch


class Embedder:
    """An encoder. `encode` may be called from any thread, `step` from the runner's only."""

    def __init__(self, folder: Path, device: str) -> None:
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            model = AutoModel.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
            )
        except Exception as error:  # whatever a loader raises on somebody's files, the words are the same
            reason = (str(error) or type(error).__name__).splitlines()[0][:300]
            raise CheckpointError(
                f"The embedding model in {folder} cannot be loaded: {reason}.",
                "Set EMBEDDING_MODEL to another model, or to embedded.",
            ) from error
        self._model = model.to(device).eval().requires_grad_(False)
        self._first_token = _pools_first_token(folder)
        self._most = min(_longest(folder), model.config.max_position_embeddings)
        self._encoding = threading.Lock()

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Tokens of each text, cut at the model's length."""
        with self._encoding:
            encoded = self._tokenizer(list(texts), truncation=True, max_length=self._most)
        return list(encoded["input_ids"])

    @torch.inference_mode()
    def step(self, job: EmbeddingJob) -> bool:
        """One batch of a job. True when that was the last."""
        batch = job.next_batch()
        width = max(len(job.tokens[at]) for at in batch)
        ids = torch.full((len(batch), width), self._tokenizer.pad_token_id or 0)
        mask = torch.zeros((len(batch), width), dtype=torch.long)
        for row, at in enumerate(batch):
            length = len(job.tokens[at])
            ids[row, :length] = torch.tensor(job.tokens[at])
            mask[row, :length] = 1
        ids, mask = ids.to(self._model.device), mask.to(self._model.device)
        hidden = self._model(input_ids=ids, attention_mask=mask).last_hidden_state
        vectors = torch.nn.functional.normalize(self._pool(hidden, mask), dim=-1)
        for at, vector in zip(batch, vectors.tolist(), strict=True):
            job.vectors[at] = vector
        return not job.order

    def _pool(self, hidden: Tensor, mask: Tensor) -> Tensor:
        if self._first_token:
            return hidden[:, 0]
        weights = mask[..., None].to(hidden.dtype)
        return (hidden * weights).sum(1) / weights.sum(1)


def _pools_first_token(folder: Path) -> bool:
    """Whether sentence-transformers' settings ask for the first token; the mean of all is usual."""
    return bool(_settings(folder / "1_Pooling" / "config.json").get("pooling_mode_cls_token", False))


def _longest(folder: Path) -> int:
    return int(_settings(folder / "sentence_bert_config.json").get("max_seq_length") or MOST_TOKENS)


def _settings(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}
