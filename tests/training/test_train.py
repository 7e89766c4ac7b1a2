"""The whole command on a tiny model: stages, files, limits, refusals, determinism, kills."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from models import train
from models.serving import adapters
from tests.training.conftest import REPOSITORY, MakeRun, Run

THUMBS = [(f"Tell me about topic {at}.", f"It is a fine thing, number {at}.", at % 2 == 0) for at in range(12)]


def weights(run: Run) -> bytes:
    return (run.folder.adapter / "adapter_model.safetensors").read_bytes()


def test_all_stages_and_all_files(make_run: MakeRun) -> None:
    sft = {"epochs": 1, "anchor": 1.0}
    run = make_run(data={"kto": THUMBS, "safety": [("How?", "So.")]}, report_to=("tensorboard",), sft=sft)
    assert run.train() == 0
    assert run.report["verdict"] in ("fail", "inconclusive")
    assert run.report["words"]
    assert set(run.report["sets"]) == {"flagged", "golden", "safety", "format", "speed"}
    assert {sample["set"] for sample in run.report["samples"]} == {"flagged", "golden", "safety"}
    assert run.report["metrics"]["n"] == 7
    assert not run.folder.state.exists()
    assert not run.folder.failed.exists()
    for stage in ("sft", "dpo", "kto"):
        assert list((run.folder.tensorboard / stage).glob("events.*"))
    told = [(event["stage"], event.get("step")) for event in run.events]
    assert [stage for stage in dict.fromkeys(stage for stage, _ in told)] == [
        "load",
        "sft",
        "dpo",
        "kto",
        "evaluate",
        "gate",
    ]
    assert ("sft", 4) in told
    losses = [event for event in run.events if "loss" in event]
    assert {"time", "stage", "step", "steps", "loss", "lr", "drift", "words"} <= set(losses[0])


def test_the_manifest_tells_what_was_really_trained(make_run: MakeRun) -> None:
    run = make_run(data={"kto": THUMBS[:6]}, max_length=150)
    assert run.train() == 0
    manifest = run.manifest
    rows = [
        json.loads(line)["id"]
        for line in (Path(run_config(run)["dataset"]) / "sft.train.jsonl").read_text().splitlines()
    ]
    long = {row["id"] for row in manifest["dropped"]}
    assert long
    assert set(manifest["trained"]["sft"]) == set(rows) - long
    assert manifest["skipped"] == {"kto": "6 rows, and 8 are needed"}
    assert {row["reason"] for row in manifest["dropped"]} == {"longer than 150 tokens"}
    assert manifest["steps"]["sft"][0] == len(manifest["curves"]["sft"])
    assert manifest["versions"]["trl"]
    assert len(manifest["base"]["sha256"]) == 64
    assert manifest["peak_memory_bytes"] > 0
    assert manifest["serves"] == "adapter"


def test_the_adapter_is_one_that_the_worker_serves(make_run: MakeRun) -> None:
    run = make_run()
    assert run.train() == 0
    read = adapters.read(run.folder.adapter, run.folder.path)
    assert read.base == "tiny"
    assert len(read.pairs) == 14


def test_two_runs_give_the_same_adapter_bit_by_bit(make_run: MakeRun) -> None:
    first, second = (make_run(name, data={"kto": THUMBS}, deterministic=True) for name in ("r1", "r2"))
    assert first.train() == second.train() == 0
    assert weights(first) == weights(second)
    assert first.report["samples"] == second.report["samples"]


def test_what_was_learned_as_a_correction_need_not_be_preferred_too(make_run: MakeRun) -> None:
    run = make_run(dpo={"minimum": 4})
    assert run.train() == 0
    assert list(run.manifest["trained"]) == ["sft"]
    assert run.manifest["skipped"] == {"dpo": "12 pairs are learned as corrections already"}


def test_thumbs_alone_are_enough(make_run: MakeRun) -> None:
    run = make_run(data={"learn": [], "replay": [], "kto": THUMBS})
    assert run.train() == 0
    assert list(run.manifest["trained"]) == ["kto"]
    assert run.report["verdict"] == "inconclusive"


def test_nothing_to_learn_is_said(make_run: MakeRun) -> None:
    run = make_run(data={"learn": [], "replay": [], "kto": THUMBS[:3]})
    assert run.train() == train.UNUSABLE
    assert run.failed["words"] == "There is not enough to learn from yet: kto: 3 rows, and 8 are needed."


def test_held_data_is_trained_and_never_passes(make_run: MakeRun) -> None:
    run = make_run(data={"held": "three new people wrote most of it."}, sft={"epochs": 1, "anchor": 0})
    assert run.train() == 0
    assert run.report["verdict"] == "fail"
    assert "three new people" in run.report["words"][0]


def test_rows_on_both_sides_are_refused(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run()
    golden = tmp_path / "data-r1" / "golden.jsonl"
    taught = json.loads((tmp_path / "data-r1" / "sft.train.jsonl").read_text().splitlines()[0])
    golden.write_text(json.dumps({**taught, "reference": "x"}) + "\n")
    assert run.train() == train.UNUSABLE
    assert "both trained on and asked by the gate" in run.failed["words"]


def test_time_ends_training_and_the_gate_still_judges(make_run: MakeRun) -> None:
    run = make_run(minutes=1e-6)
    assert run.train() == 0
    assert run.manifest["steps"]["sft"][0] == 1
    assert "its time was over" in run.manifest["stopped"]["sft"]
    assert run.report["verdict"] != "pass"


def test_memory_has_a_limit(make_run: MakeRun) -> None:
    run = make_run(memory_gb=0.01)
    assert run.train() == train.LATER
    assert "Allow it more" in run.failed["words"]
    assert not run.folder.report.exists()


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_broken_base_is_said(make_run: MakeRun, tmp_path: Path, tiny_base: Path, damage: str) -> None:
    base = tmp_path / "base"
    shutil.copytree(tiny_base, base)
    file = base / "model.safetensors"
    file.write_bytes(file.read_bytes()[:5000])
    if damage == "gone":
        shutil.rmtree(base)
    run = make_run(model=base)
    assert run.train() != 0
    assert run.failed["words"]
    assert not run.folder.report.exists()


def test_a_finished_run_is_left_alone(make_run: MakeRun) -> None:
    run = make_run()
    assert run.train() == 0
    before = run.folder.report.stat().st_mtime_ns
    assert run.train() == 0
    assert run.folder.report.stat().st_mtime_ns == before


def test_an_adapter_in_service_is_what_is_compared_with(make_run: MakeRun) -> None:
    first = make_run()
    assert first.train() == 0
    second = make_run("r2", incumbent=first.folder.adapter)
    assert second.train() == 0
    assert second.manifest["parent"] == "adapter"
    same = [sample["incumbent"] == sample["candidate"] for sample in second.report["samples"]]
    # the data differs in nothing, so the weights do not either
    assert all(same)


def test_killed_at_any_point_it_goes_on(make_run: MakeRun) -> None:
    """Killed in the first stage and in the last, then it comes to its end with the adapter of a run left alone."""
    options: dict[str, Any] = {"data": {"kto": THUMBS}, "save_steps": 2, "deterministic": True}
    whole, run = make_run("whole", **options), make_run("killed", **options)
    assert whole.train() == 0
    for stage, step in (("sft", 3), ("kto", 2)):
        kill_at(run, stage, step)
        assert not run.folder.report.exists()
    process = run.start()
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors[-2000:]
    assert run.report["verdict"] == whole.report["verdict"]
    words = [event["words"] for event in run.events]
    assert any("going on from step" in each for each in words)
    assert any("already trained before the restart" in each for each in words)
    assert weights(run) == weights(whole)
    assert run.manifest["trained"] == whole.manifest["trained"]
    assert [point["step"] for point in run.manifest["curves"]["sft"]] == [1, 2, 3, 4]


@pytest.mark.slow
def test_several_processes_share_the_rows(make_run: MakeRun) -> None:
    """What TRAIN_LAUNCHER starts: each takes its part of every step, one tells of it."""
    run = make_run()
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "-m", "models.train"]
    done = subprocess.run([*command, str(run.folder.path)], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert [point["step"] for point in run.manifest["curves"]["sft"]] == [1, 2]
    assert [event["step"] for event in run.events if event["stage"] == "sft" and "loss" in event] == [1, 2]
    assert run.report["verdict"] != "pass"


def kill_at(run: Run, stage: str, step: int) -> None:
    seen = len(run.events)
    process = run.start()
    deadline = time.monotonic() + 240
    while not any(event["stage"] == stage and event.get("step", 0) >= step for event in run.events[seen:]):
        assert process.poll() is None, process.stderr.read()[-2000:] if process.stderr else ""
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def run_config(run: Run) -> dict[str, Any]:
    return dict(json.loads(run.folder.config.read_text()))
