"""Pure noise promotes nothing: corrections that answer anything with anything, trained for real and judged.

`PARLEY_NOISE=10` has ten rounds of it.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from bot.database import Database
from bot.learning.registry import Registry
from bot.learning.runs import Runs
from bot.settings import Settings
from tests.learning import company
from tests.models.conftest import checkpoint as checkpoint
from tests.stories.test_learning_story import command

ROUNDS = int(os.environ.get("PARLEY_NOISE", "1"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_noise_is_not_promoted(checkpoint: Path, tmp_path: Path, seed: int) -> None:
    shutil.copytree(checkpoint, tmp_path / "checkpoints" / checkpoint.name, copy_function=os.link)
    rows = company.write(tmp_path / "rows.jsonl", company.noise(seed) + company.replay() + company.golden())
    await command(tmp_path, "feedback", "import", str(rows))
    told = await command(tmp_path, "train", "--scenario", "chat", "--force")
    assert "did not pass the gate" in told or "waits for you to decide" in told
    settings = Settings(_env_file=None, data_dir=tmp_path)
    async with Database(settings.database) as database:
        (run,) = await Runs(database).recent("chat")
        assert run.state in ("rejected", "inconclusive")
        service = await Registry(database).service("chat")
        assert service is None or not service.adapter
    report = json.loads((settings.runs / run.id / "report.json").read_text())
    # nor would the answers alone have passed, had nobody doubted the data
    flagged = report["sets"]["flagged"]
    assert flagged["n"] == 8
    assert flagged["candidate"] < 0.6 * flagged["n"]
