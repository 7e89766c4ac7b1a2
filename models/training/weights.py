"""The weights under training: what is added to the base by each method, kept between stages, and made servable."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer
from transformers.pytorch_utils import Conv1D

from models.training.config import Config, Kind, Method
from models.training.folder import settle

MERGED: frozenset[Method] = frozenset({"dora", "full"})
"""Methods whose result is no plain LoRA: a whole model is written, to be served as one."""
UNSERVED: frozenset[Method] = frozenset({"prefix"})
"""Methods that change what is kept of a prompt; neither the worker nor vLLM serves them."""
PREFERRING: frozenset[Method] = frozenset({"lora", "dora", "full"})
"""Methods that can learn from pairs and thumbs: the others have no room for what answers are compared with."""
ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


def load(config: Config, device: str) -> tuple[Any, Any]:
    """Tokenizer and base model, in fp32 on the CPU and else in bf16; safetensors only, no foreign code."""
    where: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    tokenizer = AutoTokenizer.from_pretrained(config.model, **where)
    kind = AutoModelForSeq2SeqLM if config.kind == "seq2seq" else AutoModelForCausalLM
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    model = kind.from_pretrained(config.model, dtype=dtype, use_safetensors=True, **where)
    return tokenizer, model.to(device)


def adapted(model: Any, config: Config, steps: int) -> Any:
    """The base with what the method trains, everything else frozen. `steps`: how many there will be at most."""
    if config.method == "full":
        return model.requires_grad_(True)
    from peft import get_peft_model

    return get_peft_model(model, peft_config(model, config, steps))


def peft_config(model: Any, config: Config, steps: int) -> Any:
    from peft import AdaLoraConfig, LoraConfig, PrefixTuningConfig

    task = "SEQ_2_SEQ_LM" if config.kind == "seq2seq" else "CAUSAL_LM"
    shape = config.lora
    if config.method == "prefix":
        return PrefixTuningConfig(task_type=task, num_virtual_tokens=shape.virtual_tokens)
    options: dict[str, Any] = {
        "task_type": task, "lora_alpha": shape.alpha, "lora_dropout": shape.dropout,
        "target_modules": list(shape.targets) or targets(model), "layers_to_transform": layers(model, config),
        "fan_in_fan_out": any(isinstance(module, Conv1D) for module in model.modules()),
    }  # fmt: skip
    if config.method == "adalora":
        # Zhang et al. 2023: begin half as wide again, narrow between a fifth and four fifths of the way
        return AdaLoraConfig(
            **options, init_r=max(shape.r + 1, shape.r * 3 // 2), target_r=shape.r, total_step=max(steps, 10),
            tinit=max(steps, 10) // 5, tfinal=max(steps, 10) // 5,
        )  # fmt: skip
    return LoraConfig(**options, r=shape.r, use_rslora=shape.rslora, use_dora=config.method == "dora")


def targets(model: Any) -> list[str]:
    """The names of all linear layers but the head."""
    head = model.get_output_embeddings()
    return sorted({
        path.rpartition(".")[2]
        for path, module in model.named_modules()
        if isinstance(module, nn.Linear | Conv1D) and module is not head
    })  # fmt: skip


def layers(model: Any, config: Config) -> list[int] | None:
    """The upper part of the layers; None are all. With the lower ones left alone the way back ends early."""
    count = getattr(model.config.get_text_config(), "num_hidden_layers", 0)
    kept = round(count * config.lora.layers)
    # PEFT would count the sublayers of an encoder-decoder's blocks
    if config.kind == "seq2seq" or not count or kept >= count:
        return None
    return list(range(count - max(1, kept), count))


def trainable(model: Any) -> dict[str, Tensor]:
    """What training changes, by name; a reference that TRL set beside it is not."""
    return {
        name: parameter.detach().cpu().contiguous().clone()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and ".ref." not in name
    }


def put_back(model: Any, kept: dict[str, Tensor]) -> None:
    """Make the model hold what `trainable` gave."""
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name, tensor in kept.items():
            parameters[name].copy_(tensor)


def keep(model: Any, path: Path) -> None:
    """Write what is trained so that it is whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    safetensors.torch.save_file(trainable(model), partial)
    partial.replace(path)


def recall(model: Any, path: Path) -> None:
    put_back(model, safetensors.torch.load_file(path))


def served_as(method: Method, kind: Kind) -> str:
    """How the result can be put into service: `adapter`, `model` (a model of its own) or `nothing`."""
    if method in UNSERVED:
        return "nothing"
    return "model" if kind == "seq2seq" or method in MERGED else "adapter"


def save(model: Any, tokenizer: Any, config: Config, place: Path) -> None:
    """Write the result under its final name: an adapter as PEFT writes it, or a whole model."""
    partial = place.with_name(f".{place.name}.partial")
    for stale in (partial, place):
        shutil.rmtree(stale, ignore_errors=True)
    if served_as(config.method, config.kind) == "model":
        whole = model if config.method == "full" else model.merge_and_unload()
        whole.save_pretrained(partial)
        tokenizer.save_pretrained(partial)
    else:
        model.peft_config["default"].base_model_name_or_path = config.model.name
        model.save_pretrained(partial, selected_adapters=["default"], save_embedding_layers=False)
        (partial / "README.md").unlink(missing_ok=True)
        if config.method == "adalora":
            _plain_lora(partial)
    settle(partial, place)


def _plain_lora(folder: Path) -> None:
    """AdaLoRA's three matrices are a LoRA's two once the middle one is multiplied in, and so it can be served."""
    weights = safetensors.torch.load_file(folder / ADAPTER_WEIGHTS)
    settings = json.loads((folder / ADAPTER_CONFIG).read_text(encoding="utf-8"))
    plain: dict[str, Tensor] = {}
    rank = settings["init_r"]
    for name, middle in weights.items():
        path = name.removesuffix(".lora_E")
        if path == name or not len(middle):  # the whole layer was narrowed away
            continue
        down, up = weights[f"{path}.lora_A"] * middle, weights[f"{path}.lora_B"]
        # PEFT scales by alpha over the rank it began with, whatever is left of it; zeros fill up to one rank for all
        wider = rank - len(down)
        plain[f"{path}.lora_A.weight"] = functional.pad(down, (0, 0, 0, wider))
        plain[f"{path}.lora_B.weight"] = functional.pad(up, (0, wider)) * (settings["lora_alpha"] / (rank + 1e-5))
    kept = ("task_type", "base_model_name_or_path", "fan_in_fan_out", "lora_dropout", "layers_to_transform")
    made = {"peft_type": "LORA", "r": rank, "lora_alpha": rank, "bias": "none", "inference_mode": True}
    made |= {"target_modules": settings["target_modules"]} | {key: settings.get(key) for key in kept}
    safetensors.torch.save_file(plain, folder / ADAPTER_WEIGHTS, metadata={"format": "pt"})
    (folder / ADAPTER_CONFIG).write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")


def rescale(folder: Path, scale: float) -> None:
    """Make an adapter on the disk speak `scale` times as loud."""
    weights = safetensors.torch.load_file(folder / ADAPTER_WEIGHTS)
    louder = {name: tensor * scale if ".lora_B." in name else tensor for name, tensor in weights.items()}
    partial = folder / f".{ADAPTER_WEIGHTS}.partial"
    safetensors.torch.save_file(louder, partial, metadata={"format": "pt"})
    partial.replace(folder / ADAPTER_WEIGHTS)
