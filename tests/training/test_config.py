"""config.json: what is read back, and what is said of a wrong one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from models.training.config import Config, ConfigError, Sft, read, text

WHERE = Path("/somewhere")


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    config = Config(
        run="r1", scenario="chat", adapter="chat@0001", model=WHERE, dataset=WHERE, incumbent=WHERE, sft=Sft(epochs=2)
    )
    (tmp_path / "config.json").write_text(text(config))
    assert read(tmp_path / "config.json") == config


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("{", "Invalid JSON"),
        ('{"run": "r1"}', "scenario: Field required"),
        ('{"run": "r", "scenario": "s", "adapter": "a", "model": "m", "dataset": "d", "epochs": 3}', "epochs: Extra"),
        ('{"run": "r", "scenario": "s", "adapter": "a", "model": "m", "dataset": "d", "sft": {"lr": 0}}', "sft.lr"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, written: str, words: str) -> None:
    (tmp_path / "config.json").write_text(written)
    with pytest.raises(ConfigError, match=words):
        read(tmp_path / "config.json")


def test_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no config\.json"):
        read(tmp_path / "config.json")


def test_the_bot_may_read_it_without_torch() -> None:
    names = ", ".join(f"models.training.{name}" for name in ("config", "gate", "dataset", "folder"))
    code = f"import sys, {names}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
