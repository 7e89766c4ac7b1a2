"""Loading: a checkpoint folder becomes a lane, checked against the model's own arithmetic before it serves."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import structlog
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer
from transformers.utils import logging

from models.manifest import CheckpointError
from models.serving import packing
from models.serving.forward import Chunk, Forward
from models.serving.general import GeneralForward
from models.serving.lane import Lane
from models.serving.linear import Quantize, Reach
from models.serving.llama import LlamaForward
from models.serving.quality import calibrate, calibration_tokens, own_reading, surprise, text_tokens
from models.serving.resident import Resident
from models.serving.scheduler import Scheduler
from models.serving.seq2seq import Seq2SeqLane
from models.serving.slots import Slots

log = structlog.get_logger(__name__)

Wanted = Quantize | Literal["auto"]
"""`auto` takes the fastest that keeps the quality: 8 bits on a CPU, if the model bears them."""
MOST_LOSS = 0.03
"""How much worse the perplexity may become by `auto`."""
RUINED = 1.0
"""How much worse it may become where the owner asks for so few bits by name."""
TRIAL_TOKENS = 512
TOLERANCE = {torch.float32: 1e-3, torch.float16: 0.1, torch.bfloat16: 0.5}
"""How far our logits may lie from the model's own, of about 10 to 30 in size."""
CUDA_SHARE = 0.5
"""The part of the free GPU memory that the cache may take."""


@dataclass(frozen=True, slots=True)
class Room:
    """How much a lane may hold at once. `cache_mib` bounds the memory of keys and values."""

    slots: int = 8
    waiting: int = 256
    context: int = 8192
    cache_mib: int = 1024
    chunk: int = 256


def pick_device(wanted: str) -> str:
    """The device to compute on; `auto` is the best there is."""
    if wanted != "auto":
        return wanted
    return "cuda" if torch.cuda.is_available() else "cpu"


def load_any(folder: Path, room: Room, device: str, quantize: Wanted = "none") -> Resident:
    """The model in `folder`, of either kind, ready to step. Raises CheckpointError."""
    with _told(folder):
        rewrites = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False).is_encoder_decoder
    return load_seq2seq(folder, room, device) if rewrites else load(folder, room, device, quantize)


