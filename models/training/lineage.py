"""The manifest of an adapter: what it was made of, so that it can be made again and what is in it can be told."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.manifest import digest
from models.training.config import Config
from models.training.dataset import Dataset

PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "tokenizers", "safetensors")
TOKENIZER = (
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "special_tokens_map.json",
    "spiece.model",
)


def manifest(
    config: Config,
    dataset: Dataset,
    *,
    stages: Mapping[str, Mapping[str, Any]],
    skipped: Mapping[str, str],
    dropped: Mapping[str, str],
    timings: Mapping[str, float],
    peak: int,
    served: str,
    place: Path,
) -> dict[str, Any]:
    """`stages`: what each trained; `skipped`: stages left out, and why; `dropped`: rows that training left out."""
    return {
        "run": config.run,
        "adapter": config.adapter,
        "scenario": config.scenario,
        "base": {"name": config.model.name, "sha256": weights_digest(config.model)},
        "tokenizer_sha256": tokenizer_digest(config.model),
        "parent": config.incumbent.name if config.incumbent else None,
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES}
        | {"python": platform.python_version()},
        "config": config.model_dump(mode="json"),
        "seed": dataset.seed,
        "dataset": {"hash": dataset.hash, "folder": config.dataset.name},
        "trained": {name: part["ids"] for name, part in stages.items()},
        "skipped": dict(skipped),
        "dropped": [*dataset.dropped, *({"id": row, "reason": reason} for row, reason in dropped.items())],
        "curves": {name: part["curve"] for name, part in stages.items()},
        "steps": {name: [part["steps"], part["planned"]] for name, part in stages.items()},
        "stopped": {name: part["stopped"] for name, part in stages.items() if part["stopped"]},
        "seconds": {name: round(seconds, 1) for name, seconds in timings.items()},
        "peak_memory_bytes": peak,
        "serves": served,
        "files": {path.name: digest(path) for path in sorted(place.iterdir()) if path.is_file()},
    }


def weights_digest(folder: Path) -> str:
    """One digest over all weights of a model."""
    return _joined(sorted(folder.glob("*.safetensors")))


def tokenizer_digest(folder: Path) -> str:
    """One digest over the tokenizer and its chat template."""
    return _joined([folder / name for name in TOKENIZER if (folder / name).exists()])


def _joined(paths: list[Path]) -> str:
    if len(paths) == 1:
        return digest(paths[0])
    return hashlib.sha256("".join(f"{path.name} {digest(path)}\n" for path in paths).encode()).hexdigest()
