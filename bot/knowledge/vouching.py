"""Vouching: of a model's sentences, those that say what a sentence of the sources says.

Grounding sees to it that numbers, commands and names are the sources'; a small model still joins them into
sentences nobody wrote. With MiniLM, on the handbook, faithful sentences lie above VOUCHED and inventions below.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bot.knowledge.claims import LIST_MARK, MARK
from bot.knowledge.quoting import Line

Vector = npt.NDArray[np.float32]

VOUCHED = 0.75
"""Cosine with the nearest sentence of the sources."""
TO_THE_POINT = 0.4
"""Cosine with the question, which at least one sentence has to reach."""


def vouched(said: Sequence[Line], sources: Sequence[Line], nearness: Vector, to_question: Vector) -> str:
    """What of `said` may stand, each sentence with the number of the source that says it; "" when that is no answer.

    `nearness` [said, sources] and `to_question` [said] are cosines.
    Code stands with the sentence before it, as its own words were checked one by one.
    """
    kept: list[int] = []
    for number, line in enumerate(said):
        if (number - 1 in kept) if line.is_code else nearness[number].max() >= VOUCHED:
            kept.append(number)
    if not any(to_question[number] >= TO_THE_POINT for number in kept):
        return ""
    text = ""
    for number in kept:
        line = said[number] if said[number].is_code else _marked(said[number], sources[int(nearness[number].argmax())])
        apart = line.is_code or LIST_MARK.match(line.text) or said[number - 1].is_code
        text += line.text if not text else f"\n{line.text}" if apart else f" {line.text}"
    return text


def _marked(line: Line, source: Line) -> Line:
    """The sentence with its source's number before its last point, whatever number the model gave it."""
    text = MARK.sub("", line.text)
    end = text[-1] if text[-1:] in ".!?:" else ""
    return Line(line.source, f"{text.removesuffix(end)} [{source.source}]{end}")
