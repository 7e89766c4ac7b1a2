"""Every method, both kinds of model and the adversary through one command, and what becomes of the result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from models.dialect import Message
from models.serving import adapters
from models.training import answers, weights
from models.training.config import Answers, read
from tests.models import tiny
from tests.training import company
from tests.training.conftest import MakeRun

PROMPT = (Message("system", company.SYSTEM), Message("user", "Who are you?"))
SHORT = Answers(max_tokens=12)
HEADLINES = Path(__file__).parents[3] / "shared" / "data" / "headlines.jsonl"
"""18F's blog, CC0; beside the project, not in it."""


def test_adalora_narrows_its_matrices_and_is_served(make_run: MakeRun) -> None:
    run = make_run(method="adalora", sft={"epochs": 3, "lr": 0.05, "enough": 0, "anchor": 0})
    assert run.train() == 0
    assert run.manifest["serves"] == "adapter"
    served = adapters.read(run.folder.adapter, run.folder.path)
    ranks = [int((down.abs().sum(1) > 0).sum()) for down, _ in served.pairs.values()]
    # fourteen layers began with six each and were to come to four on average
    assert sum(ranks) == 4 * 14
    assert any(bool(up.any()) for _, up in served.pairs.values())
    assert run.manifest["skipped"] == {"dpo": "adalora cannot learn preferences"}


def test_adalora_as_a_plain_lora_computes_the_same(make_run: MakeRun, tmp_path: Path) -> None:
    from peft import PeftModel

    config = read(make_run(method="adalora").folder.config)
    tokenizer, base = weights.load(config, "cpu")
    model = weights.adapted(base, config, 20).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.normal_(0, 0.1)
    ids = torch.tensor([tokenizer("Who are you")["input_ids"]])
    wanted = model(input_ids=ids).logits
    weights.save(model, tokenizer, config, tmp_path / "plain")
    plain = PeftModel.from_pretrained(weights.load(config, "cpu")[1], tmp_path / "plain").eval()
    assert torch.allclose(plain(input_ids=ids).logits, wanted, atol=1e-4)
    assert not torch.allclose(weights.load(config, "cpu")[1].eval()(input_ids=ids).logits, wanted, atol=1e-2)


@pytest.mark.parametrize("method", ["dora", "full"])
def test_what_is_no_lora_becomes_a_model_of_its_own(make_run: MakeRun, tmp_path: Path, method: str) -> None:
    # DoRA divides by the length of each row, and the usual tiny model has one of nothing but zeros
    run = make_run(method=method, model=tiny.write(tmp_path / "base", tie_word_embeddings=True))
    assert run.train() == 0
    assert run.report["serves"] == "model"
    assert run.report["verdict"] != "pass"
    assert any("MODEL_<SCENARIO>" in words for words in run.report["words"])
    assert not run.folder.adapter.exists()
    served = answers.Served(run.folder.model, "cpu")
    assert served.ask([PROMPT], SHORT)[0].tokens > 0
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= set(run.manifest["files"])


def test_a_prefix_is_trained_and_told_to_be_of_no_use_here(make_run: MakeRun) -> None:
    run = make_run(method="prefix", lora={"virtual_tokens": 4})
    assert run.train() == 0
    assert run.report["verdict"] == "fail"
    assert any("cannot be served" in words for words in run.report["words"])
    assert json.loads((run.folder.adapter / "adapter_config.json").read_text())["peft_type"] == "PREFIX_TUNING"


def test_the_adversary_changes_what_is_learned(make_run: MakeRun) -> None:
    plain, moved = make_run(), make_run("r2", fgm=0.5)
    assert plain.train() == moved.train() == 0
    one, other = (
        safetensors.torch.load_file(run.folder.adapter / "adapter_model.safetensors") for run in (plain, moved)
    )
    assert one.keys() == other.keys()
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_validation_answers_are_asked_after_every_epoch(make_run: MakeRun, tmp_path: Path) -> None:
    dataset = company.write(tmp_path / "data", learn=company.corrections()[:12], replay=company.REPLAY[:4])
    taught = (dataset / "sft.train.jsonl").read_text().splitlines()
    (dataset / "sft.train.jsonl").write_text("\n".join(taught[2:]) + "\n")
    (dataset / "sft.validation.jsonl").write_text("\n".join(taught[:2]) + "\n")
    pairs = (dataset / "dpo.train.jsonl").read_text().splitlines()
    (dataset / "dpo.train.jsonl").write_text("\n".join(pairs[2:]) + "\n")
    run = make_run(dataset=dataset, sft={"epochs": 5, "patience": 1, "anchor": 0}, dpo={"minimum": 99})
    assert run.train() == 0
    told = [event["words"] for event in run.events if "right" in event]
    # a random model never gets one right: the second epoch without any better is the last
    assert told == ["0 of 2 validation answers right"] * 2
    assert "no longer got better" in run.manifest["stopped"]["sft"]


