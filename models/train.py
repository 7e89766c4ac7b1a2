"""`python -m models.train RUN_FOLDER`: a training run in a process of its own, told and judged by files."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from pathlib import Path

import structlog

from models.manifest import CheckpointError
from models.training import dataset
from models.training.config import Config, ConfigError, read
from models.training.folder import RunFolder

log = structlog.get_logger(__name__)

BROKEN_CONFIG = 78  # exit code: configuration error, as in sysexits.h; starting again cannot help
UNUSABLE = 65  # exit code: the data cannot be used, as in sysexits.h
FAILED = 70  # exit code: training broke
LATER = 75  # exit code: a temporary failure, as in sysexits.h


def main(arguments: list[str] | None = None) -> int:
    """0: there is a report, whatever its verdict. Else failed.json says why.

    Under `accelerate launch` every process trains; the first one also asks, judges and writes.
    """
    parser = argparse.ArgumentParser(prog="python -m models.train", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=None, help="CPU threads; 0 leaves it to torch")
    options = parser.parse_args(arguments)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,  # without what the variables hold: that is what people wrote
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    folder = RunFolder(options.folder.resolve(), tells=os.environ.get("RANK", "0") == "0")
    if folder.report.exists():
        return 0
    if folder.tells:
        folder.failed.unlink(missing_ok=True)
    try:
        config = read(folder.config)
        rows = dataset.read(config.dataset)
    except ConfigError as error:
        return _fail(folder, str(error), BROKEN_CONFIG)
    except dataset.DatasetError as error:
        return _fail(folder, str(error), UNUSABLE)
    _prepare(config, config.threads if options.threads is None else options.threads)
    return _run(config, rows, folder)


def _prepare(config: Config, threads: int) -> None:
    """What has to be settled before the heavy libraries are loaded."""
    # beside other work threads that spin while they wait take the cores from everybody
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.nice(config.nice)
    import torch

    if config.deterministic:
        threads = 1
        torch.use_deterministic_algorithms(True)
    if threads:
        torch.set_num_threads(threads)


def _run(config: Config, rows: dataset.Dataset, folder: RunFolder) -> int:
    import datasets
    from transformers.utils import logging

    from models.training.session import Session, TrainingError
    from models.training.watching import OutOfLimits

    logging.disable_progress_bar()
    datasets.disable_progress_bars()
    try:
        judgement = Session(config, rows, folder).run()
    except CheckpointError as error:
        return _fail(folder, f"{error.words} {error.remedy}", BROKEN_CONFIG)
    except TrainingError as error:
        return _fail(folder, str(error), UNUSABLE)
    except OutOfLimits as error:
        return _fail(folder, str(error), LATER)
    except Exception as error:  # the one place where whatever broke becomes words for people
        reason = (str(error) or type(error).__name__).splitlines()[0][:300].rstrip(".")
        log.exception("training_broke")
        return _fail(folder, f"Training broke: {reason}.", FAILED, traceback.format_exc())
    if judgement is not None:
        sys.stdout.write(f"{judgement.verdict}\n")
    return 0


def _fail(folder: RunFolder, words: str, code: int, detail: str = "") -> int:
    sys.stderr.write(words + "\n")
    if folder.path.is_dir():
        folder.fail(words, detail)
    return code


if __name__ == "__main__":
    sys.exit(main())
