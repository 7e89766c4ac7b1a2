"""The cache: keys and values of every slot, one pair of tensors a layer, written in place."""

from __future__ import annotations

import math
import mmap

import torch
from torch import Tensor

ALIGNMENT = 64
"""Slots are a multiple of this long, so that on the CPU each begins at a page."""


class Cache:
    """Room for `slots` times `room` tokens.

    On the CPU the memory is reserved only: a page is taken when a token is first written there, and given back by
    `release`. So long rooms cost nothing until somebody needs them.
    """

    def __init__(self, slots: int, room: int, device: torch.device, dtype: torch.dtype) -> None:
        self.slots = slots
        self.room = ALIGNMENT * math.ceil(room / ALIGNMENT)
        self._device = device
        self._dtype = dtype
        self._layers: dict[int, tuple[Tensor, Tensor]] = {}
        self._pages: list[tuple[mmap.mmap, int]] = []

    def layer(self, number: int, heads: int, size: int) -> tuple[Tensor, Tensor]:
        """Keys and values of a layer, each [slots, heads, room, size]; made when first asked for."""
        pair = self._layers.get(number)
        if pair is None:
            shape = (self.slots, heads, self.room, size)
            pair = self._layers[number] = (self._tensor(shape), self._tensor(shape))
        return pair

    def _tensor(self, shape: tuple[int, int, int, int]) -> Tensor:
        if self._device.type != "cpu":
            # zeros, not whatever lies there: a masked place is multiplied too, and 0 x NaN is NaN
            return torch.zeros(shape, dtype=self._dtype, device=self._device)
        count = math.prod(shape)
        pages = mmap.mmap(-1, count * self._dtype.itemsize, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        if hasattr(mmap, "MADV_NOHUGEPAGE"):
            pages.madvise(mmap.MADV_NOHUGEPAGE)  # else the first token of a slot takes 2 MB a layer and head
        self._pages.append((pages, len(pages) // self.slots))
        return torch.frombuffer(pages, dtype=self._dtype, count=count).view(shape)

    @torch.inference_mode()
    def copy(self, source: int, target: int, tokens: int) -> None:
        """Make `target` begin with the first `tokens` tokens of `source`."""
        for keys, values in self._layers.values():
            keys[target, :, :tokens] = keys[source, :, :tokens]
            values[target, :, :tokens] = values[source, :, :tokens]

    @torch.inference_mode()
    def release(self, slot: int) -> None:
        """Make the slot read as zeros, and on the CPU give its pages back."""
        if not self._pages:
            for keys, values in self._layers.values():
                keys[slot].zero_()
                values[slot].zero_()
        for pages, length in self._pages:
            start = slot * length
            aligned = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE
            usable = (start + length - aligned) // mmap.PAGESIZE * mmap.PAGESIZE
            if usable > 0:
                pages.madvise(mmap.MADV_DONTNEED, aligned, usable)
