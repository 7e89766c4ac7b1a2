"""Compressing: a smaller folder that loads as MODEL and says nearly the same, or a clear word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from models import compress
from models.dialect import Sampling
from models.serving import packing, pruning, quality
from models.serving.loading import Room, load, load_plain
from models.serving.quality import own_reading
from tests.models import tiny
from tests.models.test_lane import prompts, run


def report(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert compress.main([*arguments, "--json"]) == 0
    return dict(json.loads(capsys.readouterr().out.splitlines()[-1]))


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3", "mistral"])
def test_evened_out_model_computes_the_same(kind: str, tmp_path: Path) -> None:
    folder = tiny.write(tmp_path, kind, **({"sliding_window": None} if kind == "mistral" else {}))
    tokenizer, model = load_plain(folder)
    (prompt,) = prompts(1)
    before = own_reading(model)(prompt)
    packing.even_out(model, quality.calibrate(model, quality.calibration_tokens(tokenizer, 64)))
    after = own_reading(model)(prompt)
    assert torch.allclose(before, after, atol=1e-3 * float(before.abs().max()))


def test_compressed_folder_is_smaller_loads_and_keeps_its_integers(
    tiny_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "small"
    told = report(capsys, str(target), "--model", str(tiny_checkpoint))
    assert told["after"]["megabytes"] < told["before"]["megabytes"] / 2
    assert told["after"]["perplexity"] > 0
    assert told["dropped"] == []
    stored = packing.read(target)
    lane = load(target, Room(slots=4, chunk=16, context=512), "cpu", "none")
    asked = prompts(3)
    answers = run(lane, asked, Sampling(temperature=0, max_tokens=8))
    for prompt, answering in zip(asked, answers, strict=True):
        said = stored.generate(
            torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt)), max_new_tokens=8, do_sample=False
        )[0, len(prompt) :].tolist()
        assert said == answering.answer
    # rounded again as they are served, the weights are the integers of the file
    from safetensors.torch import load_file

    tensors = load_file(target / "model.safetensors")
    name = "model.layers.1.mlp.down_proj.weight"
    again, _ = packing.rounded_rows(stored.state_dict()[name])
    assert torch.equal(again, tensors[name])


def test_layers_that_change_least_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = tiny.write(tmp_path / "five", num_hidden_layers=5), tmp_path / "four"
    model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
    with torch.no_grad():  # the third layer changes nothing at all
        model.model.layers[2].self_attn.o_proj.weight.zero_()
        model.model.layers[2].mlp.down_proj.weight.zero_()
    model.save_pretrained(source)
    told = report(capsys, str(target), "--model", str(source), "--drop-layers", "1", "--quantize", "none")
    assert told["dropped"] == [2]
    assert told["after"]["layers"] == 4
    assert told["after"]["perplexity"] == pytest.approx(told["before"]["perplexity"], rel=1e-3)
    lane = load(target, Room(slots=2, context=256), "cpu")
    assert run(lane, prompts(1), Sampling(temperature=0, max_tokens=4))[0].answer


def test_what_cannot_be_done_is_told(tiny_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def words(*arguments: str) -> str:
        assert compress.main(list(arguments)) == compress.BROKEN_CHECKPOINT
        return capsys.readouterr().err

    model = ["--model", str(tiny_checkpoint)]
    assert "exists already" in words(str(tmp_path), *model)
    assert "nothing would change" in words(str(tmp_path / "new"), *model, "--quantize", "none")
    assert "at most 0 can be left out" in words(str(tmp_path / "new"), *model, "--drop-layers", "1")
    other = tiny.write(tmp_path / "neox", "gpt_neox")
    assert "cannot be compressed" in words(str(tmp_path / "new"), "--model", str(other))
    assert "There is no model" in words(str(tmp_path / "new"), "--model", str(tmp_path / "nowhere"))
    packed = tmp_path / "packed"
    report(capsys, str(packed), *model)
    assert "compressed already" in words(str(tmp_path / "new"), "--model", str(packed))
    # nothing half done is left lying about
    assert not [path for path in tmp_path.iterdir() if "partial" in path.name or path.name == "new"]


def test_influence_is_told_for_every_layer(tiny_checkpoint: Path) -> None:
    _, model = load_plain(tiny_checkpoint)
    assert len(pruning.influence(model, prompts(1)[0])) == 2
