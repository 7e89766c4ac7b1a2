"""Adapters in a lane: each row says what PEFT's own model says, whoever else is in the batch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from models.engine import Sampling
from models.serving import adapters
from models.serving.forward import Chunk
from models.serving.lane import Lane
from models.serving.loading import Room, load
from models.serving.lora import AdapterWeights
from models.serving.resident import Answering
from tests.models import tiny
from tests.models.test_lane import check, prompts

GREEDY = Sampling(temperature=0, max_tokens=16)
ATTENTION = ["q_proj", "v_proj"]
SHAPES: list[dict[str, Any]] = [
    {"r": 4},
    {"r": 8, "lora_alpha": 4, "use_rslora": True, "target_modules": ["q_proj", "v_proj", "down_proj"]},
    {"r": 2, "rank_pattern": {"k_proj": 6}, "alpha_pattern": {"layers.1.mlp.up_proj": 32}},
]
KINDS: dict[str, tuple[str, dict[str, Any], list[dict[str, Any]]]] = {
    "llama": ("llama", {}, SHAPES),
    "qwen2": ("qwen2", {}, SHAPES),
    "gemma3": ("gemma3_text", {"sliding_window": 24, "query_pre_attn_scalar": 16}, SHAPES),
    "gpt2": (
        "gpt2", {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 512},
        [{"r": 4, "fan_in_fan_out": True}, {"r": 8, "target_modules": ["c_attn"], "fan_in_fan_out": True}],
    ),
}  # fmt: skip


def put(lane: Lane, folder: Path, serial: int) -> AdapterWeights:
    adapter = adapters.read(folder, folder.parent)
    adapters.check(adapter, lane.forward.lora.targets)
    return lane.forward.lora.prepare(serial, adapter.pairs)


def run(lane: Lane, asked: Sequence[tuple[list[int], AdapterWeights | None]]) -> list[Answering]:
    answers = [lane.submit(prompt, GREEDY, lambda _: None, adapter=adapter) for prompt, adapter in asked]
    while lane.busy:
        lane.step()
    return answers


@pytest.mark.parametrize("kind", KINDS)
def test_a_mixed_batch_says_what_peft_says_of_each(kind: str, tmp_path: Path) -> None:
    name, changes, shapes = KINDS[kind]
    base = tiny.write(tmp_path / "base", name, **changes)
    lane = load(base, Room(slots=5, chunk=16, context=512), "cpu")
    folders = [tiny.adapter(tmp_path / f"{at}", base, at, **shape) for at, shape in enumerate(shapes)]
    weights: list[AdapterWeights | None] = [None, *(put(lane, folder, at + 1) for at, folder in enumerate(folders))]
    asked = [(prompt, weights[at % len(weights)]) for at, prompt in enumerate(prompts(12))]
    together = run(lane, asked)
    plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    answers: dict[AdapterWeights | None, list[Answering]] = {
        each: [answer for answer, (_, chosen) in zip(together, asked, strict=True) if chosen is each]
        for each in weights
    }
    for answer in answers[None]:
        check(plain, answer.prompt, answer.answer)
    model = PeftModel.from_pretrained(plain, folders[0], adapter_name="0")
    for at, folder in enumerate(folders[1:], 1):
        model.load_adapter(folder, f"{at}")
    for at, each in enumerate(weights[1:]):
        model.set_adapter(f"{at}")
        for answer in answers[each]:
            check(model, answer.prompt, answer.answer)
    # alone the same tokens, and another adapter does not say the same
    for (prompt, adapter), answer in zip(asked, together, strict=True):
        (alone,) = run(lane, [(prompt, adapter)])
        assert alone.answer == answer.answer
    said = {tuple(answer.answer) for answer in run(lane, [(asked[0][0], each) for each in weights])}
    assert len(said) == len(weights)


def test_logits_of_a_mixed_batch_are_those_of_pefts_forward(tmp_path: Path) -> None:
    base = tiny.write(tmp_path / "base", "mistral", sliding_window=None)
    lane = load(base, Room(slots=4, context=512), "cpu")
    folders = [tiny.adapter(tmp_path / f"{at}", base, at, **shape) for at, shape in enumerate(SHAPES)]
    tokens = prompts(4)[3]
    chunks = [Chunk(at, 0, tokens, True, put(lane, folder, at + 1)) for at, folder in enumerate(folders)]
    found = lane.forward.run([*chunks, Chunk(3, 0, tokens, True)])
    plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    with torch.inference_mode():
        wanted = [plain(torch.tensor([tokens])).logits[0, -1]]
        for folder in reversed(folders):
            model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), folder)
            wanted.insert(0, model(torch.tensor([tokens])).logits[0, -1])
    torch.testing.assert_close(found, torch.stack(wanted), atol=1e-4, rtol=1e-4)


def test_a_prefix_is_never_taken_from_another_adapter(tmp_path: Path) -> None:
    base = tiny.write(tmp_path / "base")
    folders = [tiny.adapter(tmp_path / f"{at}", base, at) for at in range(2)]
    prompt = prompts(4)[3]

    def cold(at: int | None) -> list[int]:
        lane = load(base, Room(slots=1, chunk=512, context=512), "cpu")
        return run(lane, [(prompt, None if at is None else put(lane, folders[at], 1))])[0].answer

    lane = load(base, Room(slots=4, context=512), "cpu")
    weights = [put(lane, folder, at + 1) for at, folder in enumerate(folders)]
    order = [None, 0, 1, 0, None, 1, 1]
    for turn, at in enumerate(order):
        before = lane.slots.reused
        (answer,) = run(lane, [(prompt, None if at is None else weights[at])])
        assert answer.answer == cold(at)
        # all but the last token, and only where the same weights have read it before
        assert lane.slots.reused - before == (len(prompt) - 1 if at in order[:turn] else 0)
