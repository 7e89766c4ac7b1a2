"""Detection: which language a text is written in, and whether that is sure."""

from __future__ import annotations

import asyncio
import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.scenarios.languages import Language, language

if TYPE_CHECKING:
    from lingua import LanguageDetector

# Lingua's accurate mode takes 400 MB for these; its small one 30 MB, and is as good from a sentence on.
CODES = "en fr de es pt it nl pl ru uk zh ja ko tr ar vi sv cs hi id".split()
SURE = 0.9
SURE_OF_LONG = 0.7
SHORT_LETTERS = 10
LONG_LETTERS = 40
MOST_CHARACTERS = 2000
_LETTER = re.compile(r"[^\W\d_]")
_OWN_SCRIPT = re.compile(r"[\u0e00-\u0e7f\u0900-\u097f\u0600-\u06ff\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")
# Letter triples take "The door is open" for Dutch; no other language here writes these words.
_ENGLISH = re.compile(r"\b(?:the|and|this|that|with|what|you|your|please|they|are|have)\b", re.IGNORECASE)
_VIETNAMESE = re.compile(r"[À-ỹ]")


@dataclass(frozen=True, slots=True)
class Guess:
    """The likeliest language of a text. Only a `sure` one is told to people."""

    language: Language
    confidence: float
    sure: bool


async def detect(text: str) -> Guess | None:
    """The language of `text`; None where there is nothing to go by. The first call loads the detector."""
    return await asyncio.to_thread(detect_now, text)


def detect_now(text: str) -> Guess | None:
    """`detect` in the caller's thread; takes up to a second the first time."""
    text = text[:MOST_CHARACTERS]
    letters = len(_LETTER.findall(text))
    if letters == 0:
        return None
    best = _detector().compute_language_confidence_values(text)[0]
    code = best.language.iso_code_639_1.name.lower()
    if best.value == 0.0 or (code == "vi" and not _VIETNAMESE.search(text)):
        return None  # "Hello world" counts as Vietnamese by its letter triples, but that is not written so bare
    if len(_OWN_SCRIPT.findall(text)) * 2 > letters:
        sure = letters >= 2 and best.value >= SURE_OF_LONG
    else:
        sure = letters >= SHORT_LETTERS and best.value >= (SURE_OF_LONG if letters >= LONG_LETTERS else SURE)
    if letters < LONG_LETTERS and code != "en" and _ENGLISH.search(text):
        sure = False
    return Guess(language(code), best.value, sure)


@functools.cache
def _detector() -> LanguageDetector:
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    codes = [getattr(IsoCode639_1, code.upper()) for code in CODES]
    return LanguageDetectorBuilder.from_iso_codes_639_1(*codes).with_low_accuracy_mode().build()
