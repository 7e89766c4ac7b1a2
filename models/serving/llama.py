"""The Llama family's forward, lean: fused projections and one cache tensor a layer, written in place.

Equal to transformers' own forward (a test compares the tokens); everything else goes through `forward.py`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

FAMILY = frozenset({"llama", "mistral", "qwen2"})
GROW = 256
"""The cache grows by so many tokens at once."""


class LlamaForward:
    """A causal model with a key and value cache of `slots` rows. One thread at a time."""

    reuses = True
    """What a freed slot holds can serve the next prompt that begins alike."""

    def __init__(self, model: Any, slots: int) -> None:
        config = model.config
        self._rotary = model.model.rotary_emb
        self._embedding = model.model.embed_tokens.weight
        self._norm = model.model.norm.weight
        self._head = model.lm_head.weight
        self._eps = config.rms_norm_eps
        self._heads = config.num_attention_heads
        self._kv_heads = config.num_key_value_heads
        self._size = getattr(config, "head_dim", None) or config.hidden_size // self._heads
        self._layers = [_fused(layer) for layer in model.model.layers]
        self._slots = slots
        self._room = 0
        self._keys: list[Tensor] = []
        self._values: list[Tensor] = []

    @staticmethod
    def takes(config: Any) -> bool:
        """Whether this forward computes what the model means."""
        return (
            config.model_type in FAMILY
            and getattr(config, "hidden_act", "silu") == "silu"
            and not getattr(config, "sliding_window", None)
            and not getattr(config, "use_sliding_window", False)
        )

    @torch.inference_mode()
    def prefill(self, slot: int, tokens: list[int], start: int) -> Tensor:
        """Read `tokens` at `start` into a slot. Returns the logits behind the last one, [vocabulary]."""
        self._reserve(start + len(tokens))
        device = self._embedding.device
        positions = torch.arange(start, start + len(tokens), device=device)
        hidden = functional.embedding(torch.tensor([tokens], device=device), self._embedding)
        end = start + len(tokens)
        mask = None
        if len(tokens) > 1:
            mask = torch.arange(end, device=device)[None, :] <= positions[:, None]
        rows, where = slice(slot, slot + 1), slice(start, end)
        return self._run(hidden, positions[None], rows, where, end, mask)[0, -1]

    @torch.inference_mode()
    def decode(self, slots: list[int], tokens: list[int], positions: list[int]) -> Tensor:
        """One token more for each slot. Returns logits [rows, vocabulary]."""
        end = max(positions) + 1
        self._reserve(end)
        device = self._embedding.device
        at = torch.tensor(positions, device=device)
        hidden = functional.embedding(torch.tensor(tokens, device=device)[:, None], self._embedding)
        mask = (torch.arange(end, device=device)[None, :] <= at[:, None])[:, None, None, :]
        # Neighbouring rows are read in place; others have to be gathered.
        rows: slice | Tensor = torch.tensor(slots, device=device)
        if slots == list(range(slots[0], slots[0] + len(slots))):
            rows = slice(slots[0], slots[0] + len(slots))
        return self._run(hidden, at[:, None], rows, at, end, mask)[:, 0]

    def _run(
        self, hidden: Tensor, positions: Tensor, rows: slice | Tensor, where: slice | Tensor, end: int,
        mask: Tensor | None,
    ) -> Tensor:  # fmt: skip
        """`hidden` [rows, length, width] to logits [rows, 1 or length, vocabulary]."""
        cos, sin = self._rotary(hidden, positions)
        cos, sin = cos[:, None], sin[:, None]
        count, length, _ = hidden.shape
        for number, layer in enumerate(self._layers):
            x = functional.rms_norm(hidden, (hidden.shape[-1],), layer["norm_in"], self._eps)
            qkv = functional.linear(x, layer["qkv"], layer["qkv_bias"])
            heads = self._heads + 2 * self._kv_heads
            qkv = qkv.view(count, length, heads, self._size).transpose(1, 2)
            q, k, v = torch.split(qkv, [self._heads, self._kv_heads, self._kv_heads], 1)
            q, k = _rotated(q, cos, sin), _rotated(k, cos, sin)
            keys, values = self._keys[number], self._values[number]
            if isinstance(where, slice):
                keys[rows, :, where], values[rows, :, where] = k, v
                k, v = keys[rows, :, :end], values[rows, :, :end]
            else:
                index = torch.arange(self._slots, device=where.device)[rows]
                keys[index, :, where], values[index, :, where] = k[:, :, 0], v[:, :, 0]
                k, v = keys[rows, :, :end], values[rows, :, :end]
            attended = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)
            attended = attended.transpose(1, 2).reshape(count, length, -1)
            hidden = hidden + functional.linear(attended, layer["out"], layer["out_bias"])
            x = functional.rms_norm(hidden, (hidden.shape[-1],), layer["norm_post"], self._eps)
            gate, up = functional.linear(x, layer["gate_up"]).chunk(2, -1)
            hidden = hidden + functional.linear(functional.silu(gate) * up, layer["down"])
        hidden = functional.rms_norm(hidden[:, -1:], (hidden.shape[-1],), self._norm, self._eps)
        return functional.linear(hidden, self._head)

    def _reserve(self, tokens: int) -> None:
        """Make room for `tokens` in every slot."""
        if tokens <= self._room:
            return
        room = GROW * -(-tokens // GROW)
        shape = (self._slots, self._kv_heads, room, self._size)
        for number in range(len(self._layers)):
            for cache in (self._keys, self._values):
                grown = torch.zeros(shape, dtype=self._embedding.dtype, device=self._embedding.device)
                if self._room:
                    grown[:, :, : self._room] = cache[number]
                    cache[number] = grown
                else:
                    cache.append(grown)
        self._room = room


def _fused(layer: Any) -> dict[str, Any]:
    """A layer's weights, those that read the same input joined into one matrix."""
    attention, mlp = layer.self_attn, layer.mlp
    parts = (attention.q_proj, attention.k_proj, attention.v_proj)
    biased = parts[0].bias is not None
    fused = {
        "norm_in": layer.input_layernorm.weight,
        "norm_post": layer.post_attention_layernorm.weight,
        "qkv": torch.cat([part.weight for part in parts]),
        "qkv_bias": torch.cat([part.bias for part in parts]) if biased else None,
        "out": attention.o_proj.weight,
        "out_bias": attention.o_proj.bias,
        "gate_up": torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight]),
        "down": mlp.down_proj.weight,
    }
    # The unfused matrices are not needed any more; keeping both would double the memory.
    for part in (*parts, mlp.gate_proj, mlp.up_proj):
        part.weight = None
    return fused


def _rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position embedding; `x` [rows, heads, length, size]."""
    half = x.shape[-1] // 2
    turned = torch.cat((-x[..., half:], x[..., :half]), -1)
    return x * cos + turned * sin
