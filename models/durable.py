"""Files that outlive a kill or a power cut: a name holds the old content or the new one. Knows no torch."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO


@contextlib.contextmanager
def writing(path: Path) -> Iterator[TextIO]:
    """A file to write piece by piece, which gets its name when it is whole. Blocks. Raises OSError.

    After an error the name holds what it held before.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync(path.parent)


def write_text(path: Path, text: str) -> None:
    """Make a file hold `text`. Blocks. Raises OSError, and leaves the old content then."""
    with writing(path) as file:
        file.write(text)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a file; {} when there is none, it is not whole, or it holds something else. Blocks."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk. Blocks."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
