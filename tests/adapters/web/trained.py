"""Runs and datasets as training leaves them, written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from bot.learning.runs import Run, RunState
from tests.adapters.web.conftest import Page

DATASET = "support-0123456789ab"
REPORT = {
    "verdict": "inconclusive", 
    "words": ["2 of 4 are right now: chance could have done it.", "It lost one: 'Who is \"Mo\"?'."],
    "scale": 1.0, "serves": "adapter",
    "sets": {
        "flagged": {"n": 4, "incumbent": 0, "candidate": 2, "wins": 2, "losses": 0, "p": 0.25, "interval": [0.2, 0.8]},
        "golden": {"n": 2, "incumbent": 2, "candidate": 2, "flips": ["secret-id"], "critical_flips": ["secret-id"]},
    },
    "metrics": {"n": 6},
    "samples": [
        {"set": "flagged", "id": "t", "question": "Is there a lift?", "reference": "Yes.", "incumbent": "No.",
         "candidate": "Yes, there is.", "passed": [False, True]},
    ],
}  # fmt: skip


def tell(folder: Path, stage: str, words: str = "", **fields: Any) -> None:
    """A line as the trainer writes it."""
    with (folder / "events.jsonl").open("a") as file:
        file.write(json.dumps({"time": 1764100000.0, "stage": stage, "words": words, **fields}) + "\n")


async def begun(page: Page, *, rows: tuple[str, ...] = ("t1",)) -> tuple[Run, Path]:
    """A run that trains, and its folder."""
    run = await page.stores.runs.begin("support", parent="", by="schedule", host="h")
    await page.stores.runs.change(run.id, state="training", dataset=DATASET, counts={"sft.train": len(rows)})
    folder = page.settings.runs / run.id
    folder.mkdir(parents=True)
    tell(folder, "load", "Loading the model")
    return run, folder


def write_outcome(folder: Path, rows: tuple[str, ...] = ("t1",), seed: int = 1) -> None:
    """What a trainer leaves at its end: the adapter, the manifest, the gate's report."""
    adapter = folder / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}")
    save_file({"w": np.full(4, seed, dtype=np.float32)}, adapter / "adapter_model.safetensors")
    manifest = {"base": {"name": "tiny", "sha256": "ab" * 32}, "seed": 7, "trained": {"sft": list(rows)}, "dropped": []}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "report.json").write_text(json.dumps(REPORT))


async def ended(page: Page, state: RunState = "inconclusive", *, seed: int = 1, rows: tuple[str, ...] = ("t1",)) -> Run:
    """A run that has come to its end."""
    run, folder = await begun(page, rows=rows)
    for step in range(1, 6):
        tell(folder, "sft", step=step, steps=5, loss=3.0 / step)
    write_outcome(folder, rows, seed)
    await page.stores.runs.end(run.id, state, " ".join(REPORT["words"]))  # type: ignore[arg-type]
    kept = await page.stores.runs.get(run.id)
    assert kept is not None
    return kept


def write_dataset(page: Page) -> None:
    """A dataset of two servers."""
    folder = page.settings.data_dir / "datasets" / DATASET
    folder.mkdir(parents=True)
    rows, lines = [], []
    for number, server in enumerate(("77", "77", "78")):
        rows.append({"id": f"t{number}", "sha256": "ab", "split": "train", "stage": "sft", "source": "correction",
                     "cluster": f"c{number}", "platform": "discord", "server": server})  # fmt: skip
        lines.append({"id": f"t{number}", "prompt": [{"role": "user", "content": f"Question {number} <b>?"}],
                      "completion": [{"role": "assistant", "content": f"Answer {number}."}]})  # fmt: skip
    (folder / "sft.train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    manifest = {
        "scenario": "support", "hash": "01" * 32, "seed": 7, "created": "2026-11-25T20:00:00+00:00", "rows": rows,
        "dropped": [{"id": "t9", "reason": "no consent"}], "counts": {"sft.train": 3, "dropped": 1}, "held": "",
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
