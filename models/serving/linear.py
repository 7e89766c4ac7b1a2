"""Linear layers: the one place where weights meet activations, in the model's own numbers, in 8 bits or in 4.

On CUDA the kernels are those of torch that torchao calls too, cuBLAS for 8 bits and tinygemm for 4.

8 bits: weights have one scale an output, activations one a row, both symmetric. Sums are integers and so exact, which
makes a row's result the same to the bit whatever rows stand beside it. Inputs that reach far are evened out first
(SmoothQuant, Xiao et al. 2022, at an even share of weights and activations), else one of them takes the whole scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from models.serving.native.kernels import kernels

Quantize = Literal["none", "int8", "int4"]
Reach = Mapping[str, Tensor]
"""How far the inputs of each layer reached in a calibration, by the layer's path: [inputs]."""
TOP = 127
GROUP = 32
"""Inputs that share a scale in 4 bits."""
CUDA_ROWS = 17
"""cuBLAS multiplies integers from so many rows on, and only sides that are multiples of SIDE."""
SIDE = 8
SCARCE = 0.1
"""An input that hardly moved in the calibration counts as reaching this part of the usual, in case it does later."""


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
    """8-bit weights and activations. `least`: rows that the product needs, if fewer come it gets rows of zeros."""

    def __init__(
        self, weight: Tensor, bias: Tensor | None = None, reach: Tensor | None = None, *, least: int = 0
    ) -> None:
        self._evening = None
        self._least = least
        if reach is not None:
            even = evening(weight, reach)
            weight = weight * even
            self._evening = even.reciprocal_()
        rounded, scale = rounded_rows(weight)
        self._scale = scale.div_(TOP)  # the activations' 127 is divided out here, once
        self._bias = bias
        self._kernels = kernels() if not least else None
        if self._kernels is not None:
            self._packed = self._kernels.pack(rounded)
        else:
            self._weight = rounded.t() if not least else rounded.t().contiguous()

    def __call__(self, x: Tensor) -> Tensor:
        if self._kernels is not None:
            return self._kernels.linear(x.contiguous(), self._evening, self._packed, self._scale, self._bias)
        evened = x if self._evening is None else x * self._evening
        # a row of zeros divides by zero here, which its peak of zero takes back below
        peak = evened.abs().amax(-1, keepdim=True)
        rounded = torch.mul(evened, TOP / peak).round_().to(torch.int8)
        if len(rounded) < self._least:
            rounded = functional.pad(rounded, (0, 0, 0, self._least - len(rounded)))
        y = torch._int_mm(rounded, self._weight)[: len(x)] * self._scale
        y.mul_(peak)
        return (y if self._bias is None else y.add_(self._bias)).to(x.dtype)


class Int4Linear:
    """4-bit weights in groups of 32 inputs, activations in bfloat16. The kernels of CPU and CUDA pack differently."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        outputs, inputs = weight.shape
        groups = weight.float().view(outputs, inputs // GROUP, GROUP)
        low, high = groups.aminmax(dim=-1)
        scale = ((high - low) / 15).clamp_min_(torch.finfo(torch.float32).tiny).bfloat16()
        zero = (low + 8 * scale.float()).bfloat16()
        steps = ((groups - zero.float()[..., None]) / scale.float()[..., None]).round_().add_(8).clamp_(0, 15)
        steps = steps.int().view(outputs, inputs)
        self._on_cpu = weight.device.type == "cpu"
        if self._on_cpu:
            self._weight = torch._convert_weight_to_int4pack_for_cpu(steps, 1)
        else:
            self._weight = torch._convert_weight_to_int4pack(*paired(steps))
        self._scales = torch.stack((scale, zero), -1).transpose(0, 1).contiguous()
        self._bias = bias

    @staticmethod
    def takes(weight: Tensor) -> bool:
        return weight.shape[0] % 16 == 0 and weight.shape[1] % GROUP == 0

    def __call__(self, x: Tensor) -> Tensor:
        multiply = torch._weight_int4pack_mm_for_cpu if self._on_cpu else torch._weight_int4pack_mm
        y = multiply(x.bfloat16(), self._weight, GROUP, self._scales).to(x.dtype)
        return y if self._bias is None else y.add_(self._bias)


def paired(steps: Tensor) -> tuple[Tensor, int]:
    """4-bit `steps` [outputs, inputs] as tinygemm packs them: two a byte, the first one above, and its tiles' depth."""
    inputs = steps.shape[1]
    return (steps[:, ::2] << 4 | steps[:, 1::2]).to(torch.uint8), next(d for d in (8, 4, 2) if inputs % (16 * d) == 0)


def evening(weight: Tensor, reach: Tensor) -> Tensor:
    """What each column of `weight` is multiplied by, and its input divided by, so that neither has outliers."""
    widest = weight.detach().abs().amax(0)
    return (_floored(reach) / _floored(widest)).sqrt_()


def rounded_rows(weight: Tensor) -> tuple[Tensor, Tensor]:
    """`weight` as 8-bit integers, and the scale of each row, [outputs]."""
    scale = weight.abs().amax(1).float().clamp_min_(torch.finfo(torch.float32).tiny).div_(TOP)
    return (weight / scale[:, None]).round_().to(torch.int8), scale


def joined(parts: Sequence[Any], quantize: Quantize, reach: Tensor | None = None) -> Linear:
    """One layer for modules that read the same input. Their own weights are given up, else memory would double."""
    weight = torch.cat([part.weight.detach() for part in parts]) if len(parts) > 1 else parts[0].weight.detach()
    bias = torch.cat([part.bias.detach() for part in parts]) if parts[0].bias is not None else None
    for part in parts:
        part.weight = None
    return linear(weight, bias, quantize, reach)


def linear(weight: Tensor, bias: Tensor | None, quantize: Quantize, reach: Tensor | None = None) -> Linear:
    if quantize == "int4" and Int4Linear.takes(weight):
        return Int4Linear(weight, bias)
    on_cpu = weight.device.type == "cpu"
    if quantize == "none" or not (on_cpu or all(side % SIDE == 0 for side in weight.shape)):
        return PlainLinear(weight, bias)
    return Int8Linear(weight, bias, reach, least=0 if on_cpu else CUDA_ROWS)


def _floored(values: Tensor) -> Tensor:
    return values.float().clamp_min(max(float(values.median()) * SCARCE, 1e-5))
