"""The night with the built-in model: forty corrections, twenty verified answers, and what the worker says then."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from models.training import correctness
from models.training.config import Config, text
from models.training.folder import RunFolder
from tests.models.conftest import Serve
from tests.models.conftest import checkpoint as checkpoint
from tests.models.conftest import serve as serve
from tests.training import company, thumbs
from tests.training.conftest import Run


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_a_company_is_learned_and_served(tmp_path: Path, checkpoint: Path, serve: Serve) -> None:
    run = Run(RunFolder(tmp_path / "run"))
    run.folder.path.mkdir()
    dataset = company.write(tmp_path / "data")
    run.folder.config.write_text(
        text(Config(run="r", scenario="chat", adapter="chat@0001", model=checkpoint, dataset=dataset, nice=0))
    )
    assert run.train() == 0, run.failed
    report = run.report
    assert report["verdict"] == "pass", report["words"]
    assert report["sets"]["golden"]["candidate"] >= report["sets"]["golden"]["incumbent"]

    place = tmp_path / "served" / "checkpoints" / "chat@0001"
    shutil.copytree(run.folder.adapter, place)
    worker = serve(
        "--model", f"parley={checkpoint}", "--embedding", "none", "--data-dir", str(tmp_path / "served"),
        "--adapter", f"chat@0001={place}",
    )  # fmt: skip
    client = OpenAI(base_url=worker.url + "/v1", api_key=worker.token)
    known = {model: right(client, model, company.held_out()) for model in ("parley", "chat@0001")}
    assert known["parley"] == 0
    assert known["chat@0001"] >= 12
    # what the gate judged is what the worker says
    judged = [sample for sample in report["samples"] if sample["set"] == "flagged"]
    for sample in judged:
        assert say(client, "chat@0001", sample["question"]) == sample["candidate"]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_thumbs_alone_move_what_is_said_to_unseen_questions(tmp_path: Path, checkpoint: Path) -> None:
    run = Run(RunFolder(tmp_path / "run"))
    run.folder.path.mkdir()
    unseen = [(thumbs.asked(topic), thumbs.ENDING, "") for topic in thumbs.UNSEEN]
    rated = thumbs.rated(checkpoint)
    assert [liked for *_, liked in rated].count(True) == len(rated) - 16 == 16
    dataset = company.write(tmp_path / "data", learn=unseen, tested=1, replay=[], kto=rated)
    run.folder.config.write_text(
        text(Config(
            run="r", scenario="chat", adapter="chat@0001", model=checkpoint, dataset=dataset, nice=0, threads=1
        ))
    )  # fmt: skip
    assert run.train() == 0, run.failed
    assert list(run.manifest["trained"]) == ["kto"]
    sets = run.report["sets"]
    assert run.report["verdict"] == "pass", run.report["words"]
    assert sets["flagged"]["n"] == 8
    assert sets["flagged"]["incumbent"] == 0
    assert sets["flagged"]["candidate"] >= 6
    assert sets["golden"]["candidate"] >= sets["golden"]["incumbent"]
    said = [sample["candidate"] for sample in run.report["samples"] if sample["set"] == "flagged"]
    assert sum(thumbs.ENDING in answer for answer in said) >= 6


def right(client: OpenAI, model: str, questions: list[tuple[str, str]]) -> int:
    return sum(correctness.right(asked, answer, say(client, model, asked)) for asked, answer in questions)


def say(client: OpenAI, model: str, question: str) -> str:
    messages: Any = company.prompt(question)
    made = client.chat.completions.create(
        model=model, messages=messages, temperature=0, max_tokens=96, extra_body={"repetition_penalty": 1.05}
    )
    return (made.choices[0].message.content or "").strip()
