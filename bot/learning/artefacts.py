"""Artefacts: the adapter that a run left, put where the engine loads it, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from bot.errors import UserError
from models.durable import sync
from models.manifest import safetensors_damage

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"


def place(adapter: Path, target: Path) -> str:
    """Have the adapter in the folder `adapter` at `target` too. Returns the sha256 of its weights.

    The folder appears under its name when all of it is on the disk, so a crash leaves none that is half there. One
    that is there already has to be the same. Raises UserError.
    """
    for name in (CONFIG, WEIGHTS):
        if not (adapter / name).is_file():
            raise UserError(f"The run left no adapter: {adapter / name} is missing.")
    if trouble := safetensors_damage(adapter / WEIGHTS):
        raise UserError(f"The run's adapter is damaged: {trouble}. Train again.")
    digest = digest_of(adapter)
    if target.is_dir():
        if digest_of(target) != digest:
            raise UserError(f"{target.name} means other weights already; train again for a new number.")
        return digest
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(adapter, partial, copy_function=_link)
    for path in [*partial.iterdir(), partial]:
        sync(path)
    try:
        partial.rename(target)
    except OSError:  # another process was quicker
        shutil.rmtree(partial, ignore_errors=True)
        if not target.is_dir() or digest_of(target) != digest:
            raise
    sync(target.parent)
    return digest


def remove(target: Path) -> None:
    """Delete an adapter's folder: out of its name first, so that a crash leaves none that is half there."""
    gone = target.with_name(f".{target.name}.gone")
    shutil.rmtree(gone, ignore_errors=True)
    if target.is_dir():
        target.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def digest_of(adapter: Path) -> str:
    """The sha256 over an adapter's configuration and weights."""
    digest = hashlib.sha256((adapter / CONFIG).read_bytes())
    with (adapter / WEIGHTS).open("rb") as file:
        while chunk := file.read(2**20):
            digest.update(chunk)
    return digest.hexdigest()


def _link(source: str, target: str) -> None:
    """Files of a run are never written again, so a second name for them does."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
