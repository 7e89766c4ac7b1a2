"""Runs as a trainer leaves them, with adapters made by hand."""

from __future__ import annotations

import json
from pathlib import Path

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
    manifest = {"base": checkpoint.name, "trained": {"sft": list(rows)}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    await stores.runs.change(run.id, state=state)
    made = await stores.runs.get(run.id)
    assert made is not None
    return made
