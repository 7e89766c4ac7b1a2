"""Adapters on disk: a folder as PEFT writes it is read, checked against the model, or refused with the reason."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from models.serving.lora import Pair, Target

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
MOST_BYTES = 2 * 2**30
PREFIX = "base_model.model."
SAME_BASE = {None, True, False, "gaussian", "orthogonal", "eva"}
"""Ways to begin a LoRA that leave the base weights as they were; after others the file alone is not enough."""
REFUSED = {
    "use_dora": "DoRA", "bias": "trained biases", "lora_bias": "trained biases",
    "modules_to_save": "fully trained layers", "trainable_token_indices": "trained tokens",
    "layer_replication": "replicated layers",
    "target_parameters": "bare parameters", "use_qalora": "QA-LoRA", "use_bdlora": "BD-LoRA",
    "alora_invocation_tokens": "activated LoRA", "arrow_config": "Arrow routing", "kasa_config": "KaSA",
    "monteclora_config": "MonteCLoRA",
}  # fmt: skip
"""Settings of PEFT's LoraConfig that change more than A and B; none of them is served."""


class AdapterError(Exception):
    """The adapter cannot be served. `words` say why, for people."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


@dataclass(frozen=True, slots=True, eq=False)
class Adapter:
    """What a folder holds: the pairs by the path of their layer, on the CPU in fp32, and what they were trained on."""

    pairs: Mapping[str, Pair]
    base: str
    digest: str


def confined(path: str, root: Path) -> Path:
    """The folder that `path` names, which may be relative to `root`. Raises AdapterError when it lies elsewhere."""
    try:
        folder = (root / path).resolve()
        inside = folder.is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):  # a loop of links, a zero byte
        inside = False
    if not inside:
        raise AdapterError(f"Adapters are only loaded from the checkpoint folder; {path!r} lies elsewhere.")
    if not folder.is_dir():
        raise AdapterError(f"There is no adapter folder {path!r} in the checkpoint folder.")
    return folder


def read(folder: Path, root: Path) -> Adapter:
    """The adapter in `folder`. Raises AdapterError when it is no plain LoRA, damaged, or reaches out of `root`."""
    raw_config, raw_weights = _bytes(folder / CONFIG, root), _bytes(folder / WEIGHTS, root)
    try:
        config = json.loads(raw_config)
        kind = config.get("peft_type")
    except (ValueError, AttributeError) as error:
        raise AdapterError(f"The adapter's {CONFIG} is not valid JSON.") from error
    if kind != "LORA":
        raise AdapterError(f"This is an adapter of the kind {kind}; only LoRA is served.")
    _check_plain(config)
    try:
        tensors = safetensors.torch.load(raw_weights)
    except (SafetensorError, ValueError, KeyError) as error:
        raise AdapterError(f"The adapter's {WEIGHTS} is damaged or no safetensors file.") from error
    digest = hashlib.sha256(raw_config + raw_weights).hexdigest()
    return Adapter(_pairs(tensors, config), str(config.get("base_model_name_or_path") or ""), digest)


def check(adapter: Adapter, targets: Mapping[str, Target]) -> None:
    """Whether every pair fits a layer of the model. Raises AdapterError."""
    for path, (a, b) in adapter.pairs.items():
        target = targets.get(path)
        if target is None:
            raise AdapterError(f"The adapter changes {path}, which is no layer of this model that can be adapted.")
        if (a.shape[1], b.shape[0]) != (target.inputs, target.outputs):
            raise AdapterError(
                f"The adapter was made for another model: {path} is {target.inputs} to {target.outputs} here, "
                f"{a.shape[1]} to {b.shape[0]} there."
            )


def _bytes(path: Path, root: Path) -> bytes:
    if not path.resolve().is_relative_to(root.resolve()):
        raise AdapterError(f"The adapter's {path.name} is a link out of the checkpoint folder.")
    try:
        if path.stat().st_size > MOST_BYTES:
            raise AdapterError(f"The adapter's {path.name} is larger than {MOST_BYTES >> 30} GiB.")
        return path.read_bytes()
    except FileNotFoundError as error:
        pickled = path.name == WEIGHTS and path.with_suffix(".bin").exists()
        more = " Pickled weights (.bin) are never loaded; save it with safetensors." if pickled else ""
        raise AdapterError(f"The adapter's {path.name} is missing.{more}") from error
    except OSError as error:
        raise AdapterError(f"The adapter's {path.name} cannot be read ({error.strerror}).") from error


def _check_plain(config: Mapping[str, Any]) -> None:
    for key, words in REFUSED.items():
        if config.get(key) not in (None, False, "none", [], {}):
            raise AdapterError(f"The adapter uses {words} ({key}), which is not served; merge it into a model instead.")
    start = config.get("init_lora_weights")
    if not isinstance(start, str | bool | None) or start not in SAME_BASE:
        raise AdapterError(
            f"The adapter was begun with {start}, which changes the base weights; convert it to a plain LoRA first."
        )
    if config.get("task_type") not in (None, "CAUSAL_LM"):
        raise AdapterError(f"The adapter is for the task {config['task_type']}; only CAUSAL_LM is served.")


def _pairs(tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> dict[str, Pair]:
    halves: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        found = re.fullmatch(re.escape(PREFIX) + r"(.+)\.lora_([AB])\.weight", name)
        if found is None:
            raise AdapterError(f"The adapter holds {name}, which is not part of a plain LoRA.")
        if not tensor.is_floating_point() or tensor.dim() != 2:
            raise AdapterError(f"The adapter's {name} is no matrix of numbers.")
        halves.setdefault(found[1], {})[found[2]] = tensor.float()
    if not halves:
        raise AdapterError("The adapter is empty.")
    return {path: _pair(path, half, config) for path, half in halves.items()}


def _pair(path: str, half: Mapping[str, Tensor], config: Mapping[str, Any]) -> Pair:
    if half.keys() != {"A", "B"} or half["A"].shape[0] != half["B"].shape[1]:
        raise AdapterError(f"The adapter's two matrices for {path} do not belong together.")
    if not all(bool(torch.isfinite(tensor).all()) for tensor in half.values()):
        raise AdapterError(f"The adapter's matrices for {path} hold something that is no number.")
    return half["A"], half["B"] * _scaling(path, half["A"].shape[0], config)


def _scaling(path: str, rank: int, config: Mapping[str, Any]) -> float:
    """alpha / rank, or alpha / sqrt(rank) with rsLoRA (Kalajdzievski 2023)."""
    try:
        alphas = dict(config.get("alpha_pattern") or {})
        # by the end of the path, as PEFT matches its patterns
        matching = (alpha for key, alpha in alphas.items() if re.match(rf"(.*\.)?({key})$", path))
        alpha = float(next(matching, config["lora_alpha"]))
    except (KeyError, TypeError, ValueError, re.error) as error:
        raise AdapterError(f"The adapter's {CONFIG} gives no usable lora_alpha.") from error
    if not math.isfinite(alpha):
        raise AdapterError(f"The adapter's {CONFIG} gives no usable lora_alpha.")
    return alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
