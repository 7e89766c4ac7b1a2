"""Running a stage: arguments that all trainers share, going on after a kill, the curve that remains."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import PrinterCallback

from models.durable import read_json
from models.manifest import safetensors_damage
from models.training import rewriting, stages, weights
from models.training.anchors import Anchor, Anchors
from models.training.config import Config
from models.training.folder import RunFolder, write_json
from models.training.stages import Stage
from models.training.watching import Allocation, Limits, Patience, Watcher

MOST_LOGGED = 500
"""A longer stage tells not every step but every so manieth, so that this many lines remain."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What every stage of a run works with. `right`: counts right answers to the validation rows; `anchors`: what the
    base says to everyday questions, none where no stage is held to it."""

    config: Config
    folder: RunFolder
    model: Any
    tokenizer: Any
    device: str
    seed: int
    limits: Limits
    right: Callable[[Any], int]
    questions: int
    anchors: Sequence[Anchor] = ()

    def run(self, stage: Stage) -> dict[str, Any]:
        """Train the stage, or take what it came to before a kill. Gives its part of the manifest."""
        place = self.folder.state / stage.name
        done = read_json(place / "done.json")
        if done:
            weights.recall(self.model, place / "weights.safetensors")
            self.folder.event(stage.name, "already trained before the restart")
            return done
        return self._train(stage, place)

    def _train(self, stage: Stage, place: Path) -> dict[str, Any]:
        os.environ["TENSORBOARD_LOGGING_DIR"] = str(self.folder.tensorboard / stage.name)
        rewrites = self.config.kind == "seq2seq"
        make = rewriting.trainer if rewrites else stages.trainer
        trainer = make(stage, self.config, self.model, self.tokenizer, self._arguments(stage, place))
        weight = stages.anchor_weight(self.config, stage.name)
        if weight and self.anchors:
            most = getattr(self.config, stage.name).anchors
            trainer.anchors = Anchors(self.anchors, weight, most, self.tokenizer.pad_token_id or 0)
        watcher = Watcher(stage.name, self.folder, self.limits)
        trainer.remove_callback(PrinterCallback)
        for callback in self._callbacks(stage, watcher):
            trainer.add_callback(callback)
        checkpoint = last_checkpoint(place)
        words = f"{len(stage.rows)} rows, {stage.steps} steps"
        if checkpoint is not None:
            watcher.curve += _earlier(checkpoint)
            words += f", going on from step {checkpoint.name.rpartition('-')[2]}"
        self.folder.event(stage.name, words, step=0, steps=stage.steps)
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint is not None else None)
        return self._finish(stage, place, watcher, trainer.state.global_step)

    def _finish(self, stage: Stage, place: Path, watcher: Watcher, steps: int) -> dict[str, Any]:
        if "ref" in (getattr(self.model, "peft_config", None) or {}):
            self.model.delete_adapter("ref")
        if self.folder.tells:
            weights.keep(self.model, place / "weights.safetensors")
        part = {
            "steps": steps, "planned": stage.steps, "ids": sorted(stage.ids), "stopped": watcher.stopped,
            "curve": watcher.curve,
        }  # fmt: skip
        if self.folder.tells:
            write_json(place / "done.json", part)
        self.folder.event(stage.name, watcher.stopped or "done", step=steps, steps=stage.steps)
        return part

    def _callbacks(self, stage: Stage, watcher: Watcher) -> list[Any]:
        made: list[Any] = [watcher]
        if self.config.method == "adalora":
            made.append(Allocation())
        if stage.name == "sft":
            sft = self.config.sft
            restores = self.config.method != "full"
            made.append(Patience(watcher, self.right, self.questions, sft.patience, sft.enough, restores, sft.anchor))
        return made

    def _arguments(self, stage: Stage, place: Path) -> dict[str, Any]:
        wanted = getattr(self.config, stage.name)
        on_cpu = self.device == "cpu"
        schedule = {
            "lr_scheduler_type": getattr(wanted, "schedule", "constant"),
            "warmup_steps": getattr(wanted, "warmup", 0.0),
            "weight_decay": getattr(wanted, "weight_decay", 0.0),
        }
        return schedule | {
            "output_dir": str(place), "learning_rate": wanted.lr, "num_train_epochs": stage.epochs,
            "per_device_train_batch_size": stage.batch, "optim": "adamw_torch",
            "max_grad_norm": 1.0, "logging_strategy": "steps", "logging_first_step": True,
            "logging_steps": max(1, stage.steps // MOST_LOGGED),
            "save_strategy": "steps", "save_steps": self.config.save_steps, "save_total_limit": 2,
            "report_to": list(self.config.report_to) or "none", "run_name": f"{self.config.run}-{stage.name}",
            "seed": self.seed, "data_seed": self.seed, "disable_tqdm": True, "remove_unused_columns": True,
            "use_cpu": on_cpu, "bf16": not on_cpu, "gradient_checkpointing": not on_cpu,
            "dataloader_pin_memory": not on_cpu, "ddp_find_unused_parameters": False,
        }  # fmt: skip


def last_checkpoint(place: Path) -> Path | None:
    """The newest checkpoint that is whole: the trainer writes its state last, but a kill may leave any file short."""
    numbered = {
        int(number): path for path in place.glob("checkpoint-*") if (number := path.name.rpartition("-")[2]).isdigit()
    }
    for _, path in sorted(numbered.items(), reverse=True):
        tensors = list(path.glob("*.safetensors"))
        whole = read_json(path / "trainer_state.json") and (path / "optimizer.pt").exists()
        if whole and tensors and all(safetensors_damage(file) is None for file in tensors):
            return path
    return None


def _earlier(checkpoint: Path) -> list[dict[str, Any]]:
    """The curve up to a checkpoint, as the trainer keeps it."""
    state = read_json(checkpoint / "trainer_state.json")
    return [
        {"step": entry["step"], "steps": state.get("max_steps"), "loss": entry["loss"], "lr": entry["learning_rate"]}
        for entry in state.get("log_history", ())
        if "loss" in entry and "learning_rate" in entry
    ]
