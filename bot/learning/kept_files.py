"""Files that hold what people said: datasets and the reports of runs. What somebody forgets leaves them too."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from pathlib import Path

from bot.learning.dataset_folder import forget, manifests
from models.durable import write_text


class KeptFiles:
    """Those of one data folder; None where there is none."""

    def __init__(self, data_dir: Path | None) -> None:
        self._folder = data_dir

    async def holding(self, ids: Collection[str]) -> dict[str, int]:
        """How many of these turns each dataset was made from, by its name."""
        return await asyncio.to_thread(self._holding, set(ids))

    async def forget(self, ids: Collection[str]) -> list[str]:
        """Take what was made from these turns out of every dataset and report. Returns the datasets that held some."""
        return await asyncio.to_thread(self._forget, set(ids))

    def _holding(self, ids: set[str]) -> dict[str, int]:
        if self._folder is None or not ids:
            return {}
        counts = {
            folder.name: len(ids & {str(row["id"]).partition("#")[0] for row in told["rows"]})
            for folder, told in manifests(self._folder)
        }
        return {name: count for name, count in counts.items() if count}

    def _forget(self, ids: set[str]) -> list[str]:
        if self._folder is None or not ids:
            return []
        for path in self._folder.glob("runs/*/report.json"):
            _forget_samples(path, ids)
        return forget(self._folder, ids)


def _forget_samples(path: Path, ids: set[str]) -> None:
    """The questions and answers that a report shows of these."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return  # being written; it is made of the dataset, whose rows are gone
    shown = report.get("samples") or []
    kept = [one for one in shown if str(one.get("id", "")).partition("#")[0] not in ids]
    if len(kept) < len(shown):
        write_text(path, json.dumps(report | {"samples": kept}, ensure_ascii=False, indent=1))
