"""Holding a model to what the base says on everyday questions."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from models.dialect import Message
from models.training import anchors, dataset, weights
from models.training.config import read
from models.training.tokens import Encoder
from tests.training import company
from tests.training.conftest import MakeRun


def test_what_the_gate_asks_is_no_anchor(tmp_path: Path) -> None:
    golden = [("Tell me what the capital of Germany is.", "Berlin", False), ("What is 3 plus 4?", "7", False)]
    read = dataset.read(company.write(tmp_path / "data", golden=golden))
    asked = [prompt[-1].content for prompt in anchors.prompts(read)]
    assert len(asked) == len(anchors.QUESTIONS) - 2
    assert not {"What is the capital of Germany?", "What is 3 plus 4?"} & set(asked)
    assert asked == [prompt[-1].content for prompt in anchors.prompts(read)]
    assert all(prompt[0] == Message("system", company.SYSTEM) for prompt in anchors.prompts(read))


def test_the_drift_is_nothing_at_the_base_and_grows_away_from_it(make_run: MakeRun) -> None:
    config = read(make_run().folder.config)
    tokenizer, base = weights.load(config, "cpu")
    model = weights.adapted(base, config, 10)
    encoder = Encoder(tokenizer, 512, frozenset({2}))
    prompts = [(Message("user", question),) for question in anchors.QUESTIONS[:9]]
    rows = anchors.ask(model, prompts, encoder.prompt, 2, {2})
    held = anchors.Anchors(rows, 1.0, 3, 2)
    assert [row.start for row in rows] == [len(encoder.prompt(prompt)) for prompt in prompts]
    for step in range(3):
        assert held.drift(model, step).item() == pytest.approx(0.0, abs=1e-4)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.1)
    drift = held.drift(model, 0)
    assert drift.item() > 0.01
    drift.backward()
    assert any(parameter.grad is not None and parameter.grad.abs().max() > 0 for parameter in model.parameters())
