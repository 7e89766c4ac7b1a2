"""The worker's start: options in, models found, and only then the heavy libraries and the serving."""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from pathlib import Path

from models.checkpoints import BROKEN_CHECKPOINT, EMBEDDED, CheckpointError, resolve, resolve_embedding, write_json


def main() -> int:
    options = _options()
    started = time.monotonic()
    if options.watch_stdin:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    # Threads that spin while they wait take the cores from the bot and from each other: beside other work a step
    # took five to eight times as long. Read by OpenMP when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        named = dict(pair.split("=", 1) if "=" in pair else ("parley", pair) for pair in options.model)
        named = {name: model for name, model in (named or {"parley": EMBEDDED}).items() if model != "none"}
        models = {name: resolve(model, options.data_dir, _tell) for name, model in named.items()}
        embedding = None
        if options.embedding != "none":
            embedding = resolve_embedding(options.embedding, options.data_dir, _tell)
        _tell(0.9, "Loading the model")
        from models.serving.process import run  # torch and transformers take seconds: not before they are needed

        return run(models, embedding, options, started)
    except CheckpointError as error:
        write_json(event="failed", words=error.words, remedy=error.remedy)
        sys.stderr.write(f"{error.words}\n{error.remedy}\n")
        return BROKEN_CHECKPOINT


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m models.serving", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument(
        "--model", action="append", default=[], metavar="NAME=MODEL", help="folder, hub id, embedded or none, by a name"
    )
    parser.add_argument("--embedding", default=EMBEDDED, metavar="MODEL", help="folder, hub id, embedded or none")
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--slots", type=int, default=8, help="requests computed together")
    parser.add_argument("--queue", type=int, default=256, help="requests that may wait")
    parser.add_argument("--context", type=int, default=8192, help="most tokens of prompt and answer")
    parser.add_argument("--cache-mib", type=int, default=1024, help="memory for keys and values, in MiB, a model")
    parser.add_argument("--chunk", type=int, default=256, help="prompt tokens read in one step")
    parser.add_argument(
        "--adapter", action="append", default=[], metavar="NAME=FOLDER", help="LoRA adapter to serve from the start"
    )
    parser.add_argument("--adapters", type=int, default=16, help="adapters kept in memory, a model")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 ...")
    parser.add_argument(
        "--quantize", default="none", choices=["auto", "none", "int8", "int4"], help="bits of weights on the CPU"
    )
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 leaves it to torch")
    parser.add_argument("--watch-stdin", action="store_true", help="end when stdin is closed")
    return parser.parse_args()


def _tell(fraction: float, words: str) -> None:
    write_json(event="progress", fraction=fraction, words=words)


def _end_with_parent() -> None:
    """Nobody is left to read the answers: end at once."""
    # not through sys.stdin, whose lock would be held by this thread when the interpreter ends
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
