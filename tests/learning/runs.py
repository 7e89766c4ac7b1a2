"""Runs as a trainer leaves them, with adapters made by hand."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.learning.drafts import Draft
from bot.learning.runs import Run, RunState
from bot.settings import Settings
from bot.stores import Stores


async def finished_run(
    stores: Stores, settings: Settings, checkpoint: Path, *, seed: int = 1, base: str = "",
    scenario: str = "chat", state: RunState = "passed", rows: tuple[str, ...] = ("t1",),
) -> Run:  # fmt: skip
    """A run on the tiny model that has passed, with random weights; `base`: the name it says it was trained on."""
    from tests.models import tiny

    run = await stores.runs.begin(scenario, parent="", by="test", host="test")
    folder = settings.runs / run.id
    adapter = tiny.adapter(folder / "adapter", checkpoint, seed)
    if base:
        config = json.loads((adapter / "adapter_config.json").read_text())
        (adapter / "adapter_config.json").write_text(json.dumps({**config, "base_model_name_or_path": base}))
    manifest = {"base": {"name": checkpoint.name}, "trained": {"sft": list(rows)}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    await stores.runs.change(run.id, state=state)
    made = await stores.runs.get(run.id)
    assert made is not None
    return made


TRAINER = f"{sys.executable} {Path(__file__).parent / 'trainer.py'}"
"""TRAIN_LAUNCHER for the trainer of the tests."""


@dataclass
class Rows:
    """What there is to learn: a dataset is written of `count` corrections; `behaviour` is for the trainer."""

    folder: Path
    adapter: Path
    count: int = 40
    behaviour: dict[str, Any] = field(default_factory=dict)
    settled: int = 0

    async def build(self, scenario: str) -> Draft:
        rows = [{"id": f"{scenario}-{number}", "split": "train", "stage": "sft", "source": "correction"}
                for number in range(self.count)]  # fmt: skip
        rows += [{"id": f"{scenario}-r{number}", "split": "train", "stage": "sft", "source": "replay"}
                 for number in range(20)]  # fmt: skip
        digest = hashlib.sha256(json.dumps([rows, self.behaviour]).encode()).hexdigest()
        folder = self.folder / f"{scenario}-{digest[:12]}"
        if not folder.exists():
            shutil.copytree(self.adapter, folder / "adapter")
            manifest = {"scenario": scenario, "hash": digest, "rows": rows, "dropped": [], "held": "",
                        "counts": {"sft": len(rows)}, "behaviour": self.behaviour}  # fmt: skip
            (folder / "manifest.json").write_text(json.dumps(manifest))
        return Draft(folder, self.settle)

    async def settle(self) -> None:
        self.settled += 1
