"""Compressing: a model with fewer layers, in 8 bits, as a folder of its own, and what that cost and gained.

`python -m models.compress --model embedded --data-dir data TARGET [--drop-layers N] [--quantize int8|none]`
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from models.checkpoints import BROKEN_CHECKPOINT, EMBEDDED, report_line, resolve, write_json
from models.conversion import disk_error, settle
from models.manifest import CheckpointError

TOKENS = 64


@dataclass(frozen=True, slots=True)
class Figures:
    """A folder as the worker serves it: megabytes on disk, tokens a second for one user, perplexity, layers."""

    megabytes: float
    tokens_per_second: float
    perplexity: float
    layers: int
    served: str


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    try:
        report = compress(options)
    except CheckpointError as error:
        if options.json:
            write_json(event="failed", words=error.words, remedy=error.remedy)
        sys.stderr.write(f"{error.words}\n{error.remedy}\n")
        return BROKEN_CHECKPOINT
    if options.json:
        write_json(event="report", **report)
    else:
        sys.stdout.write(_table(report))
    return 0


def compress(options: argparse.Namespace) -> dict[str, Any]:
    """Write the new folder; the report. Raises CheckpointError."""
    target: Path = options.target.expanduser().absolute()
    if target.exists():
        raise CheckpointError(f"{target} exists already.", "Name a folder that is not there yet.")
    if not options.drop_layers and options.quantize == "none":
        raise CheckpointError(
            "With --quantize none and no layers to leave out nothing would change.", "Give --drop-layers or --quantize."
        )
    source = resolve(options.model, options.data_dir, _tell)
    _check(source)
    _tell(0.1, "Measuring the model as it is")
    before = measure(source)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        partial.mkdir(parents=True)
        dropped = _write(source, partial, options.drop_layers, options.quantize)
        settle(partial, target)
    except OSError as error:
        raise disk_error(error, target.parent, "The compressed model") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    _tell(0.7, "Measuring the new model")
    return {"folder": str(target), "dropped": dropped, "before": asdict(before), "after": asdict(measure(target))}


def _check(source: Path) -> None:
    from transformers import AutoConfig

    from models.serving import packing
    from models.serving.llama import LlamaForward

    if packing.is_packed(source):
        raise CheckpointError(f"The model in {source} is compressed already.", "Compress the model it was made from.")
    config = AutoConfig.from_pretrained(source, local_files_only=True, trust_remote_code=False)
    if not LlamaForward.takes(config, 512):
        raise CheckpointError(
            f"Models of the kind {config.model_type} cannot be compressed here.",
            "Take a model of the Llama, Mistral or Qwen family that is not quantized.",
        )


def _write(source: Path, folder: Path, drop: int, quantize: str) -> list[int]:
    """The compressed model of `source`; the numbers of the layers it has no more. Raises CheckpointError."""
    from models.serving import packing, pruning, quality
    from models.serving.loading import load_plain

    tokenizer, model = load_plain(source)
    tokens = quality.calibration_tokens(tokenizer)
    dropped: list[int] = []
    try:
        if drop:
            _tell(0.4, "Leaving layers out")
            dropped = pruning.drop_layers(model, drop, tokens)
    except ValueError as error:
        raise CheckpointError(f"The model cannot be pruned so: {error}.", "Give a smaller --drop-layers.") from error
    if quantize == "int8":
        _tell(0.5, "Rounding to 8 bits")
        packing.even_out(model, quality.calibrate(model, tokens))
        packing.write(model, folder)
    else:
        model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return dropped


def measure(folder: Path) -> Figures:
    """What the worker makes of a folder. Raises CheckpointError."""
    from models.dialect import Message, Sampling
    from models.serving import packing, quality
    from models.serving.loading import Room, load

    lane = load(folder, Room(slots=1, context=2048), "cpu", "auto" if packing.is_packed(folder) else "none")
    sampling = Sampling(temperature=0, max_tokens=TOKENS)
    best = 0.0
    for question in ("Tell me about bees.", "Tell me about rivers.", "Tell me about bread."):
        prompt = lane.encode([Message("user", question)])
        answering = lane.submit(prompt, sampling, lambda _: None)
        lane.step()
        started = time.perf_counter()
        while lane.busy:
            lane.step()
        if len(answering.answer) > 1:
            best = max(best, (len(answering.answer) - 1) / (time.perf_counter() - started))
    size = sum(path.stat().st_size for path in folder.glob("*.safetensors")) / 1e6
    layers = int(json.loads((folder / "config.json").read_text(encoding="utf-8"))["num_hidden_layers"])
    return Figures(round(size, 1), round(best, 1), round(quality.perplexity(lane), 3), layers, lane.quantize)


def _tell(fraction: float, words: str) -> None:
    report_line("progress", fraction, words)


def _table(report: dict[str, Any]) -> str:
    before, after = report["before"], report["after"]
    rows = [
        ("", "before", "after"),
        ("size, MB", f"{before['megabytes']:.0f}", f"{after['megabytes']:.0f}"),
        ("layers", before["layers"], after["layers"]),
        ("served as", before["served"], after["served"]),
        ("tok/s, one user", before["tokens_per_second"], after["tokens_per_second"]),
        ("perplexity", f"{before['perplexity']:.2f}", f"{after['perplexity']:.2f}"),
    ]
    lines = [f"{name:18}{one!s:>12}{other!s:>12}" for name, one, other in rows]
    if report["dropped"]:
        lines.append(f"Left out: layers {', '.join(map(str, report['dropped']))}.")
    return "\n".join([*lines, f"Written to {report['folder']}; set MODEL to it.", ""])


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bot compress", description=__doc__)
    parser.add_argument("target", type=Path, help="the new folder")
    parser.add_argument("--model", default=EMBEDDED, help="folder, hub id or embedded")
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--drop-layers", type=int, default=0, metavar="N", help="leave out the N least influential")
    parser.add_argument("--quantize", choices=["int8", "none"], default="int8")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
