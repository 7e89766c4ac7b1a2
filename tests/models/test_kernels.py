"""The compiled loops: what torch computes, each row for itself, and no harm where they cannot be had."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from models.dialect import Sampling
from models.serving.lane import Lane
from models.serving.linear import Int8Linear
from models.serving.loading import Room, load
from models.serving.native import kernels as native
from models.serving.native.kernels import KernelError, Kernels
from tests.models.conftest import REPOSITORY
from tests.models.test_lane import prompts, run

found = native.kernels()
needed = pytest.mark.skipif(found is None, reason="no compiler, or another CPU")


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


@needed
@pytest.mark.parametrize(("rows", "inputs", "outputs"), [(1, 64, 96), (13, 62, 33), (40, 576, 100)])
def test_product_is_that_of_torch_to_the_bit(
    rows: int, inputs: int, outputs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    weight, x, bias, reach = drawn(outputs, inputs), drawn(rows, inputs), drawn(outputs), drawn(1, inputs)[0].abs()
    here = Int8Linear(weight, bias, reach)(x)
    monkeypatch.setattr("models.serving.linear.kernels", lambda: None)
    assert torch.equal(here, Int8Linear(weight, bias, reach)(x))


@needed
def test_attention_is_that_of_torch() -> None:
    assert found is not None
    heads, kv, size, room = 6, 2, 16, 64
    keys, values = drawn(3, kv, room, size), drawn(3, kv, room, size + 1)[..., :size].contiguous()
    angles = torch.arange(room)[:, None] / 7 + torch.arange(size // 2)
    cos, sin = angles.cos(), angles.sin()
    qkv = drawn(2, heads + 2 * kv, size)
    q, k = qkv[:, :heads].clone(), qkv[:, heads : heads + kv].clone()
    slots, places = torch.tensor([2, 0]), torch.tensor([40, 3])
    found.place(qkv, cos, sin, slots, places, keys, values)
    out = found.attend(qkv, slots, places, keys, values)

    def turned(x: torch.Tensor, place: int) -> torch.Tensor:
        left, right = x.chunk(2, -1)
        return torch.cat((left * cos[place] - right * sin[place], right * cos[place] + left * sin[place]), -1)

    for row, (slot, place) in enumerate(zip(slots.tolist(), places.tolist(), strict=True)):
        assert torch.allclose(keys[slot, :, place], turned(k[row], place), atol=1e-6)
        seen = keys[slot, :, : place + 1], values[slot, :, : place + 1]
        shared = [each.repeat_interleave(heads // kv, 0) for each in seen]
        expected = functional.scaled_dot_product_attention(turned(q[row], place)[:, None], *shared)[:, 0]
        assert torch.allclose(out[row], expected, atol=1e-5)


@needed
def test_what_is_no_number_stays_so() -> None:
    assert found is not None
    x = torch.zeros(2, 64)
    x[0, 3] = float("nan")
    assert found.gated(x)[0, 3].isnan()
    assert found.norm(x.clone(), None, torch.ones(64), 1e-5)[0].isnan().all()
    assert not found.norm(x.clone(), None, torch.ones(64), 1e-5)[1].isnan().any()
    qkv, keys = torch.zeros(1, 4, 16), torch.zeros(1, 1, 8, 16)
    qkv[0, 0, 0] = float("nan")
    at = torch.tensor([0])
    out = found.attend(qkv, at, at, keys, keys)
    assert out[0, 0].isnan().all()
    assert not out[0, 1].isnan().any()


@needed
@pytest.mark.parametrize("quantize", ["none", "int8"])
def test_answers_with_and_without_them_are_equal(
    quantize: str, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, sampling = prompts(8), Sampling(temperature=0, max_tokens=10)

    def answers() -> list[list[int]]:
        lane: Lane = load(tiny_checkpoint, Room(slots=4, chunk=16, context=512), "cpu", quantize)  # type: ignore[arg-type]
        return [each.answer for each in run(lane, asked, sampling)]

    with_them = answers()
    monkeypatch.setattr("models.serving.linear.kernels", lambda: None)
    monkeypatch.setattr("models.serving.llama.kernels", lambda: None)
    assert answers() == with_them


def test_no_compiler_is_no_harm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(KernelError, match="no C compiler"):
        native._library()
    native.kernels.cache_clear()
    try:
        assert native.kernels() is None
    finally:
        native.kernels.cache_clear()


@needed
def test_a_wrong_result_is_never_served(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found is not None
    monkeypatch.setattr(Kernels, "linear", lambda *_: torch.zeros(1))
    with pytest.raises(KernelError, match="wrong"):
        native._check(found)


def test_they_can_be_switched_off() -> None:
    script = "from models.serving.native.kernels import kernels; print(kernels())"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, env={**os.environ, "PARLEY_KERNELS": "off"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "None"
