"""Datasets: what a scenario's adapter trains on and is tested by, a function of what the store holds."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from bot.learning.splits import Split

if TYPE_CHECKING:
    from bot.stores import Stores

Stage = Literal["sft", "dpo", "kto", "test", "golden", "safety"]
Source = Literal["correction", "replay", "augmented", "good", "bad", "pick", "retry", "golden", "safety"]

FILES: dict[tuple[Stage, str], str] = {
    ("sft", "train"): "sft.train.jsonl",
    ("sft", "validation"): "sft.validation.jsonl",
    ("dpo", "train"): "dpo.train.jsonl",
    ("kto", "train"): "kto.train.jsonl",
    ("test", "test"): "test.jsonl",
    ("golden", "golden"): "golden.jsonl",
    ("safety", "safety"): "safety.jsonl",
}
"""Where the rows of each stage and split are written."""


CONTESTED = "Another approved answer to the same question says something else. Which one is right?"
NEVER = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file: `line` is what stands there. `id` is the turn's, or the golden item's."""

    id: str
    stage: Stage
    split: str
    source: Source
    cluster: str
    platform: str
    server: str
    line: dict[str, Any]

    @property
    def text(self) -> str:
        """The line as written, without its end."""
        return json.dumps(self.line, ensure_ascii=False, sort_keys=True)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def file(self) -> str:
        return FILES[self.stage, self.split]


@dataclass(frozen=True, slots=True)
class Dataset:
    """Everything for one run. `held`: why nothing may be promoted from it, "" when it may.

    `contested` are the ids whose corrections contradict each other and go back to review; `assigned` is where each
    correction goes, tonight and in later nights; `questions` are, by turn, those of the corrections that train.
    """

    scenario: str
    rows: tuple[Row, ...]
    dropped: dict[str, str]
    held: str = ""
    contested: tuple[str, ...] = ()
    assigned: dict[str, Split] = field(default_factory=dict)
    newest: datetime = NEVER
    questions: dict[str, str] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """Names the content: the same rows, the same hash."""
        parts = sorted((row.id, row.sha256, row.split, row.stage) for row in self.rows)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    @property
    def seed(self) -> int:
        return int(self.hash[:8], 16)

    @property
    def name(self) -> str:
        return f"{self.scenario}-{self.hash[:12]}"

    @property
    def counts(self) -> dict[str, int]:
        """Rows by stage and split, and how many were dropped."""
        found = Counter(row.file.removesuffix(".jsonl") for row in self.rows)
        return dict(sorted(found.items())) | {"dropped": len(self.dropped)}

    @property
    def trained(self) -> frozenset[str]:
        """The ids of turns that training sees."""
        return frozenset(row.id for row in self.rows if row.split in ("train", "validation"))

    def rows_of(self, stage: Stage) -> list[Row]:
        return [row for row in self.rows if row.stage == stage]

    def ids(self, stage: Stage, split: str = "train") -> list[str]:
        return [row.id for row in self.rows if (row.stage, row.split) == (stage, split)]


async def settle(stores: Stores, dataset: Dataset) -> None:
    """After a dataset is written for a run: its splits are kept, and what is contested goes back to review."""
    await stores.splits.keep(dataset.scenario, dataset.assigned)
    if dataset.contested:
        await stores.reviews.contest(dataset.contested, CONTESTED)


def leaks(rows: Sequence[Row]) -> list[str]:
    """Rows that training and one of the gate's sets share, by id or by cluster; there must be none."""
    asked = [row for row in rows if row.split in ("test", "golden", "safety")]
    ids, clusters = {row.id for row in asked}, {row.cluster for row in asked}
    return [
        row.id for row in rows
        if row.split in ("train", "validation") and (row.id in ids or row.cluster in clusters)
    ]  # fmt: skip
