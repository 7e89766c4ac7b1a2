"""Packed checkpoints: 8-bit weights in the files too, in the format of compressed-tensors, which vLLM reads as well.

Before rounding, inputs that reach far are evened out (SmoothQuant) by what stands before them: the norms for the
projections that read them, the values for the attention's output, the gate's partner for the way down. So the folder
is a plain model of its kind, and nothing has to be remembered beside the weights.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig

from models.serving.linear import Reach, evening, rounded_rows

METHOD, FORMAT = "compressed-tensors", "int-quantized"
WEIGHTS = "model.safetensors"
_EIGHT = {"num_bits": 8, "type": "int", "symmetric": True}
SCHEME = {
    "quant_method": METHOD,
    "format": FORMAT,
    "quantization_status": "compressed",
    "ignore": ["lm_head"],
    "config_groups": {
        "group_0": {
            "targets": ["Linear"],
            "weights": {**_EIGHT, "strategy": "channel", "dynamic": False},
            "input_activations": {**_EIGHT, "strategy": "token", "dynamic": True},
        }
    },
}


def is_packed(folder: Path) -> bool:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        scheme = config.get("quantization_config") or {}
        return scheme.get("quant_method") == METHOD and scheme.get("format") == FORMAT
    except (OSError, ValueError, AttributeError):
        return False


@torch.no_grad()
def even_out(model: Any, reach: Reach) -> None:
    """Fold the evening factors into the layers before, so that the model computes the same as it did."""
    for number, layer in enumerate(model.model.layers):
        attention, mlp, prefix = layer.self_attn, layer.mlp, f"model.layers.{number}"
        readers = [attention.q_proj, attention.k_proj, attention.v_proj]
        _into_norm(layer.input_layernorm, readers, reach[f"{prefix}.self_attn.q_proj"])
        _into_norm(layer.post_attention_layernorm, [mlp.gate_proj, mlp.up_proj], reach[f"{prefix}.mlp.gate_proj"])
        _into_rows(mlp.up_proj, mlp.down_proj, evening(mlp.down_proj.weight, reach[f"{prefix}.mlp.down_proj"]))
        _into_values(model.config, attention, reach[f"{prefix}.self_attn.o_proj"])


def _into_norm(norm: Any, readers: list[Any], reach: Tensor) -> None:
    even = evening(torch.cat([reader.weight for reader in readers]), reach)
    norm.weight.div_(even)
    for reader in readers:
        reader.weight.mul_(even)


def _into_rows(before: Any, reader: Any, even: Tensor) -> None:
    before.weight.div_(even[:, None])
    if before.bias is not None:
        before.bias.div_(even)
    reader.weight.mul_(even)


def _into_values(config: Any, attention: Any, reach: Tensor) -> None:
    """Heads that share values have to share the factors too."""
    groups, size = config.num_key_value_heads, attention.head_dim
    even = evening(attention.o_proj.weight, reach).view(groups, -1, size).amax(1)
    shared = even[:, None].expand(groups, config.num_attention_heads // groups, size).reshape(-1)
    attention.v_proj.weight.div_(even.reshape(-1, 1))
    if attention.v_proj.bias is not None:
        attention.v_proj.bias.div_(even.reshape(-1))
    attention.o_proj.weight.mul_(shared)


@torch.no_grad()
def write(model: Any, folder: Path) -> None:
    """`model` in 8 bits; what is no linear layer, and the head, in bfloat16."""
    rounded = {
        f"{path}.weight" for path, module in model.named_modules()
        if isinstance(module, nn.Linear) and module is not model.get_output_embeddings()
    }  # fmt: skip
    tensors: dict[str, Tensor] = {}
    tied = model.config.tie_word_embeddings
    for name, tensor in model.state_dict().items():
        if tied and name == "lm_head.weight":
            continue
        if name in rounded:
            tensors[name], scale = rounded_rows(tensor)
            tensors[f"{name}_scale"] = scale[:, None].contiguous()
        else:
            # norms are small and hold the folded factors
            tensors[name] = tensor.float() if tensor.dim() == 1 else tensor.bfloat16()
    safetensors.torch.save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    config = {**model.config.to_dict(), "quantization_config": SCHEME, "dtype": "bfloat16"}
    (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    model.generation_config.save_pretrained(folder)


def read(folder: Path) -> Any:
    """The model in a packed folder, in fp32: its integers times their scales."""
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    del config.quantization_config
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, trust_remote_code=False)
    tensors = safetensors.torch.load_file(folder / WEIGHTS)
    state = {
        name: tensor.float() * tensors[f"{name}_scale"] if tensor.dtype == torch.int8 else tensor.float()
        for name, tensor in tensors.items()
        if not name.endswith("_scale")
    }
    missing, unknown = model.load_state_dict(state, strict=False)
    if unknown or set(missing) - ({"lm_head.weight"} if config.tie_word_embeddings else set()):
        raise ValueError(f"its weights do not fit its config.json: {[*missing, *unknown][:3]}")
    model.tie_weights()
    if (folder / "generation_config.json").exists():
        model.generation_config = GenerationConfig.from_pretrained(folder, local_files_only=True)
    return model
