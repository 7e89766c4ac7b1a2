"""A dataset folder, read and checked: above all that nothing the gate asks was trained on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from models.dialect import Message

T = TypeVar("T")
ROLES = frozenset({"system", "user", "assistant"})
TRAINING = ("train", "validation")
"""Splits that training sees; every other is the gate's alone."""
FILES = ("sft.train", "sft.validation", "dpo.train", "kto.train", "test", "golden", "safety")

Prompt = tuple[Message, ...]


class DatasetError(Exception):
    """The dataset cannot be trained on; the message says why, for people."""


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt and the answer to learn."""

    id: str
    prompt: Prompt
    completion: str
    source: str = "correction"


@dataclass(frozen=True, slots=True)
class Pair:
    """A prompt with a better and a worse answer."""

    id: str
    prompt: Prompt
    chosen: str
    rejected: str


@dataclass(frozen=True, slots=True)
class Thumb:
    """A prompt with an answer that was liked or not."""

    id: str
    prompt: Prompt
    completion: str
    label: bool


@dataclass(frozen=True, slots=True)
class Question:
    """What the gate asks. `reference` is a right answer, `rejected` a wrong one; either may be unknown."""

    id: str
    prompt: Prompt
    reference: str = ""
    rejected: str = ""
    critical: bool = False

    @property
    def words(self) -> str:
        """What the person asked, without what stands around it."""
        return next((message.content for message in reversed(self.prompt) if message.role == "user"), "")


@dataclass(frozen=True, slots=True)
class Dataset:
    """All of one folder. `held`: why nothing may be promoted from it, in words; `dropped`: rows left out, and why."""

    scenario: str
    hash: str
    seed: int
    held: str
    rows: tuple[Mapping[str, Any], ...]
    dropped: tuple[Mapping[str, Any], ...]
    sft: tuple[Example, ...] = ()
    validation: tuple[Example, ...] = ()
    dpo: tuple[Pair, ...] = ()
    kto: tuple[Thumb, ...] = ()
    test: tuple[Question, ...] = ()
    golden: tuple[Question, ...] = ()
    safety: tuple[Question, ...] = ()

    @property
    def trained(self) -> set[str]:
        """Ids of all rows that training may see."""
        return {row.id for part in (self.sft, self.validation, self.dpo, self.kto) for row in part}

    @property
    def asked(self) -> set[str]:
        """Ids of all rows that only the gate may see."""
        return {row.id for part in (self.test, self.golden, self.safety) for row in part}


def read(folder: Path) -> Dataset:
    """The dataset in `folder`. Raises DatasetError."""
    manifest = _manifest(folder)
    dataset = Dataset(
        scenario=str(manifest["scenario"]),
        hash=str(manifest["hash"]),
        seed=int(manifest["seed"]) % 2**32,
        held=str(manifest.get("held") or ""),
        rows=tuple(manifest["rows"]),
        dropped=tuple(manifest.get("dropped", ())),
        sft=_rows(folder, "sft.train", _example),
        validation=_rows(folder, "sft.validation", _example),
        dpo=_rows(folder, "dpo.train", _pair),
        kto=_rows(folder, "kto.train", _thumb),
        test=_rows(folder, "test", _question),
        golden=_rows(folder, "golden", _question),
        safety=_rows(folder, "safety", _question),
    )
    check_apart(dataset)
    return dataset


def check_apart(dataset: Dataset) -> None:
    """The gate would measure what was learned by heart: no row, no cluster and no question may be on both sides."""
    shared = dataset.trained & dataset.asked
    if shared:
        raise DatasetError(f"The rows {_some(shared)} are both trained on and asked by the gate.")
    splits: dict[str, set[bool]] = {}
    for row in dataset.rows:
        if row.get("cluster") and row.get("split"):
            splits.setdefault(str(row["cluster"]), set()).add(row["split"] in TRAINING)
    mixed = {cluster for cluster, sides in splits.items() if len(sides) > 1}
    if mixed:
        raise DatasetError(f"The clusters {_some(mixed)} are both trained on and asked by the gate.")
    known = {row.prompt for part in (dataset.sft, dataset.validation, dataset.dpo, dataset.kto) for row in part}
    same = {row.id for part in (dataset.test, dataset.golden) for row in part if row.prompt in known}
    if same:
        raise DatasetError(f"The gate's questions {_some(same)} are trained on word for word.")


def _some(names: set[str]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:5]) + (f" and {len(listed) - 5} more" if len(listed) > 5 else "")


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        missing = [key for key in ("scenario", "hash", "seed", "rows") if key not in manifest]
    except (OSError, ValueError, TypeError) as error:
        raise DatasetError(f"The dataset in {folder} has no manifest.json that can be read.") from error
    if missing:
        raise DatasetError(f"The manifest of the dataset in {folder} lacks {', '.join(missing)}.")
    return dict(manifest)


def _rows(folder: Path, name: str, make: Callable[[Mapping[str, Any]], T]) -> tuple[T, ...]:
    return tuple(_read_rows(folder / f"{name}.jsonl", make))


def _read_rows(path: Path, make: Callable[[Mapping[str, Any]], T]) -> Iterator[T]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path.name} of the dataset cannot be read ({error}).") from error
    # not splitlines, which also splits at characters that JSON leaves as they are
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield make(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
                raise DatasetError(f"Line {number} of {path.name} is no row of a dataset ({error!r}).") from error


def _example(row: Mapping[str, Any]) -> Example:
    return Example(
        str(row["id"]), _prompt(row["prompt"]), _said(row["completion"]), str(row.get("source", "correction"))
    )


def _pair(row: Mapping[str, Any]) -> Pair:
    return Pair(str(row["id"]), _prompt(row["prompt"]), _said(row["chosen"]), _said(row["rejected"]))


def _thumb(row: Mapping[str, Any]) -> Thumb:
    return Thumb(str(row["id"]), _prompt(row["prompt"]), _said(row["completion"]), bool(row["label"]))


def _question(row: Mapping[str, Any]) -> Question:
    return Question(
        str(row["id"]), _prompt(row["prompt"]), row.get("reference") or "", row.get("rejected") or "",
        bool(row.get("critical")),
    )  # fmt: skip


def _prompt(messages: Sequence[Mapping[str, str]]) -> Prompt:
    made = tuple(Message(message["role"], message["content"]) for message in messages)  # type: ignore[arg-type]
    if not made or made[-1].role != "user" or any(message.role not in ROLES for message in made):
        raise ValueError("a prompt ends with words of the user")
    return made


def _said(messages: Sequence[Mapping[str, str]]) -> str:
    (message,) = messages
    if message["role"] != "assistant" or not message["content"].strip():
        raise ValueError("an answer is one message of the assistant")
    return message["content"]
