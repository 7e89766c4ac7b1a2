"""Engines that only embed: by words without a model, as tests of the library need them."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence

import numpy as np

from bot.knowledge.words import words
from models.engine import EngineUnavailable, Message, Piece, Sampling, UnknownModel

WIDTH = 256


class WordEncoder:
    """A text is the bag of its words, each at a place of its own. `calls` counts the texts embedded."""

    def __init__(self, *, absent: bool = False) -> None:
        self.absent = absent
        self.away = False
        self.fail_after: int | None = None
        self.calls = 0

    def stream(self, model: str, messages: Sequence[Message], sampling: Sampling) -> AsyncIterator[Piece]:
        raise NotImplementedError

    async def models(self) -> list[str]:
        return []

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        if self.absent:
            raise UnknownModel("no embedding model here")
        if self.away or (self.fail_after is not None and self.calls >= self.fail_after):
            raise EngineUnavailable("gone")
        self.calls += len(texts)
        return [self._vector(text) for text in texts]

    def _vector(self, text: str) -> list[float]:
        row = np.full(WIDTH, 1e-3)
        for word in words(text):
            row[int.from_bytes(hashlib.sha256(word.encode()).digest()[:2], "big") % WIDTH] += 3.0
        return [float(part) for part in row]