def load_seq2seq(folder: Path, room: Room, device: str) -> Seq2SeqLane:
    """The encoder-decoder model in `folder`, ready to step. Raises CheckpointError."""
    with _told(folder):
        tokenizer, model = _read(AutoModelForSeq2SeqLM, folder, device)
        config = model.config.get_text_config(decoder=True)
        places = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
        layers = getattr(config, "decoder_layers", None) or getattr(config, "num_decoder_layers", None) or 12
        width = getattr(config, "d_model", 512)
        # keys and values of the decoder, of its own tokens and of what it rewrites
        token = 2 * layers * width * model.dtype.itemsize
        context = min(room.context, places or room.context)
        budget = max(2 * context, room.cache_mib * 2**20 // token)
        return Seq2SeqLane(
            tokenizer, model, context=context, slots=room.slots, budget=budget, most_waiting=room.waiting
        )


def load(folder: Path, room: Room, device: str, quantize: Wanted = "none") -> Lane:
    """The causal model in `folder`, ready to step. Raises CheckpointError."""
    kind = torch.device(device).type
    if quantize in ("int8", "int4") and kind not in ("cpu", "cuda"):
        raise CheckpointError(
            f"QUANTIZE={quantize} is for computing on the CPU or on CUDA; this worker computes on {device}.",
            "Set QUANTIZE=none or auto, and take a smaller model if it does not fit.",
        )
    if quantize == "auto" and kind != "cpu":
        quantize = "none"
    with _told(folder):
        tokenizer, model = _read(AutoModelForCausalLM, folder, device)
        context, _, _ = _fit(model, room)
        if quantize == "none" or not LlamaForward.takes(model.config, context):
            if quantize not in ("none", "auto"):
                log.warning("quantize_not_offered", model=folder.name, kind=model.config.model_type)
            return _lane(folder, tokenizer, model, room)
        trial = Trial.of(tokenizer, model)
        if packing.is_packed(folder):
            # its layers are evened out already, and rounding them as they are gives the integers in the file again
            trial = replace(trial, reach={path: far for path, far in trial.reach.items() if path == "lm_head"})
        lane = _lane(folder, tokenizer, model, room, "int4" if quantize == "int4" else "int8", trial)
        loss = trial.loss(lane.forward)
        del model
        _give_back()
        log.info("quantized", model=folder.name, to=lane.quantize, perplexity_more=round(loss, 4))
        if quantize != "auto" and loss > RUINED:
            raise CheckpointError(
                f"QUANTIZE={quantize} ruins the model in {folder}: its perplexity more than doubles on {device}.",
                "Set QUANTIZE=auto, which takes the fastest that keeps the quality.",
            )
        if quantize != "auto" or loss <= MOST_LOSS:
            return lane
        log.warning("quantize_refused", model=folder.name, perplexity_more=round(loss, 4), most=MOST_LOSS)
        del lane
        tokenizer, model = _read(AutoModelForCausalLM, folder, device)
        return _lane(folder, tokenizer, model, room)


@dataclass(frozen=True, slots=True)
class Trial:
    """What the model's own arithmetic says of a text, to judge by what fewer bits make of it."""

    tokens: list[int]
    expected: float
    reach: Reach

    @classmethod
    def of(cls, tokenizer: Any, model: Any) -> Trial:
        most = min(TRIAL_TOKENS, getattr(model.config, "max_position_embeddings", TRIAL_TOKENS))
        tokens = text_tokens(tokenizer, most)
        return cls(tokens, surprise(own_reading(model), tokens), calibrate(model, calibration_tokens(tokenizer, most)))

    def loss(self, forward: Any) -> float:
        """By which part the perplexity has grown; infinite where there is none any more."""
        found = surprise(forward.windowed, self.tokens)
        return math.exp(min(found - self.expected, 50)) - 1 if math.isfinite(found) else math.inf


def load_plain(folder: Path) -> tuple[Any, Any]:
    """Tokenizer and model in fp32 on the CPU, in transformers' own form. Raises CheckpointError."""
    with _told(folder):
        tokenizer: Any
        tokenizer, model = _read(AutoModelForCausalLM, folder, "cpu")
        return tokenizer, model


def _read(kind: Any, folder: Path, device: str) -> tuple[Any, Any]:
    """Tokenizer and model, safetensors only and never a repository's own code."""
    logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    if packing.is_packed(folder):
        model = packing.read(folder).to(device=device, dtype=torch.float32 if device == "cpu" else torch.bfloat16)
        return tokenizer, model.eval().requires_grad_(False)
    model = kind.from_pretrained(
        folder,
        dtype=torch.float32 if device == "cpu" else torch.bfloat16,
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
    )
    return tokenizer, model.to(device).eval().requires_grad_(False)


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Whatever is wrong with somebody's files becomes a CheckpointError."""
    try:
        yield
    except CheckpointError:
        raise
    except Exception as error:  # whatever a loader raises on somebody's files, the words are the same
        reason = (str(error) or type(error).__name__).splitlines()[0][:300]
        raise CheckpointError(
            f"The model in {folder} cannot be loaded: {reason}.",
            "Take another model, or download it again if it worked before.",
        ) from error


def _give_back() -> None:
    """Return to the system what the weights took before they were rounded; the allocator would keep it."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # another C library than glibc
        ctypes.CDLL(None).malloc_trim(0)


def _lane(
    folder: Path, tokenizer: Any, model: Any, room: Room, quantize: Quantize = "none", trial: Trial | None = None
) -> Lane:
    name = model.config.model_type
    if not tokenizer.chat_template:
        raise CheckpointError(
            "The model has no chat template, so it was not made for talking.", "Take its instruct or chat version."
        )
    context, slots, budget = _fit(model, room)
    probe = [token % model.get_input_embeddings().num_embeddings for token in range(1, 12)]
    with torch.inference_mode():
        wanted = model(input_ids=torch.tensor([probe], device=model.device)).logits[0, -1].float().cpu()
    forward: Forward
    if LlamaForward.takes(model.config, context):
        forward = LlamaForward(model, slots, context, quantize, trial.reach if trial else None)
    else:
        forward = GeneralForward(model, slots, context)
    if quantize == "none" and not _agrees(forward, probe, wanted, TOLERANCE[model.dtype]):
        raise CheckpointError(
            f"Models of the kind {name} cannot be served here.",
            "Take a model of another family, or serve it with vLLM and set ENGINE_URL.",
        )
    cache = Slots(slots, budget)
    return Lane(
        tokenizer=tokenizer,
        forward=forward,
        context=context,
        ends=_ends(model.generation_config, tokenizer),
        slots=cache,
        scheduler=Scheduler(cache, chunk=room.chunk, most_waiting=room.waiting),
        names=_names(folder),
        quantize=quantize,
    )


def _names(folder: Path) -> frozenset[str]:
    """The last part of every name the model goes by: its folder, and its hub id where it lies in the hub's cache."""
    hub = folder.parent.parent.name if folder.parent.name == "snapshots" else ""
    return frozenset({folder.resolve().name, folder.name, hub.rpartition("--")[2]} - {""})


def _fit(model: Any, room: Room) -> tuple[int, int, int]:
    """Context, slots and the cache's budget in tokens, all within the memory there is."""
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    token = 2 * config.num_hidden_layers * heads * size * model.dtype.itemsize
    context = min(room.context, getattr(config, "max_position_embeddings", None) or room.context)
    if model.device.type == "cpu":
        return context, room.slots, max(context, room.cache_mib * 2**20 // token)
    # on a GPU every slot's room is taken at once
    free = torch.cuda.mem_get_info()[0] * CUDA_SHARE if model.device.type == "cuda" else room.cache_mib * 2**20
    slots = max(1, min(room.slots, int(free // (context * token))))
    return context, slots, slots * context


def _agrees(forward: Forward, probe: list[int], wanted: torch.Tensor, tolerance: float) -> bool:
    """Whether reading the probe in pieces, beside another row, gives what the model itself gives in one."""
    last = len(probe) - 1
    forward.run([Chunk(0, 0, probe[:4], speaks=False)])
    forward.run([Chunk(0, 4, probe[4:last], speaks=False)])
    found = forward.run([Chunk(0, last, probe[last:], speaks=True)])[0]
    forward.release(0)
    return bool((found - wanted).abs().max() <= tolerance)


def _ends(generation: Any, tokenizer: Any) -> frozenset[int]:
    """The tokens that end an answer."""
    ends = generation.eos_token_id
    listed = list(ends) if isinstance(ends, list) else [ends]
    return frozenset(token for token in (*listed, tokenizer.eos_token_id) if token is not None)
