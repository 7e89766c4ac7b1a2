"""The Llama family's forward, lean: fused projections, one pass over prompts and answers alike, cache in place.

Equal to transformers' own forward (a test compares the tokens); every other architecture goes through `general.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from models.serving.cache import Cache
from models.serving.forward import Chunk
from models.serving.linear import Linear, Quantize, Reach, joined, linear
from models.serving.lora import Lora, Target
from models.serving.native.kernels import Kernels, kernels

FAMILY = frozenset({"llama", "mistral", "qwen2", "qwen3"})
FIXED_ROTATIONS = frozenset({"default", "linear", "llama3", "yarn"})
"""Kinds of rotary embedding that depend on the position alone, so that a table can be made once."""


@dataclass(frozen=True, slots=True)
class _Layer:
    norm_in: Tensor
    norm_after: Tensor
    qkv: Linear
    out: Linear
    gate_up: Linear
    down: Linear
    norm_q: Tensor | None
    norm_k: Tensor | None


@dataclass(frozen=True, slots=True)
class _Rows:
    """Where the tokens of one step go: the first `singles` tokens are one row each, the rest lie in `stretches`.

    The compiled loops want slots and places only; the masks are for torch.
    """

    slots: Tensor
    places: Tensor
    singles: int
    first: int
    last: int
    order: Tensor
    end: int
    mask: Tensor
    stretches: list[tuple[slice, int, int, Tensor]]


class LlamaForward:
    """A causal model of the family, and its cache. `reach` is what a calibration found, for 8 bits."""

    def __init__(
        self, model: Any, slots: int, room: int, quantize: Quantize = "none", reach: Reach | None = None
    ) -> None:
        config, reach = model.config, reach or {}
        if quantize != "none":
            _let_go(model)
        self._embedding: Tensor = model.model.embed_tokens.weight
        self._norm: Tensor = model.model.norm.weight
        # the last layer chooses the words: it keeps 8 bits where the others have 4
        self._head = linear(
            model.lm_head.weight, None, "int8" if quantize == "int4" else quantize, reach.get("lm_head")
        )
        self._eps: float = config.rms_norm_eps
        self._heads: int = config.num_attention_heads
        self._kv_heads: int = config.num_key_value_heads
        self._size: int = getattr(config, "head_dim", None) or config.hidden_size // self._heads
        self._cache = Cache(slots, room, self._embedding.device, self._embedding.dtype)
        positions = torch.arange(self._cache.room, device=self._embedding.device)[None]
        with torch.inference_mode():
            cos, sin = model.model.rotary_emb(self._embedding, positions)
        # both halves of a rotary table are the same
        self._cos, self._sin = cos[0, :, : self._size // 2], sin[0, :, : self._size // 2]
        plain = self._embedding.device.type == "cpu" and self._embedding.dtype == torch.float32
        loops = kernels() if plain else None
        self._kernels = loops if loops is not None and loops.fits(self._size) else None
        self.guesses = self._kernels is not None
        self._cos, self._sin = self._cos.contiguous(), self._sin.contiguous()
        self.lora = Lora(self._embedding.device, self._embedding.dtype)
        layers = enumerate(model.model.layers)
        self._layers = [_adapted(self.lora, number, layer, quantize, reach) for number, layer in layers]

    @staticmethod
    def takes(config: Any, room: int) -> bool:
        """Whether this forward computes what the model means, up to `room` tokens."""
        windowed = getattr(config, "use_sliding_window", True)
        window = getattr(config, "sliding_window", None) if windowed else None
        rotation = (getattr(config, "rope_parameters", None) or {}).get("rope_type", "default")
        return (
            config.model_type in FAMILY
            and getattr(config, "quantization_config", None) is None
            and config.hidden_act == "silu"
            and not getattr(config, "mlp_bias", False)
            and (window is None or window >= room)
            and rotation in FIXED_ROTATIONS
        )

    def copy(self, source: int, target: int, tokens: int) -> None:
        self._cache.copy(source, target, tokens)

    def release(self, slot: int) -> None:
        self._cache.release(slot)

    @torch.inference_mode()
    def run(self, chunks: Sequence[Chunk]) -> Tensor:
        """Read every chunk in one pass. Logits [those wanted, vocabulary], fp32 on the CPU, in their order."""
        ordered = sorted(range(len(chunks)), key=lambda at: (len(chunks[at].tokens) > 1, chunks[at].slot))
        hidden = self._read([chunks[at] for at in ordered])
        ends, at = [0] * len(chunks), 0
        for number in ordered:
            at += len(chunks[number].tokens)
            ends[number] = at - 1
        wanted = [
            ends[number] - back
            for number, chunk in enumerate(chunks) if chunk.speaks
            for back in range(chunk.guessed, -1, -1)
        ]  # fmt: skip
        return self._speak(hidden[wanted])

    @torch.inference_mode()
    def read(self, chunk: Chunk) -> Tensor:
        """Logits [tokens, vocabulary] behind every token of a chunk, fp32 on the CPU."""
        return self._speak(self._read([chunk]))

    def windowed(self, tokens: list[int]) -> Tensor:
        """Logits behind every token of a text that is read for itself, in the first slot."""
        logits = self.read(Chunk(0, 0, tokens, speaks=True))
        self.release(0)
        return logits

    def _read(self, chunks: list[Chunk]) -> Tensor:
        """Hidden states [tokens, width] behind the last layer. `chunks`: the single tokens first, by slot."""
        rows = self._place(chunks)
        self.lora.select((chunk.adapter, len(chunk.tokens)) for chunk in chunks)
        ids = torch.tensor([token for chunk in chunks for token in chunk.tokens], device=self._embedding.device)
        hidden = functional.embedding(ids, self._embedding)
        if self._kernels is not None:
            return self._compute(self._kernels, hidden, rows)
        cos, sin = self._cos[rows.places, None], self._sin[rows.places, None]
        for number, layer in enumerate(self._layers):
            hidden = self._attend(number, layer, hidden, rows, cos, sin)
            x = functional.rms_norm(hidden, hidden.shape[1:], layer.norm_after, self._eps)
            gate, up = layer.gate_up(x).chunk(2, -1)
            hidden += layer.down(functional.silu(gate).mul_(up))
        return hidden

    def _compute(self, loops: Kernels, hidden: Tensor, rows: _Rows) -> Tensor:
        """The layers by the compiled loops: the same as below, in fewer steps."""
        heads, kv, size = self._heads, self._kv_heads, self._size
        delta = None
        for number, layer in enumerate(self._layers):
            qkv = layer.qkv(loops.norm(hidden, delta, layer.norm_in, self._eps)).view(-1, heads + 2 * kv, size)
            if layer.norm_q is not None and layer.norm_k is not None:
                qkv[:, :heads] = functional.rms_norm(qkv[:, :heads], (size,), layer.norm_q, self._eps)
                qkv[:, heads : heads + kv] = functional.rms_norm(
                    qkv[:, heads : heads + kv], (size,), layer.norm_k, self._eps
                )
            keys, values = self._cache.layer(number, kv, size)
            loops.place(qkv, self._cos, self._sin, rows.slots, rows.places, keys, values)
            answer = loops.attend(qkv, rows.slots, rows.places, keys, values)
            x = loops.norm(hidden, layer.out(answer.view(len(hidden), -1)), layer.norm_after, self._eps)
            delta = layer.down(loops.gated(layer.gate_up(x)))
        return hidden if delta is None else hidden.add_(delta)

    def _speak(self, hidden: Tensor) -> Tensor:
        hidden = functional.rms_norm(hidden, hidden.shape[1:], self._norm, self._eps)
        return self._head(hidden).to(device="cpu", dtype=torch.float32)

    def _attend(self, number: int, layer: _Layer, hidden: Tensor, rows: _Rows, cos: Tensor, sin: Tensor) -> Tensor:
        """The attention half of a layer; `hidden` [tokens, width] is changed in place and given back."""
        x = functional.rms_norm(hidden, hidden.shape[1:], layer.norm_in, self._eps)
        heads = self._heads + self._kv_heads
        qkv = layer.qkv(x).view(len(hidden), heads + self._kv_heads, self._size)
        turning = qkv[:, :heads]
        if layer.norm_q is not None and layer.norm_k is not None:
            q = functional.rms_norm(turning[:, : self._heads], (self._size,), layer.norm_q, self._eps)
            k = functional.rms_norm(turning[:, self._heads :], (self._size,), layer.norm_k, self._eps)
            turning = torch.cat((q, k), 1)
        turned = _rotated(turning, cos, sin)
        keys, values = self._cache.layer(number, self._kv_heads, self._size)
        keys[rows.slots, :, rows.places] = turned[:, self._heads :]
        values[rows.slots, :, rows.places] = qkv[:, heads:]
        # Query heads that share a key head are taken as that many queries: nothing of the cache is repeated.
        q = turned[:, : self._heads].reshape(len(hidden), self._kv_heads, -1, self._size)
        answer = torch.empty_like(q)
        if rows.singles:
            self._attend_singles(q[: rows.singles], answer, keys, values, rows)
        for where, slot, end, mask in rows.stretches:
            stretch = q[where].permute(1, 2, 0, 3).reshape(1, self._kv_heads, -1, self._size)
            k, v = keys[slot : slot + 1, :, :end], values[slot : slot + 1, :, :end]
            attended = functional.scaled_dot_product_attention(stretch, k, v, attn_mask=mask)
            answer[where] = attended.view(self._kv_heads, q.shape[2], -1, self._size).permute(2, 0, 1, 3)
        hidden += layer.out(answer.view(len(hidden), -1))
        return hidden

    def _attend_singles(self, q: Tensor, answer: Tensor, keys: Tensor, values: Tensor, rows: _Rows) -> None:
        """All decoding rows at once, over the stretch of slots they lie in: the cache is read where it is."""
        span = rows.last - rows.first
        if span != rows.singles:
            spread = q.new_zeros(span, *q.shape[1:])
            spread[rows.order] = q
            q = spread
        k, v = keys[rows.first : rows.last, :, : rows.end], values[rows.first : rows.last, :, : rows.end]
        attended = functional.scaled_dot_product_attention(q, k, v, attn_mask=rows.mask)
        answer[: rows.singles] = attended if span == rows.singles else attended[rows.order]

    def _place(self, chunks: list[Chunk]) -> _Rows:
        """Slots, places and masks, worked out once for all layers. `chunks`: the single tokens first, by slot."""
        device, dtype = self._embedding.device, self._embedding.dtype
        singles = [chunk for chunk in chunks if len(chunk.tokens) == 1]
        slots = [chunk.slot for chunk in chunks for _ in chunk.tokens]
        places = [place for chunk in chunks for place in range(chunk.start, chunk.start + len(chunk.tokens))]
        first, last, end = 0, 0, 0
        mask = order = torch.empty(0, device=device)
        if singles and self._kernels is None:
            first, last = singles[0].slot, singles[-1].slot + 1
            end = max(chunk.start for chunk in singles) + 1
            order = torch.tensor([chunk.slot - first for chunk in singles], device=device)
            # a row that is not ours may look at place 0, since one that may look nowhere gives NaN
            reach = torch.zeros(last - first, dtype=torch.long, device=device)
            reach[order] = torch.tensor([chunk.start for chunk in singles], device=device)
            mask = _mask(reach, end, dtype)[:, None, None, :]
        stretches, at = [], len(singles)
        for chunk in chunks[len(singles) :] if self._kernels is None else ():
            count, stop = len(chunk.tokens), chunk.start + len(chunk.tokens)
            reach = torch.arange(chunk.start, stop, device=device).repeat(self._heads // self._kv_heads)
            stretches.append((slice(at, at + count), chunk.slot, stop, _mask(reach, stop, dtype)))
            at += count
        where = torch.tensor(slots, device=device), torch.tensor(places, device=device)
        return _Rows(*where, len(singles), first, last, order, end, mask, stretches)


def _let_go(model: Any) -> None:
    """Copy what stays as it is: as a part of the mapped file it would keep all of the file in memory."""
    with torch.no_grad():
        for module in model.modules():
            for name, weight in module.named_parameters(recurse=False):
                if weight.dim() == 1 or module is model.get_input_embeddings():
                    setattr(module, name, torch.nn.Parameter(weight.clone(), requires_grad=False))
        model.tie_weights()


def _mask(reach: Tensor, end: int, dtype: torch.dtype) -> Tensor:
    """What each query may look at: [queries, end], 0 up to and with place `reach`, minus infinity behind it."""
    hidden = torch.arange(end, device=reach.device)[None, :] > reach[:, None]
    return torch.zeros(hidden.shape, dtype=dtype, device=reach.device).masked_fill_(hidden, float("-inf"))


def _fused(layer: Any, quantize: Quantize, reach: Reach, prefix: str) -> _Layer:
    """A layer's weights; those that read the same input are joined into one matrix."""
    attention, mlp = layer.self_attn, layer.mlp
    return _Layer(
        norm_in=layer.input_layernorm.weight,
        norm_after=layer.post_attention_layernorm.weight,
        qkv=joined(
            [attention.q_proj, attention.k_proj, attention.v_proj], quantize, reach.get(f"{prefix}.self_attn.q_proj")
        ),
        out=joined([attention.o_proj], quantize, reach.get(f"{prefix}.self_attn.o_proj")),
        gate_up=joined([mlp.gate_proj, mlp.up_proj], quantize, reach.get(f"{prefix}.mlp.gate_proj")),
        down=joined([mlp.down_proj], quantize, reach.get(f"{prefix}.mlp.down_proj")),
        norm_q=attention.q_norm.weight if hasattr(attention, "q_norm") else None,
        norm_k=attention.k_norm.weight if hasattr(attention, "k_norm") else None,
    )