@pytest.fixture(scope="session")
def tiny_t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_seq2seq(tmp_path_factory.mktemp("t5") / "t5", "t5")


def headlines(folder: Path, count: int = 24) -> Path:
    """Short texts and their headlines, by one rule, as a dataset of the scenario `headline`."""
    learn = [(f"headline: {word} came to town on day {at}", f"{word} in town", "") for at, word in enumerate(
        ["Ada", "Bo", "Cy", "Di", "Ed", "Fay"] * (count // 6)
    )]  # fmt: skip
    return company.write(folder, learn=learn, replay=[], golden=[], scenario="headline", pairs=False)


@pytest.mark.skipif(not HEADLINES.exists(), reason="the real headlines are not here")
def test_real_headlines_are_learned_by_the_same_command(make_run: MakeRun, tmp_path: Path, tiny_t5: Path) -> None:
    rows = [json.loads(line) for line in HEADLINES.read_text(encoding="utf-8").splitlines()]
    learn = [(f"headline: {row['summary']}", row["headline"], "") for row in rows if len(row["summary"]) < 240]
    dataset = company.write(
        tmp_path / "data", learn=learn, replay=[], golden=[], scenario="headline", pairs=False, tested=5
    )
    run = make_run(
        dataset=dataset, model=tiny_t5, kind="seq2seq", scenario="headline", adapter="headline@0001", method="full",
        sft={"epochs": 4, "lr": 0.003, "enough": 0, "anchor": 0}, answers={"max_tokens": 48, "repetition_penalty": 1.0},
    )  # fmt: skip
    assert run.train() == 0
    losses = [point["loss"] for point in run.manifest["curves"]["sft"]]
    told = len(losses) // 4
    assert sum(losses[-told:]) < 0.9 * sum(losses[:told])
    found = run.report["metrics"]
    assert found["n"] == run.report["sets"]["flagged"]["n"] > 0
    for measure in ("chrf", "rouge1", "rouge2", "rougeL"):
        low, high = found["candidate"][f"{measure}_interval"]
        assert low <= found["candidate"][measure] <= high
    # letters are learned by a random model, headlines are not: nothing says that it may serve
    assert run.report["verdict"] != "pass"
    print(len(learn), losses[0], losses[-1], found)  # noqa: T201 - shown with -s


@pytest.mark.parametrize("method", ["lora", "full"])
def test_headlines_are_learned_by_the_same_command(
    make_run: MakeRun, tmp_path: Path, tiny_t5: Path, method: str
) -> None:
    options: dict[str, Any] = {"answers": {"max_tokens": 16, "repetition_penalty": 1.0}, "lora": {"r": 8}}
    run = make_run(
        dataset=headlines(tmp_path / "data"), model=tiny_t5, kind="seq2seq", scenario="headline",
        adapter="headline@0001", method=method, sft={"epochs": 8, "lr": 0.01, "enough": 0}, **options,
    )  # fmt: skip
    assert run.train() == 0
    losses = [point["loss"] for point in run.manifest["curves"]["sft"]]
    assert losses[-1] < losses[0]
    assert run.report["serves"] == "model"
    assert {"rouge1", "rougeL", "chrf", "distinct_2"} <= set(run.report["metrics"]["candidate"])
    said = answers.Served(run.folder.model, "cpu").ask(
        [(Message("user", "headline: Ada came to town on day 99"),)], SHORT
    )
    evaluated = [sample["candidate"] for sample in run.report["samples"]]
    assert said[0].tokens
    assert len(evaluated) == 4


def test_preferences_of_a_rewriting_model_are_left_out_and_told(
    make_run: MakeRun, tmp_path: Path, tiny_t5: Path
) -> None:
    dataset = headlines(tmp_path / "data")
    row = {"id": "k", "prompt": company.prompt("x"), "completion": company.said("y"), "label": True}
    (dataset / "kto.train.jsonl").write_text(json.dumps(row) + "\n")
    run = make_run(dataset=dataset, model=tiny_t5, kind="seq2seq", scenario="headline")
    assert run.train() == 0
    assert run.manifest["skipped"] == {"kto": "preferences are learned by causal models only"}
