"""From the packaged GGUF file to a folder of safetensors that can be trained, saved and loaded in under a second."""

from __future__ import annotations

import contextlib
import copy
import errno
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from models import manifest
from models.durable import sync
from models.manifest import CheckpointError

Progress = Callable[[float, str], None]

# fp32 weights take about 5.5 times the room of Q4_1 ones.
GROWTH = 6


def convert(gguf: Path, folder: Path, progress: Progress) -> Path:
    """Make `folder` hold the weights and the tokenizer of `gguf`, once, however many ask at the same time.

    Everything is written in a sibling folder and renamed when it is whole and on the disk: what has the final name
    is complete. A damaged folder is converted again.
    """
    try:
        with _lock(folder.parent, progress):
            if manifest.damage(folder) is None:
                return folder
            for stale in folder.parent.glob(".*.partial"):
                shutil.rmtree(stale)
            partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
            partial.mkdir()
            try:
                _room(folder.parent, gguf)
                _write(gguf, partial, progress)
                settle(partial, folder)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise disk_error(error, folder.parent) from error
    return folder


def _write(gguf: Path, folder: Path, progress: Progress) -> None:
    """The conversion itself: a model loaded from GGUF can neither be trained nor saved, a copy of its weights can."""
    progress(0.02, "Preparing the built-in model (once, about half a minute): tokenizer")
    os.environ["TQDM_DISABLE"] = "1"  # the GGUF reader draws a bar of its own, which no setting of transformers reaches
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    where = {"gguf_file": gguf.name, "local_files_only": True}
    tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), **where)
    progress(0.3, "Preparing the built-in model: weights")
    packed = AutoModelForCausalLM.from_pretrained(str(gguf.parent), dtype=torch.float32, **where)
    config = copy.deepcopy(packed.config)
    del config.quantization_config
    progress(0.8, "Preparing the built-in model: writing")
    plain = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    plain.load_state_dict(packed.state_dict(), strict=True)
    plain.generation_config = packed.generation_config
    try:
        plain.save_pretrained(str(folder))
    except SafetensorError as error:
        # the library tells a full disk in words only
        raise OSError(errno.ENOSPC if "os error 28" in str(error) else errno.EIO, str(error)) from error
    tokenizer.save_pretrained(str(folder))
    progress(0.95, "Preparing the built-in model: checking")


def settle(partial: Path, folder: Path) -> None:
    """Bring `partial` to the disk and give it the final name."""
    manifest.write(partial)
    for path in partial.iterdir():
        path.chmod(0o644)
        sync(path)
    sync(partial)
    if folder.exists():
        shutil.rmtree(folder)
    partial.rename(folder)
    sync(folder.parent)


def _room(place: Path, gguf: Path) -> None:
    needed = gguf.stat().st_size * GROWTH
    if shutil.disk_usage(place).free < needed:
        raise OSError(errno.ENOSPC, f"{needed // 2**20} MB are needed")


@contextlib.contextmanager
def _lock(place: Path, progress: Progress) -> Iterator[None]:
    """Hold the folder's lock, which the kernel releases when we die."""
    place.mkdir(parents=True, exist_ok=True)
    with (place / ".lock").open("w") as file:
        told = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    progress(0.0, "Another start of Parley is preparing the built-in model; waiting for it")
                    told = True
                time.sleep(0.1)
        yield


def disk_error(error: OSError, place: Path, what: str = "The built-in model") -> CheckpointError:
    """The words for what the disk said when `what` was written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        words = f"The disk that holds {place} is full; {what[0].lower()}{what[1:]} needs about 600 MB."
        return CheckpointError(words, "Free some room or set DATA_DIR to a folder on another disk, then start again.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        words = f"The folder {place} cannot be written ({error.strerror})."
        return CheckpointError(words, "Give this user the right to write there or set DATA_DIR to another folder.")
    words = f"{what} could not be written to {place} ({error.strerror or error})."
    return CheckpointError(words, "Check the disk and set DATA_DIR to a folder that can be written.")
