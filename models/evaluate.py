"""`python -m models.evaluate`: what a model, and an adapter on it, answer to a dataset's questions, as JSON."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from models.training.config import Answers, Gate
from models.training.dataset import DatasetError, read


def main(arguments: list[str] | None = None) -> int:
    """0: the object is on stdout. 65: the data cannot be used, 70: the adapter cannot; stderr says why."""
    parser = argparse.ArgumentParser(prog="python -m models.evaluate", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="a checkpoint folder")
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--adapter", type=Path, default=None, help="what is in service; the bare model without it")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--quantize", default="none", choices=["auto", "none", "int8", "int4"])
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--nice", type=int, default=0)
    options = parser.parse_args(arguments)
    os.nice(options.nice)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        found = evaluate(options)
    except DatasetError as error:
        sys.stderr.write(f"{error}\n")
        return 65
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 70
    sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")
    return 0


def evaluate(options: argparse.Namespace) -> dict[str, Any]:
    """Both sides asked, marked and counted as the gate does it. Raises DatasetError, ValueError."""
    import torch

    from models.serving.adapters import AdapterError
    from models.serving.loading import pick_device
    from models.training import answers, evaluation, gate

    if options.threads:
        torch.set_num_threads(options.threads)
    dataset, device = read(options.dataset), pick_device(options.device)
    kind = json.loads((options.model / "config.json").read_text(encoding="utf-8"))
    exam = evaluation.Exam(dataset, bool(kind.get("is_encoder_decoder")))
    base, sampling = answers.Served(options.model, device, options.quantize), Answers()
    before = exam.sit(answers.speaker(base, None, device), sampling)
    try:
        now = exam.sit(answers.speaker(base, options.adapter, device), sampling) if options.adapter else before
    except AdapterError as error:
        raise ValueError(error.words) from error
    sets = exam.mark(before, now, 1.0)
    return {
        "sets": gate.judge(sets, Gate()).sets, "metrics": evaluation.measures(sets, dataset),
        "samples": evaluation.samples(sets),
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
