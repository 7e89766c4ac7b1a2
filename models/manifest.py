"""What a checkpoint folder must hold: sizes and digests, written once and checked at every load."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

NAME = "manifest.json"


class CheckpointError(Exception):
    """Weights cannot be used. `words` say what is wrong, `remedy` says what to do; both are for people."""

    def __init__(self, words: str, remedy: str) -> None:
        super().__init__(f"{words} {remedy}")
        self.words = words
        self.remedy = remedy


def digest(path: Path) -> str:
    """The sha256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(folder: Path) -> None:
    """Write down what lies in `folder` now, as the state to hold from here on."""
    files = {path.name: _entry(path) for path in sorted(folder.iterdir()) if path.name != NAME}
    (folder / NAME).write_text(json.dumps({"files": files}, indent=1), encoding="utf-8")


def _entry(path: Path) -> dict[str, Any]:
    stat = path.stat()
    return {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "sha256": digest(path)}


def damage(folder: Path) -> str | None:
    """What is wrong with a folder that has a manifest, or None.

    A file whose size and time are as written down is taken as unchanged, as git does; any other is read and compared.
    """
    try:
        files: dict[str, dict[str, Any]] = json.loads((folder / NAME).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError):
        return f"{NAME} is missing or unreadable"
    for name, entry in files.items():
        path = folder / name
        try:
            stat = path.stat()
            if stat.st_size != entry["size"]:
                return f"{name} has {stat.st_size} bytes instead of {entry['size']}"
            if stat.st_mtime_ns != entry["mtime_ns"] and digest(path) != entry["sha256"]:
                return f"{name} has changed since it was written"
        except FileNotFoundError:
            return f"{name} is missing"
        except OSError as error:
            return f"{name} cannot be read ({error.strerror})"
    return None


def safetensors_damage(path: Path) -> str | None:
    """What is wrong with a safetensors file (cut short, not of that format), or None. Reads its header only."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > 100_000_000:
                return f"{path.name} is not a safetensors file"
            header = json.loads(file.read(length))
        ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
        expected = 8 + length + max(ends, default=0)
        size = path.stat().st_size
    except OSError as error:
        return f"{path.name} cannot be read ({error.strerror})"
    except (ValueError, KeyError, TypeError, AttributeError, struct.error):
        return f"{path.name} is not a safetensors file"
    return None if size == expected else f"{path.name} is cut short: {size} bytes instead of {expected}"
