"""Encoding: a document into the pieces that are searched, and a piece into what the encoder makes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import structlog

from bot.knowledge.document import FENCE, Document
from bot.knowledge.passages import passages
from models.engine import Engine, UnknownModel

log = structlog.get_logger(__name__)

Vector = npt.NDArray[np.float32]

WORDS, STEP = 80, 60
"""A piece's length and distance in words: of those tried, it found the right page most often."""
BATCH = 32
SEPARATOR = " > "
FLOAT = 4
"""Bytes a number of a stored vector takes."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A passage under its document's title and headings."""

    head: str
    text: str

    @property
    def embedded(self) -> str:
        """What the encoder reads: under its headings a passage is found far more often."""
        return f"{self.head}\n{' '.join(self.text.replace('`', '').split())}"


def pieces_of(document: Document) -> list[Piece]:
    """The pieces of a document, in order. A part of a long listing is fenced by itself."""
    pieces = []
    fences = seen = 0
    for passage in passages(document, WORDS, STEP):
        fences += document.text.count(FENCE, seen, passage.start)
        seen = passage.start
        text = f"{FENCE}\n{passage.text}" if fences % 2 else passage.text
        text = f"{text}\n{FENCE}" if text.count(FENCE) % 2 else text
        pieces.append(Piece(SEPARATOR.join(dict.fromkeys((document.title, *passage.headings))), text))
    return pieces


def heading_of(head: str) -> str:
    """The headings without the document's title."""
    return SEPARATOR.join(head.split(SEPARATOR)[1:])


async def vectors_of(
    engine: Engine, texts: Sequence[str], progress: Callable[[float], None] = lambda part: None
) -> Vector | None:
    """Unit vectors [texts, width]; None when the engine has no encoder. Raises EngineError."""
    rows: list[list[float]] = []
    for start in range(0, len(texts), BATCH):
        try:
            rows += await engine.embed(texts[start : start + BATCH])
        except UnknownModel as error:
            log.warning("no_encoder", detail=error.detail)
            return None
        progress(min(1.0, (start + BATCH) / len(texts)))
    found = np.array(rows, dtype=np.float32)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    # An engine of another make may not have brought them to length 1.
    return np.asarray(found / np.maximum(lengths, 1e-9), dtype=np.float32)
