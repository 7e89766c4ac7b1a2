"""The forward of every architecture that has no lean one: transformers' own, over the same cache of slots."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from transformers.cache_utils import Cache as TransformersCache
from transformers.cache_utils import CacheLayerMixin
from transformers.pytorch_utils import Conv1D

from models.serving.cache import Cache
from models.serving.forward import Chunk
from models.serving.lora import Lora, Target

TRIAL = (2, 3)
"""Rows and tokens of the pass that finds out which layers read a batch row by row."""


class GeneralForward:
    """A causal model whose attention keeps keys and values; others are found out by the lane's check at load."""

    guesses = False

    def __init__(self, model: Any, slots: int, room: int) -> None:
        self._model = model
        self._config = model.config.get_text_config()
        self._device: torch.device = model.device
        self._cache = Cache(slots, room, model.device, model.dtype)
        self._view = _View(self._cache)
        self.lora = Lora(model.device, model.dtype)
        _adapt(model, self.lora)
        self._layers = TransformersCache(
            layers=[_Layer(self._view, number) for number in range(self._config.num_hidden_layers)]
        )

    def copy(self, source: int, target: int, tokens: int) -> None:
        self._cache.copy(source, target, tokens)

    def release(self, slot: int) -> None:
        self._cache.release(slot)

    @torch.inference_mode()
    def run(self, chunks: Sequence[Chunk]) -> Tensor:
        """Read every chunk: the single tokens in one pass, each longer one in its own. Logits as in `Forward`."""
        logits: dict[int, Tensor] = {}
        singles = [at for at, chunk in enumerate(chunks) if len(chunk.tokens) == 1]
        batches = [singles] if singles else []
        batches += [[at] for at, chunk in enumerate(chunks) if len(chunk.tokens) > 1]
        for batch in batches:
            logits.update(zip(batch, self._read([chunks[at] for at in batch]), strict=True))
        spoken = [logits[at] for at, chunk in enumerate(chunks) if chunk.speaks]
        return torch.stack(spoken) if spoken else torch.empty(0, 0)

    @torch.inference_mode()
    def windowed(self, tokens: list[int]) -> Tensor:
        """Logits behind every token of a text that is read for itself."""
        self.lora.select(())
        logits: Tensor = self._model(input_ids=torch.tensor([tokens], device=self._device), use_cache=False).logits[0]
        return logits.to(device="cpu", dtype=torch.float32)

    def _read(self, chunks: list[Chunk]) -> Tensor:
        """Chunks of one length, in one pass. Logits behind the last token of each."""
        length = len(chunks[0].tokens)
        self.lora.select((chunk.adapter, 1) for chunk in chunks)
        ids = torch.tensor([chunk.tokens for chunk in chunks], device=self._device)
        starts = torch.tensor([chunk.start for chunk in chunks], device=self._device)
        places = starts[:, None] + torch.arange(length, device=self._device)
        self._view.point(torch.tensor([chunk.slot for chunk in chunks], device=self._device), places)
        answer = self._model(
            input_ids=ids,
            position_ids=places,
            past_key_values=self._layers,
            attention_mask=self._masks(places),
            use_cache=True,
            logits_to_keep=1,
        )
        logits: Tensor = answer.logits[:, -1]
        return logits.to(device="cpu", dtype=torch.float32)

    def _masks(self, places: Tensor) -> Tensor | dict[str, Tensor]:
        """What each query may look at; one mask, or one for each kind of layer where a model mixes them."""
        kinds = set(getattr(self._config, "layer_types", None) or [])
        window = getattr(self._config, "sliding_window", None)
        if not getattr(self._config, "use_sliding_window", True):
            window = None
        if len(kinds) > 1:
            return {kind: self._mask(places, window if "sliding" in kind else None) for kind in kinds}
        return self._mask(places, window if not kinds or "sliding" in next(iter(kinds)) else None)

    def _mask(self, places: Tensor, window: int | None) -> Tensor:
        at = torch.arange(self._view.end, device=self._device)
        seen = at <= places[:, :, None]
        if window is not None:
            seen &= at > places[:, :, None] - window
        mask = torch.zeros(seen.shape, dtype=self._model.dtype, device=self._device)
        return mask.masked_fill_(~seen, torch.finfo(self._model.dtype).min)[:, None]


def _adapt(model: Any, lora: Lora) -> None:
    """Let every linear layer add the deltas of its rows: all that read a batch row by row, and not the head.

    Layers that see tokens out of their rows, as experts do, are found by a trial and left alone.
    """
    seen: dict[str, nn.Module] = {}

    def watch(path: str, module: nn.Module, given: tuple[Tensor, ...]) -> None:
        if given and given[0].shape[:2] == TRIAL:
            seen[path] = module

    linear = {
        path: module
        for path, module in model.named_modules()
        if isinstance(module, nn.Linear | Conv1D) and module is not model.get_output_embeddings()
    }
    hooks = [module.register_forward_pre_hook(partial(watch, path)) for path, module in linear.items()]
    with torch.inference_mode():
        model(input_ids=torch.ones(TRIAL, dtype=torch.long, device=model.device), use_cache=False)
    for hook in hooks:
        hook.remove()
    for path, module in seen.items():
        wide = (module.nx, module.nf) if isinstance(module, Conv1D) else (module.in_features, module.out_features)
        module.forward = lora.adapted(path, [Target(path, *wide)], module.forward)


class _View:
    """Which slots and places the pass under way writes."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.end = 0
        self.slots = self.places = torch.empty(0, dtype=torch.long)

    def point(self, slots: Tensor, places: Tensor) -> None:
        self.slots, self.places = slots, places
        self.end = int(places.max()) + 1


class _Layer(CacheLayerMixin):  # type: ignore[misc]
    """One layer as transformers asks for it: takes the new keys and values, gives all that the rows may look at."""

    is_sliding = False

    def __init__(self, view: _View, number: int) -> None:
        super().__init__()
        self._view = view
        self._number = number
        self.is_initialized = True

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """The tensors are made by the cache."""

    def update(self, key_states: Tensor, value_states: Tensor, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        view = self._view
        keys, values = view.cache.layer(self._number, key_states.shape[1], key_states.shape[3])
        rows = view.slots[:, None]
        keys[rows, :, view.places] = key_states.transpose(1, 2)
        values[rows, :, view.places] = value_states.transpose(1, 2)
        return keys[view.slots, :, : view.end], values[view.slots, :, : view.end]

    def get_seq_length(self) -> int:
        return self._view.end - self._view.places.shape[1]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self._view.end, 0

    def get_max_length(self) -> int:
        return self._view.cache.room
