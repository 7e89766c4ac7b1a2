"""The training's configuration: what the settings and a scenario make of a run, as the trainer reads it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bot.errors import UserError
from bot.learning.runs import Run
from bot.settings import Settings
from models.training.config import Config
from models.worker import path_command_line


async def training_config(settings: Settings, run: Run, dataset: Path) -> dict[str, Any]:
    """config.json of a run. Raises UserError."""
    model = await base_folder(settings, run.scenario)
    asked = {
        "run": run.id, "scenario": run.scenario, "adapter": run.adapter, "model": str(model), "dataset": str(dataset),
        "incumbent": str(settings.adapters / run.parent) if run.parent else None, "method": settings.train_method,
        "kind": await asyncio.to_thread(kind_of, model), "minutes": settings.retrain_minutes,
        "threads": settings.train_threads, "nice": settings.train_nice, "memory_gb": settings.train_memory_gb,
        "fgm": settings.train_fgm, "report_to": [name.strip() for name in settings.train_report_to.split(",")],
        "device": settings.device, "quantize": "none" if settings.engine_url else settings.quantize,
    }  # fmt: skip
    try:
        return Config.model_validate(asked | settings.train_options).model_dump(mode="json")
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(f"TRAIN_OPTIONS or another setting of training: {where}: {first['msg']}.") from error


async def base_folder(settings: Settings, scenario: str) -> Path:
    """The checkpoint that answers in a scenario, fetched or converted first if it has to be. Raises UserError."""
    model = settings.train_model or str(getattr(settings, f"model_{scenario}", "")) or settings.model
    process = await asyncio.create_subprocess_exec(
        *path_command_line(model, settings.data_dir), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    if process.returncode != 0:
        words = " ".join(err.decode(errors="replace").split("\n")[-3:]).strip()
        more = " Set TRAIN_MODEL to the checkpoint that ENGINE_URL serves." if settings.engine_url else ""
        raise UserError(f"The model to train on cannot be found: {words}{more}")
    return Path(out.decode().strip())


def kind_of(model: Path) -> str:
    """Whether it rewrites its input, as T5 does, or goes on with it."""
    try:
        config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "causal"
    return "seq2seq" if config.get("is_encoder_decoder") else "causal"
