"""Runs on a tiny random model: all of the way, in seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from models.training.config import Config, text
from models.training.folder import RunFolder
from tests.models import tiny
from tests.training import company

REPOSITORY = Path(__file__).parents[2]
QUICK: dict[str, Any] = {
    "scenario": "chat", "adapter": "chat@0001", "answers": {"max_tokens": 8},
    "sft": {"epochs": 1, "enough": 0, "anchor": 0},
    "dpo": {"epochs": 1, "minimum": 4, "corrections": True}, "kto": {"epochs": 1, "minimum": 8},
    "threads": 1, "nice": 0, "report_to": (), "device": "cpu",
    "lora": {"r": 4, "layers": 1.0},
}  # fmt: skip
FEW: dict[str, Any] = {
    "learn": company.corrections()[:15], "replay": company.REPLAY[:4], "golden": company.GOLDEN[:4],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Run:
    """A run's folder, and what lies in it."""

    folder: RunFolder

    @property
    def report(self) -> dict[str, Any]:
        return dict(json.loads(self.folder.report.read_text()))

    @property
    def manifest(self) -> dict[str, Any]:
        return dict(json.loads(self.folder.manifest.read_text()))

    @property
    def failed(self) -> dict[str, Any]:
        return dict(json.loads(self.folder.failed.read_text()))

    @property
    def events(self) -> list[dict[str, Any]]:
        path = self.folder.path / "events.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def start(self, *options: str) -> subprocess.Popen[str]:
        """The command, in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "models.train", str(self.folder.path), *options],
            cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ},
        )  # fmt: skip

    def train(self) -> int:
        """The same in this process, which has loaded the libraries already."""
        from models import train

        return train.main([str(self.folder.path)])


MakeRun = Callable[..., Run]


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture
def make_run(tmp_path: Path, tiny_base: Path) -> MakeRun:
    """A run's folder with its config and a dataset of the fictional company."""

    def make(name: str = "r1", data: dict[str, Any] | None = None, **changes: Any) -> Run:
        folder = RunFolder(tmp_path / name)
        folder.path.mkdir()
        dataset = changes.pop("dataset", None) or company.write(tmp_path / f"data-{name}", **{**FEW, **(data or {})})
        options = {**QUICK, "run": name, "model": tiny_base, "dataset": dataset, **changes}
        folder.config.write_text(text(Config(**options)))
        return Run(folder)

    return make
