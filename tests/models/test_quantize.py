"""Fewer bits: near the model's own numbers, every row for itself, and never worse than told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional

from models.dialect import Message, Sampling
from models.manifest import CheckpointError
from models.serving import linear as linear_module
from models.serving import loading, quality
from models.serving.lane import Lane
from models.serving.linear import Int4Linear, Int8Linear, PlainLinear, Quantize, linear, paired
from models.serving.loading import Room, load
from tests.models import tiny
from tests.models.test_lane import prompts, run

QUESTIONS = [
    "What is the capital of France?", "Tell me about bees.", "2 + 2 =", "Traduis : bonjour",
    "Write a poem about the sea.", "Why is the sky blue?", "Name three rivers.", "Who was Ada Lovelace?",
]  # fmt: skip


def _outlying(rows: int, inputs: int) -> torch.Tensor:
    """Activations as models have them: one input reaches a hundred times as far as the others."""
    x = torch.randn(rows, inputs, generator=torch.Generator().manual_seed(1))
    x[:, 3] *= 100
    return x


@pytest.mark.parametrize(("kind", "most"), [("int8", 0.02), ("int4", 0.2)])
def test_result_is_near_and_each_row_for_itself(kind: str, most: float) -> None:
    weight = torch.randn(96, 64, generator=torch.Generator().manual_seed(2))
    x, bias = _outlying(32, 64), torch.arange(96.0)
    layer = Int8Linear(weight, bias, x.abs().amax(0)) if kind == "int8" else Int4Linear(weight, bias)
    plain, found = functional.linear(x, weight, bias), layer(x)
    assert (found - plain).norm() <= most * (plain - bias).norm()
    for row in (0, 7, 31):
        assert torch.equal(layer(x[row : row + 1])[0], found[row])
    assert torch.equal(layer(x[5:9]), found[5:9])


def test_evening_out_takes_the_harm_out_of_an_outlier() -> None:
    weight = torch.randn(96, 64, generator=torch.Generator().manual_seed(2))
    weight[:, 3] /= 100
    x = _outlying(32, 64)
    plain = functional.linear(x, weight)
    raw, evened = Int8Linear(weight)(x), Int8Linear(weight, None, x.abs().amax(0))(x)
    assert (evened - plain).norm() < (raw - plain).norm() / 5


def test_rows_of_zeros_and_of_no_numbers_stay_what_they_are() -> None:
    layer = Int8Linear(torch.randn(8, 16))
    x = torch.zeros(3, 16)
    x[1, 2] = float("nan")
    found = layer(x)
    assert torch.equal(found[0], torch.zeros(8))
    assert found[1].isnan().all()
    assert torch.equal(found[2], torch.zeros(8))


@pytest.fixture(scope="module")
def real(checkpoint: Path) -> Lane:
    return load(checkpoint, Room(slots=32, chunk=64, context=1024), "cpu", "auto")


def test_built_in_model_is_served_in_8_bits(real: Lane, checkpoint: Path) -> None:
    assert real.quantize == "int8"
    plain = load(checkpoint, Room(slots=1, context=1024), "cpu")
    grown = quality.perplexity(real, 1024) / quality.perplexity(plain, 1024)
    assert grown <= 1 + loading.MOST_LOSS


def test_greedy_answer_is_the_same_alone_and_among_others(real: Lane) -> None:
    sampling = Sampling(temperature=0, max_tokens=6)
    asked = [real.encode([Message("user", f"{question} {number}")]) for number in range(4) for question in QUESTIONS]
    together = run(real, asked, sampling)
    for number in (0, 9, 31):
        (alone,) = run(real, [asked[number]], sampling)
        assert alone.answer == together[number].answer


@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_adapters_lie_over_few_bits(kind: str, tiny_checkpoint: Path, tmp_path: Path) -> None:
    from models.serving import adapters

    lane = load(tiny_checkpoint, Room(slots=4, chunk=16, context=512), "cpu", kind)  # type: ignore[arg-type]
    folder = tiny.adapter(tmp_path / "lora", tiny_checkpoint)
    weights = lane.forward.lora.prepare(5, adapters.read(folder, tmp_path).pairs)
    prompt, sampling = prompts(4)[2], Sampling(temperature=0, max_tokens=12)
    (base,) = run(lane, [prompt], sampling)
    mixed = [lane.submit(prompt, sampling, lambda _: None, adapter=each) for each in (weights, None, weights)]
    while lane.busy:
        lane.step()
    assert mixed[1].answer == base.answer
    assert mixed[0].answer == mixed[2].answer != base.answer


def test_model_that_loses_too_much_is_served_as_it_is(
    tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(loading, "MOST_LOSS", -1.0)
    lane = load(tiny_checkpoint, Room(slots=4, chunk=16, context=512), "cpu", "auto")
    assert lane.quantize == "none"
    assert "quantize_refused" in capsys.readouterr().out
    expected = load(tiny_checkpoint, Room(slots=4, chunk=16, context=512), "cpu")
    sampling = Sampling(temperature=0, max_tokens=8)
    asked = prompts(3)
    assert [each.answer for each in run(lane, asked, sampling)] == [
        each.answer for each in run(expected, asked, sampling)
    ]
    # who asks for it by name gets it
    assert load(tiny_checkpoint, Room(), "cpu", "int8").quantize == "int8"


def test_other_architectures_are_served_as_they_are(tmp_path: Path) -> None:
    folder = tiny.write(tmp_path, "gpt_neox")
    assert load(folder, Room(context=256), "cpu", "int8").quantize == "none"


def test_a_device_without_the_kernels_refuses(tiny_checkpoint: Path) -> None:
    with pytest.raises(CheckpointError, match="QUANTIZE=int8 is for computing on the CPU or on CUDA"):
        load(tiny_checkpoint, Room(), "mps", "int8")


def test_what_ruins_a_model_is_refused_though_asked_for(tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "RUINED", -1.0)
    with pytest.raises(CheckpointError, match="QUANTIZE=int4 ruins the model"):
        load(tiny_checkpoint, Room(), "cpu", "int4")


def test_rows_of_zeros_that_cuda_needs_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_module, "kernels", lambda: None)
    weight = torch.randn(96, 64, generator=torch.Generator().manual_seed(2))
    x, bias = _outlying(32, 64), torch.arange(96.0)
    usual = Int8Linear(weight, bias, x.abs().amax(0))
    filled = Int8Linear(weight, bias, x.abs().amax(0), least=linear_module.CUDA_ROWS)
    for rows in (x[:1], x[:16], x):
        assert torch.equal(filled(rows), usual(rows))


@pytest.mark.parametrize(("kind", "layer"), [("int8", Int8Linear), ("int4", Int4Linear)])
@pytest.mark.parametrize("inputs", [96, 192, 576])
def test_cudas_kernels_take_the_shapes(kind: Quantize, layer: type, inputs: int) -> None:
    with FakeTensorMode():  # torch's own account of CUDA's kernels, without a GPU
        made = linear(torch.empty(48, inputs, device="meta", dtype=torch.bfloat16), None, kind)
        assert isinstance(made, layer)
        found = made(torch.empty(3, inputs, device="meta", dtype=torch.bfloat16))
        assert (found.shape, found.dtype, found.device.type) == ((3, 48), torch.bfloat16, "meta")


def test_a_side_that_cublas_does_not_take_stays_as_it_is() -> None:
    assert isinstance(linear(torch.empty(45, 96, device="meta"), None, "int8"), PlainLinear)


def test_tinygemm_gets_two_steps_a_byte() -> None:
    steps = torch.randint(0, 16, (48, 576), generator=torch.Generator().manual_seed(3), dtype=torch.int32)
    packed, depth = paired(steps)
    assert (packed.dtype, packed.shape, depth) == (torch.uint8, (48, 288), 4)
    assert torch.equal(torch.stack((packed >> 4, packed & 15), -1).view(48, 576).int(), steps)


def test_the_quality_of_a_format_is_one_object(tiny_checkpoint: Path) -> None:
    command = [sys.executable, "-m", "models.serving.quality", "--model", str(tiny_checkpoint), "--tokens", "64"]
    ended = subprocess.run([*command, "--quantize", "int8"], capture_output=True, check=True, timeout=300)
    found = json.loads(ended.stdout)
    assert found.keys() == {"none", "int8"}
    assert found["int8"]["served"] == "int8"
    assert found["int8"]["perplexity"] == pytest.approx(found["none"]["perplexity"], rel=0.1)
    assert 0 <= found["int8"]["same_answers"] <= found["int8"]["of"]
