"""Drafts: a dataset as it stands now, and whether it holds enough that is new."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.errors import UserError


@dataclass(frozen=True, slots=True)
class Draft:
    """A dataset as it stands now, written to a folder. `settle` is for when it is really trained on: it keeps what
    goes into which split, and sends back to review what contradicts itself."""

    folder: Path
    settle: Callable[[], Awaitable[None]]


Build = Callable[[str], Awaitable[Draft]]
"""Makes the dataset of a scenario."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A dataset, and how much is `fresh` in it: rows that people approved since the last run."""

    draft: Draft
    manifest: dict[str, Any]
    fresh: int


def approved(manifest: dict[str, Any]) -> set[str]:
    """The rows of a dataset that people have approved for it: not replayed, and not derived from another."""
    rows = manifest.get("rows") or []
    return {
        str(row["id"]) for row in rows
        if row.get("split") in ("train", "validation", "test") and row.get("source") not in ("replay", "augmented")
    }  # fmt: skip


class NothingNew(UserError):
    """There is nothing at all to learn, which is the rule on most nights."""


def not_enough(scenario: str, fresh: int, minimum: int) -> UserError:
    """Why nothing is trained."""
    if not fresh:
        return NothingNew(f"There is nothing new to learn for /{scenario} since its last run.")
    things = "answer" if fresh == 1 else "answers"
    return UserError(
        f"{fresh} newly approved {things} for /{scenario}; training starts at {minimum} (RETRAIN_MINIMUM). "
        "`train --force` trains with fewer."
    )
