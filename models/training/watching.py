"""Watching a trainer: what it tells the bot, when it has had its time or memory, and when answers stop improving."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psutil
from transformers import TrainerCallback

from models.training import weights
from models.training.folder import RunFolder

GIB = 2**30


class OutOfLimits(Exception):
    """The run took more memory than it may; the message is for people."""


@dataclass(slots=True)
class Limits:
    """Time and memory of the whole run; 0 sets none."""

    minutes: float
    memory_gb: float
    started: float = field(default_factory=time.monotonic)
    peak: int = 0

    @property
    def over_time(self) -> bool:
        return self.minutes > 0 and time.monotonic() - self.started > 60 * self.minutes

    def check_memory(self) -> None:
        """Raises OutOfLimits."""
        used = psutil.Process().memory_info().rss
        self.peak = max(self.peak, used)
        if self.memory_gb and used > self.memory_gb * GIB:
            raise OutOfLimits(
                f"Training took {used / GIB:.1f} GB of memory and may take {self.memory_gb:g}. "
                "Allow it more, or make max_length or the batch smaller."
            )


@dataclass
class Watcher(TrainerCallback):  # type: ignore[misc]
    """Tells every step; stops at the limits. `curve` holds what was told."""

    stage: str
    folder: RunFolder
    limits: Limits
    curve: list[dict[str, Any]] = field(default_factory=list)
    stopped: str = ""

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        told = {key: value for key, value in (logs or {}).items() if isinstance(value, int | float)}
        if "loss" not in told:
            return
        kept = {
            "loss": "loss",
            "learning_rate": "lr",
            "grad_norm": "norm",
            "rewards/margins": "margin",
            "drift": "drift",
        }
        at = {"step": state.global_step, "steps": state.max_steps, "epoch": round(state.epoch or 0, 2)}
        point: dict[str, Any] = at | {name: _short(told[key]) for key, name in kept.items() if key in told}
        self.curve.append(point)
        self.folder.event(self.stage, **point)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.limits.check_memory()
        if self.limits.over_time and not self.stopped:
            self.stopped = f"stopped at step {state.global_step} of {state.max_steps}: its time was over"
            control.should_training_stop = True


@dataclass
class Allocation(TrainerCallback):  # type: ignore[misc]
    """AdaLoRA narrows its matrices when it is told to, which the trainer does not do."""

    def on_optimizer_step(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        model.base_model.update_and_allocate(state.global_step + 1)


@dataclass
class Patience(TrainerCallback):  # type: ignore[misc]
    """Ends a stage when more epochs no longer make answers better.

    `right` counts right answers to `questions` validation rows; with none of them, an epoch whose mean loss is
    `enough` is the last. The weights of the best epoch are put back at the end.
    """

    watcher: Watcher
    right: Callable[[Any], int]
    questions: int
    patience: int
    enough: float
    restores: bool
    weight: float = 0.0
    best: int = -1
    waited: int = 0
    _kept: dict[str, Any] = field(default_factory=dict)
    _seen: int = 0

    def on_epoch_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        if self.questions:
            self._ask(state, control, model)
            return
        # without what the anchors add, which never comes to nothing
        losses = [point["loss"] - self.weight * point.get("drift", 0.0) for point in self.watcher.curve[self._seen :]]
        self._seen = len(self.watcher.curve)
        if losses and sum(losses) / len(losses) <= self.enough:
            self._stop(control, f"the loss of epoch {round(state.epoch)} was small enough")

    def _ask(self, state: Any, control: Any, model: Any) -> None:
        found = self.right(model)
        self.watcher.folder.event(
            self.watcher.stage, f"{found} of {self.questions} validation answers right",
            step=state.global_step, steps=state.max_steps, epoch=round(state.epoch or 0, 2), right=found,
        )  # fmt: skip
        if found > self.best:
            self.best, self.waited = found, 0
            self._kept = weights.trainable(model) if self.restores else {}
            return
        self.waited += 1
        if self.waited >= self.patience:
            self._stop(control, f"answers no longer got better after epoch {round(state.epoch)}")

    def _stop(self, control: Any, words: str) -> None:
        self.watcher.stopped = words
        control.should_training_stop = True

    def on_train_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        if self._kept and self.waited:
            weights.put_back(model, self._kept)


def _short(value: float) -> float:
    return float(f"{value:.5g}")
