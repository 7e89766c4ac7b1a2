"""Pruning: layers that change what flows through them least are left out.

The criterion is ShortGPT's block influence (Men et al. 2024): one minus the cosine between what goes into a layer and
what comes out of it, mean over a text. The first and the last layer stay.
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


def influence(model: Any, tokens: list[int]) -> list[float]:
    """How much each layer changes what flows through it, while the model reads `tokens`."""
    with torch.inference_mode():
        read = model(input_ids=torch.tensor([tokens]), output_hidden_states=True, use_cache=False)
    states: tuple[Tensor, ...] = read.hidden_states
    # the last state is behind the final norm, which changes no layer's rank: it is left out below
    return [
        1 - float(functional.cosine_similarity(before[0], after[0], dim=-1).mean())
        for before, after in itertools.pairwise(states)
    ]


def drop_layers(model: Any, count: int, tokens: list[int]) -> list[int]:
    """Take the `count` least influential layers out; their numbers. Raises ValueError."""
    layers = model.model.layers
    if not 0 < count <= len(layers) - 2:
        raise ValueError(f"of {len(layers)} layers at most {len(layers) - 2} can be left out")
    found = influence(model, tokens)
    dropped = sorted(range(1, len(layers) - 1), key=found.__getitem__)[:count]
    kept = [layer for number, layer in enumerate(layers) if number not in dropped]
    for number, layer in enumerate(kept):
        layer.self_attn.layer_idx = number
    model.model.layers = nn.ModuleList(kept)
    config = model.config
    if getattr(config, "layer_types", None):
        config.layer_types = [kind for number, kind in enumerate(config.layer_types) if number not in dropped]
    config.num_hidden_layers = len(kept)
    return sorted(dropped)
