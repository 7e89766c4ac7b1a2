"""FGM: each step is taken twice, the second time with the embeddings moved where the loss grows fastest.

Miyato et al. 2017, as it is used in fine-tuning. The embeddings' output is moved, since their weights are frozen.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class Adversary:
    """What a trainer is mixed with: `class Trained(Adversary, SFTTrainer)`. `fgm` is the length of the step."""

    fgm = 0.0

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Tensor:
        step = super().training_step  # type: ignore[misc]
        if not self.fgm:
            return step(model, inputs, num_items_in_batch)  # type: ignore[no-any-return]
        layer, seen = model.get_input_embeddings(), list[Tensor]()
        with torch.enable_grad():
            hook = layer.register_forward_hook(lambda _module, _given, output: _watched(output, seen))
            try:
                loss: Tensor = step(model, dict(inputs), num_items_in_batch)
            finally:
                hook.remove()
            moves = [_move(output.grad, self.fgm) for output in seen]
            hook = layer.register_forward_hook(lambda _module, _given, output: output + moves.pop(0))
            try:
                step(model, inputs, num_items_in_batch)
            finally:
                hook.remove()
        return loss


def _watched(output: Tensor, seen: list[Tensor]) -> Tensor:
    if output.requires_grad:
        output.retain_grad()
    else:
        output.requires_grad_(True)
    seen.append(output)
    return output


def _move(gradient: Tensor | None, length: float) -> Tensor | float:
    """Of the given length for each row, along its gradient."""
    if gradient is None:
        return 0.0
    norm = gradient.flatten(1).norm(dim=1).clamp_min(1e-12)
    move: Tensor = length * gradient / norm.view(-1, *([1] * (gradient.dim() - 1)))
    return move
