"""Passes: chunks through the forward, in as many passes as the memory wants."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from models.serving.forward import Chunk, Forward

AMPLE = 2**30
PATIENCE = 200
"""After so many passes without trouble a pass may be twice as large again."""


class OutOfMemory(Exception):
    """Even one token alone does not fit the memory there is."""


@dataclass(slots=True)
class Passes:
    """Runs `forward`. Reading a chunk twice does no harm: it writes the same keys and values to the same places."""

    forward: Forward
    most: int = AMPLE
    """Tokens a pass may have now."""
    shortages: int = 0
    _clean: int = 0

    def run(self, chunks: Sequence[Chunk]) -> list[Tensor | OutOfMemory | None]:
        """For each chunk the logits behind it, or None when it does not speak, or why it could not be read."""
        found: list[Tensor | OutOfMemory | None] = []
        for batch in _batches(chunks, self.most):
            found += self._read(batch)
        self._clean += 1
        if self._clean >= PATIENCE and self.most < AMPLE:
            self.most, self._clean = min(2 * self.most, AMPLE), 0
        return found

    def _read(self, chunks: list[Chunk]) -> list[Tensor | OutOfMemory | None]:
        size = sum(len(chunk.tokens) for chunk in chunks)
        if size <= self.most:
            try:
                spoken = iter(self.forward.run(chunks))
                return [_spoken(chunk, spoken) for chunk in chunks]
            except (MemoryError, RuntimeError) as error:
                if not is_shortage(error):
                    raise
            # not within the except, where the traceback still holds the tensors of the broken pass
            self.shortages += 1
            self._clean, self.most = 0, max(1, size // 2)
            _tidy()
        if len(chunks) > 1:
            half = len(chunks) // 2
            return self._read(chunks[:half]) + self._read(chunks[half:])
        if chunks[0].guessed:
            return self._read([replace(chunks[0], tokens=chunks[0].tokens[: -chunks[0].guessed], guessed=0)])
        if size > 1:
            first, second = _cut(chunks[0], size // 2)
            (before,) = self._read([first])
            return [before] if isinstance(before, OutOfMemory) else self._read([second])
        return [OutOfMemory()]


def _spoken(chunk: Chunk, spoken: Iterator[Tensor]) -> Tensor | None:
    """What was said behind a chunk: logits [vocabulary], with guesses [1 + guesses, vocabulary]."""
    if chunk.guessed:
        return torch.stack([next(spoken) for _ in range(1 + chunk.guessed)])
    return next(spoken) if chunk.speaks else None


def _batches(chunks: Sequence[Chunk], most: int) -> Iterator[list[Chunk]]:
    """The chunks in their order, in batches of at most `most` tokens or of one chunk that is larger."""
    batch: list[Chunk] = []
    for chunk in chunks:
        if batch and sum(len(each.tokens) for each in batch) + len(chunk.tokens) > most:
            yield batch
            batch = []
        batch.append(chunk)
    if batch:
        yield batch


def _cut(chunk: Chunk, at: int) -> tuple[Chunk, Chunk]:
    return (
        replace(chunk, tokens=chunk.tokens[:at], speaks=False),
        replace(chunk, tokens=chunk.tokens[at:], start=chunk.start + at),
    )


def is_shortage(error: Exception) -> bool:
    """torch tells a shortage by a class of its own on a GPU and only by its words on the CPU."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)


def _tidy() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
