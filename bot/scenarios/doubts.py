"""Doubts: signs that a translation is a bad one, found without another model."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

from bot.scenarios.detection import detect
from bot.scenarios.languages import Language

WORDS = "Low confidence: {reasons}. Have it checked before you rely on it."

_WORD = re.compile(r"\w+")
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u2e80-\u9fff\uac00-\ud7af]")
SHORT_CHARACTERS = 12
"""Below this a text may well be the same, or twice as long, in another language."""


async def doubt(source: str, said: str, from_language: Language | None, target: Language) -> str:
    """Why the translation `said` of `source` is not to be trusted, as one note; "" where nothing speaks against it."""
    reasons = []
    if _same(source, said):
        reasons.append("it came back as it was")
    elif (strange := await _stranger(said, target)) is not None:
        reasons.append(f"it reads like {strange.name} and not like {target.name}")
    if repeats(said) and not repeats(source):
        reasons.append("it repeats itself")
    if _out_of_scale(source, said):
        reasons.append("its length is far from the original’s")
    return WORDS.format(reasons=", ".join(reasons)) if reasons else ""


def _same(source: str, said: str) -> bool:
    return len(source) >= SHORT_CHARACTERS and _WORD.findall(source.casefold()) == _WORD.findall(said.casefold())


async def _stranger(said: str, target: Language) -> Language | None:
    """The language of `said` where that is surely another one than `target`."""
    guess = await detect(said)
    return guess.language if guess is not None and guess.sure and guess.language.root != target.root else None


def repeats(said: str) -> bool:
    """Whether the same words or letters come again and again, as when a model is stuck."""
    words = _WORD.findall(said.casefold())
    threes = Counter(zip(words, words[1:], words[2:], strict=False))
    twos = Counter(pairwise(words))
    if any(count >= 3 for count in threes.values()) or any(count >= 4 for count in twos.values()):
        return True
    return re.search(r"(\S{2,20}?)\1\1\1", said) is not None or _twice(words)


def _twice(words: list[str]) -> bool:
    """Two equal halves: "je m’aime, je m’aime"."""
    half = len(words) // 2
    return half >= 2 and len(words) % 2 == 0 and words[:half] == words[half:]


def _out_of_scale(source: str, said: str) -> bool:
    long, short = _weight(source), _weight(said)
    if max(long, short) < 3 * SHORT_CHARACTERS:
        return False
    return not 1 / 3 <= short / max(long, 1) <= 3


def _weight(text: str) -> int:
    """The length of a text, where a character that is a word or a syllable counts for more."""
    return len(text) + 2 * len(_UNSPACED.findall(text))