def _adapted(lora: Lora, number: int, layer: Any, quantize: Quantize, reach: Reach) -> _Layer:
    """A layer's weights, with the places where adapters add their deltas."""
    sites = {
        "qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"), "out": ("self_attn.o_proj",),
        "gate_up": ("mlp.gate_proj", "mlp.up_proj"), "down": ("mlp.down_proj",),
    }  # fmt: skip
    parts = {site: [(path, layer.get_submodule(path)) for path in paths] for site, paths in sites.items()}
    targets = {
        site: [Target(f"model.layers.{number}.{path}", part.in_features, part.out_features) for path, part in listed]
        for site, listed in parts.items()
    }
    fused = _fused(layer, quantize, reach, f"model.layers.{number}")
    adapted = {site: lora.adapted(f"{number}.{site}", targets[site], getattr(fused, site)) for site in sites}
    return replace(fused, **adapted)  # type: ignore[arg-type]


def _rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position embedding; `x` [tokens, heads, size], `cos` and `sin` [tokens, 1, half of size]."""
    half = x.shape[-1] // 2
    left, right = x[..., :half], x[..., half:]
    turned = torch.empty_like(x)
    torch.mul(left, cos, out=turned[..., :half]).addcmul_(right, sin, value=-1)
    torch.mul(right, cos, out=turned[..., half:]).addcmul_(left, sin)
    return turned
