"""Linear layers: the one place where weights meet activations, in the model's own numbers or in 8 bits.

8 bits: weights have one scale an output, activations one a row, both symmetric. Sums are integers and so exact, which
makes a row's result the same to the bit whatever rows stand beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import torch
from torch import Tensor
from torch.nn import functional

Quantize = Literal["none", "int8"]
TOP = 127


class Linear(Protocol):
    """`y = x W^T + b`; `x` [rows, inputs] gives [rows, outputs] in the same type. What a LoRA adds is added after."""

    def __call__(self, x: Tensor) -> Tensor: ...


class PlainLinear:
    """In the weights' own type. `weight` [outputs, inputs]."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        self._weight = weight
        self._bias = bias

    def __call__(self, x: Tensor) -> Tensor:
        return functional.linear(x, self._weight, self._bias)


class Int8Linear:
    """8-bit weights and activations, on any device that has torch's integer product."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        scale = weight.abs().amax(1).clamp_min_(torch.finfo(torch.float32).tiny).div_(TOP)
        rounded = (weight / scale[:, None]).round_().to(torch.int8)
        self._weight = rounded.t()
        self._scale = scale.float().div_(TOP)  # the activations' 127 is divided out here, once
        self._bias = bias

    def __call__(self, x: Tensor) -> Tensor:
        # a row of zeros divides by zero here, which its peak of zero takes back below
        peak = x.abs().amax(-1, keepdim=True)
        rounded = torch.mul(x, TOP / peak).round_().to(torch.int8)
        y = torch._int_mm(rounded, self._weight) * self._scale
        y.mul_(peak)
        return (y if self._bias is None else y.add_(self._bias)).to(x.dtype)


def joined(parts: Sequence[Any], quantize: Quantize) -> Linear:
    """One layer for modules that read the same input. Their own weights are given up, else memory would double."""
    weight = torch.cat([part.weight.detach() for part in parts]) if len(parts) > 1 else parts[0].weight.detach()
    bias = torch.cat([part.bias.detach() for part in parts]) if parts[0].bias is not None else None
    for part in parts:
        part.weight = None
    return linear(weight, bias, quantize)


def linear(weight: Tensor, bias: Tensor | None, quantize: Quantize) -> Linear:
    return Int8Linear(weight, bias) if quantize == "int8" else PlainLinear(weight, bias)
