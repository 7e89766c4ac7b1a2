"""The stages of a causal model: right answers first, then pairs or thumbs, on the same weights."""

from __future__ import annotations

import copy
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from datasets import Dataset as Table
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, SFTConfig, SFTTrainer

from models.training.adversary import Adversary
from models.training.anchors import Anchored
from models.training.config import Config

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stage:
    """What one stage trains: rows of tokens. `ids` are the rows of the dataset that it really saw."""

    name: str
    rows: Sequence[Row]
    batch: int
    epochs: int

    @property
    def ids(self) -> list[str]:
        return [str(row["id"]) for row in self.rows]

    @property
    def steps(self) -> int:
        return -(-len(self.rows) // self.batch) * self.epochs


class _Sft(Adversary, Anchored, SFTTrainer):  # type: ignore[misc]
    pass


class _Dpo(Adversary, DPOTrainer):  # type: ignore[misc]
    def _prepare_dataset(self, dataset: Table, *_: object) -> Table:
        """The rows are tokens already, made as the worker makes them."""
        return dataset


class _Kto(Adversary, Anchored, KTOTrainer):  # type: ignore[misc]
    def _prepare_dataset(self, dataset: Table, *_: object) -> Table:
        return dataset


def trainer(stage: Stage, config: Config, model: Any, tokenizer: Any, common: dict[str, Any]) -> Any:
    """The trainer of a stage. `common`: the arguments that all share."""
    make = {"sft": _sft, "dpo": _dpo, "kto": _kto}[stage.name]
    made = make(stage, config, model, tokenizer, common)
    made.fgm = config.fgm
    return made


def _sft(stage: Stage, config: Config, model: Any, tokenizer: Any, common: dict[str, Any]) -> Any:
    arguments = SFTConfig(**common, max_length=None, packing=False)
    table = Table.from_list([{key: row[key] for key in ("input_ids", "labels")} for row in stage.rows])
    return _Sft(model=model, args=arguments, train_dataset=table, processing_class=tokenizer)


def _dpo(stage: Stage, config: Config, model: Any, tokenizer: Any, common: dict[str, Any]) -> Any:
    wanted = config.dpo
    arguments = DPOConfig(
        **common, beta=wanted.beta, loss_type=list(wanted.loss), loss_weights=list(wanted.weights),
        label_smoothing=wanted.label_smoothing, max_length=None, precompute_ref_log_probs=_alone(),
    )  # fmt: skip
    table = Table.from_list([
        {key: row[key] for key in ("prompt_ids", "chosen_ids", "rejected_ids")} for row in stage.rows
    ])  # fmt: skip
    return _Dpo(
        model=model, args=arguments, train_dataset=table, processing_class=tokenizer,
        ref_model=_reference(model, config),
    )  # fmt: skip


def _kto(stage: Stage, config: Config, model: Any, tokenizer: Any, common: dict[str, Any]) -> Any:
    wanted = config.kto
    liked = sum(row["label"] for row in stage.rows)
    weights = kto_weights(liked, len(stage.rows) - liked)
    arguments = KTOConfig(
        **{**common, "train_sampling_strategy": "sequential"}, beta=wanted.beta, loss_type=wanted.loss, max_length=None,
        precompute_ref_log_probs=wanted.precompute_ref and _alone(), desirable_weight=weights[0],
        undesirable_weight=weights[1],
    )  # fmt: skip
    keys = ("prompt_ids", "completion_ids", "label", *(["KL_completion_ids"] if wanted.loss == "kto" else []))
    table = Table.from_list([{key: row[key] for key in keys} for row in mismatched(stage.rows, stage.batch)])
    return _Kto(
        model=model, args=arguments, train_dataset=table, processing_class=tokenizer,
        ref_model=_reference(model, config),
    )  # fmt: skip


def anchor_weight(config: Config, stage: str) -> float:
    """How much a stage is held to what the base says on everyday questions; 0 where it is not."""
    return float(getattr(getattr(config, stage), "anchor", 0.0)) if config.kind == "causal" else 0.0


def _alone() -> bool:
    """Whether no other process trains along: what TRL works out ahead lies where only one process finds it."""
    return os.environ.get("WORLD_SIZE", "1") == "1"


def _reference(model: Any, config: Config) -> Any:
    """What answers are compared with: beside an adapter TRL keeps a second one, a whole model needs a copy."""
    return copy.deepcopy(model).requires_grad_(False).eval() if config.method == "full" else None


def kto_weights(liked: int, disliked: int) -> tuple[float, float]:
    """Weights of liked and disliked rows that make both sides count alike, the rarer one up to four times."""
    if not liked or not disliked:
        return 1.0, 1.0
    rarer = min(4.0, max(liked, disliked) / min(liked, disliked))
    return (1.0, rarer) if liked > disliked else (rarer, 1.0)


def interleaved(rows: Sequence[Row], seed: int) -> list[Row]:
    """Liked and disliked rows by turns as far as they go, each side shuffled: no batch has one kind only if it need
    not. KTO reads its rows in their order."""
    drawn = random.Random(seed)
    sides = [[row for row in rows if row["label"] is label] for label in (True, False)]
    for side in sides:
        drawn.shuffle(side)
    placed = [((at + 0.5) / len(side), row) for side in sides for at, row in enumerate(side)]
    return [row for _, row in sorted(placed, key=lambda pair: pair[0])]


def mismatched(rows: Sequence[Row], batch: int) -> list[Row]:
    """Each row with its neighbour's answer beside its own, by which KTO sees how far the model has moved."""
    made: list[Row] = []
    for at in range(0, len(rows), batch):
        group = rows[at : at + batch]
        made += [{**row, "KL_completion_ids": group[number - 1]["completion_ids"]} for number, row in enumerate(group)]
    return made
