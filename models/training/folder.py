"""A run's folder: the seam to the bot. Files are written whole or not at all, events are appended line by line."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.durable import sync, write_text


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where everything of one run lies. `tells`: of several processes that train together one does."""

    path: Path
    tells: bool = True

    @property
    def config(self) -> Path:
        return self.path / "config.json"

    @property
    def state(self) -> Path:
        """What a run that was killed goes on from."""
        return self.path / "state"

    @property
    def tensorboard(self) -> Path:
        return self.path / "tensorboard"

    @property
    def adapter(self) -> Path:
        """The weights to serve beside the base."""
        return self.path / "adapter"

    @property
    def model(self) -> Path:
        """A whole model, where the method gives no adapter that can be served."""
        return self.path / "model"

    @property
    def manifest(self) -> Path:
        return self.path / "manifest.json"

    @property
    def report(self) -> Path:
        return self.path / "report.json"

    @property
    def failed(self) -> Path:
        return self.path / "failed.json"

    def event(self, stage: str, words: str = "", **fields: object) -> None:
        """One line for whoever watches. A line that a kill cut short is ended first, so that it spoils no other."""
        if not self.tells:
            return
        line = json.dumps({"time": round(time.time(), 3), "stage": stage, **fields, "words": words}, ensure_ascii=False)
        with (self.path / "events.jsonl").open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    line = "\n" + line
            file.write(line.encode() + b"\n")

    def fail(self, words: str, detail: str = "") -> None:
        if self.tells:
            write_json(self.failed, {"words": words, "detail": detail})
            self.event("failed", words)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def settle(partial: Path, folder: Path) -> None:
    """Bring a folder to the disk under its final name: what has that name is whole."""
    for path in (*partial.rglob("*"), partial):
        sync(path)
    partial.rename(folder)
    sync(folder.parent)
