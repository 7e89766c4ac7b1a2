"""The forward seam: what the lane asks of a model's arithmetic, whoever does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from models.serving.lora import AdapterWeights, Lora


@dataclass(frozen=True, slots=True)
class Chunk:
    """Tokens to read into a slot, the first at place `start`, through an adapter or none.

    `speaks`: the logits behind the last one are wanted. The last `guessed` tokens are guesses: then the logits behind
    the token before them and behind each of them are wanted.
    """

    slot: int
    start: int
    tokens: list[int]
    speaks: bool
    adapter: AdapterWeights | None = None
    guessed: int = 0


class Forward(Protocol):
    """A causal model with a cache of slots. Used by one thread."""

    lora: Lora
    """What prepares an adapter for this model."""
    guesses: bool
    """Whether chunks may hold guesses: where a token's logits are the same to the bit, whatever was read with it."""

    def run(self, chunks: Sequence[Chunk]) -> Tensor:
        """Read every chunk in one pass. Logits [those wanted, vocabulary], fp32 on the CPU, in their order."""
        ...

    def copy(self, source: int, target: int, tokens: int) -> None:
        """Make `target` begin with the first `tokens` tokens of `source`."""
        ...

    def release(self, slot: int) -> None:
        """Nothing in `slot` is wanted any more: its memory may go."""
        ...
