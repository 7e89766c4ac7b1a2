"""A dataset's folder: written once, named by its content, read by training; and rid of what people forget."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, cast

from bot.learning.dataset import FILES, Dataset
from models.durable import sync, write_text

MANIFEST = "manifest.json"


def folder_of(data_dir: Path, dataset: Dataset) -> Path:
    """Where a dataset belongs."""
    return data_dir / "datasets" / dataset.name


def write(dataset: Dataset, folder: Path) -> Path:
    """Write a dataset, whole or not at all; one that is there already is left as it is. Blocks."""
    if (folder / MANIFEST).exists():
        return folder
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for name in dict.fromkeys(FILES.values()):
        write_text(unfinished / name, "".join(f"{row.text}\n" for row in dataset.rows if row.file == name))
    write_text(unfinished / MANIFEST, json.dumps(manifest(dataset), ensure_ascii=False, indent=1) + "\n")
    shutil.rmtree(folder, ignore_errors=True)  # what a killed process left half written
    unfinished.rename(folder)
    sync(folder.parent)
    return folder


def manifest(dataset: Dataset) -> dict[str, Any]:
    """What the folder says of itself: enough to tell whether a rebuilt one is the same."""
    return {
        "scenario": dataset.scenario, "hash": dataset.hash, "seed": dataset.seed,
        "created": dataset.newest.isoformat(),
        "rows": [
            {"id": row.id, "sha256": row.sha256, "split": row.split, "stage": row.stage, "source": row.source,
             "cluster": row.cluster, "platform": row.platform, "server": row.server}
            for row in dataset.rows
        ],
        "dropped": [{"id": one, "reason": reason} for one, reason in sorted(dataset.dropped.items())],
        "counts": dataset.counts, "held": dataset.held,
    }  # fmt: skip


def manifests(data_dir: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every dataset that is kept: its folder and its manifest. Blocks."""
    for path in sorted((data_dir / "datasets").glob(f"*/{MANIFEST}")):
        try:
            yield path.parent, cast("dict[str, Any]", json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            continue  # being written, or damaged: the console shows it by its missing manifest


def differences(earlier: dict[str, Any], dataset: Dataset) -> list[str]:
    """What keeps a rebuilt dataset from being the one of a manifest: the rows that are gone, changed or new."""
    if earlier["hash"] == dataset.hash:
        return []
    before = {(one["id"], one["stage"]): (one["sha256"], one["split"]) for one in earlier["rows"]}
    by_now = {(row.id, row.stage): (row.sha256, row.split) for row in dataset.rows}
    told = [f"{one} ({stage}) is gone" for one, stage in sorted(before.keys() - by_now.keys())]
    told += [f"{one} ({stage}) is new" for one, stage in sorted(by_now.keys() - before.keys())]
    both = sorted(before.keys() & by_now.keys())
    return told + [f"{one} ({stage}) has changed" for one, stage in both if before[one, stage] != by_now[one, stage]]


def forget(data_dir: Path, ids: Collection[str]) -> list[str]:
    """Take rows out of every dataset that is kept; their manifests keep the ids and no words.

    Returns the names of the datasets that held some. Blocks.
    """
    wanted, found = set(ids), []
    for folder, told in manifests(data_dir):
        if wanted.isdisjoint(str(one["id"]).partition("#")[0] for one in told["rows"]):
            continue
        found.append(folder.name)
        for name in dict.fromkeys(FILES.values()):
            _take_out(folder / name, wanted)
    return found


def _take_out(path: Path, ids: Collection[str]) -> None:
    if not path.exists():
        return
    lines = _lines(path)
    kept = [line for line in lines if str(json.loads(line)["id"]).partition("#")[0] not in ids]
    if len(kept) < len(lines):
        write_text(path, "".join(f"{line}\n" for line in kept))


def _lines(path: Path) -> list[str]:
    """Not splitlines, which also splits at characters that JSON leaves as they are."""
    return [line for line in path.read_text(encoding="utf-8").split("\n") if line]


def rows_in(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """A written dataset's lines by file. Blocks."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name in dict.fromkeys(FILES.values()):
        path = folder / name
        lines = _lines(path) if path.exists() else []
        found[name] = [json.loads(line) for line in lines]
    return found
