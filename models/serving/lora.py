"""LoRA in a batch: each row of a pass gets the delta of its own adapter, or none, behind every linear layer.

y = x W^T + scaling * (x A^T) B^T, Hu et al. 2021. The base weights are never changed, so adapters come and go while
others are being served.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from models.serving.linear import Linear

Pair = tuple[Tensor, Tensor]
"""A [rank, in] and B [out, rank]; the scaling is in B."""


@dataclass(frozen=True, slots=True)
class Target:
    """A linear layer that an adapter may change, by its path in the model."""

    path: str
    inputs: int
    outputs: int


@dataclass(frozen=True, slots=True, eq=False)
class AdapterWeights:
    """An adapter on the device, by site. `serial` names it in the prefix cache and is never given twice."""

    serial: int
    pairs: Mapping[str, Pair]


@dataclass(frozen=True, slots=True)
class _Group:
    """The rows of one adapter; None are all."""

    pairs: Mapping[str, Pair]
    rows: Tensor | None


@dataclass(slots=True)
class Lora:
    """The deltas of one forward. A site is a projection as the forward computes it, perhaps several layers joined."""

    device: torch.device
    dtype: torch.dtype
    sites: dict[str, tuple[Target, ...]] = field(default_factory=dict)
    _groups: list[_Group] = field(default_factory=list)

    @property
    def targets(self) -> dict[str, Target]:
        """Every layer that an adapter may change, by path."""
        return {target.path: target for parts in self.sites.values() for target in parts}

    def adapted(self, site: str, parts: Sequence[Target], projection: Linear) -> Linear:
        """`projection`, which joins `parts` in this order, with the deltas of the rows behind it."""
        self.sites[site] = tuple(parts)

        def project(x: Tensor) -> Tensor:
            y = projection(x)
            return self.add(site, x, y) if self._groups else y

        return project

    def prepare(self, serial: int, pairs: Mapping[str, Pair]) -> AdapterWeights:
        """An adapter's pairs, by the path of their layer, laid out for the sites."""
        sites = {}
        for site, parts in self.sites.items():
            placed = zip(parts, _offsets(parts), strict=True)
            found = [(pairs[part.path], at) for part, at in placed if part.path in pairs]
            if found:
                sites[site] = self._joined(found, sum(part.outputs for part in parts))
        return AdapterWeights(serial, sites)

    def _joined(self, found: Sequence[tuple[Pair, int]], outputs: int) -> Pair:
        """One pair for a site: A above A, and each B in its own rows and columns."""
        rank = sum(a.shape[0] for (a, _), _ in found)
        up = torch.zeros(outputs, rank)
        column = 0
        for (_, b), row in found:
            up[row : row + b.shape[0], column : column + b.shape[1]] = b
            column += b.shape[1]
        down = torch.cat([a for (a, _), _ in found])
        return down.to(self.device, self.dtype), up.to(self.device, self.dtype)

    def select(self, rows: Iterable[tuple[AdapterWeights | None, int]]) -> None:
        """Whose rows the next pass has: an adapter and how many rows, in their order."""
        at, places = 0, dict[AdapterWeights, list[int]]()
        for adapter, count in rows:
            if adapter is not None:
                places.setdefault(adapter, []).extend(range(at, at + count))
            at += count
        self._groups = [
            _Group(adapter.pairs, None if len(mine) == at else torch.tensor(mine, device=self.device))
            for adapter, mine in places.items()
        ]

    def add(self, site: str, x: Tensor, y: Tensor) -> Tensor:
        """`y` with the deltas of `x`; both have the rows first. `y` is changed in place and given back."""
        for group in self._groups:
            pair = group.pairs.get(site)
            if pair is None:
                continue
            mine = x if group.rows is None else x[group.rows]
            delta = functional.linear(functional.linear(mine, pair[0]), pair[1])
            if group.rows is None:
                y += delta
            else:
                y.index_add_(0, group.rows, delta)
        return y


def _offsets(parts: Sequence[Target]) -> list[int]:
    return [sum(part.outputs for part in parts[:number]) for number in range(len(parts))]
