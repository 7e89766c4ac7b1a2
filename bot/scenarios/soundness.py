"""Soundness: whether the numbers in an explanation are given, or follow from a calculation that is true."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_EQUALITY = re.compile(
    r"(\d+(?:\.\d+)?)\s*([-+*/×÷x−])\s*(\d+(?:\.\d+)?)\s*=\s*(?:about |approximately )?(\d+(?:\.\d+)?)"
)


def numbers_of(text: str) -> set[Fraction]:
    """The numbers written in `text`."""
    return {Fraction(figure) for figure in _NUMBER.findall(text.replace(",", ""))}


def sound(sentences: Sequence[str], known: set[Fraction]) -> list[str]:
    """The sentences whose numbers are `known` or follow from a true calculation shown before."""
    allowed, kept = set(known), []
    for sentence in sentences:
        plain = re.sub(r"^\d+[.)]\s*", "", sentence.replace(",", ""))
        results = {Fraction(m[4]) for m in _EQUALITY.finditer(plain) if _true(*m.groups())}
        if numbers_of(plain) <= allowed | results and len(results) == len(_EQUALITY.findall(plain)):
            allowed |= results
            kept.append(sentence)
    return kept


def _true(left: str, sign: str, right: str, result: str) -> bool:
    one, two, told = Fraction(left), Fraction(right), Fraction(result)
    match sign:
        case "+":
            return one + two == told
        case "-" | "−":
            return one - two == told
        case "/" | "÷":
            return bool(two) and one / two == told
        case _:
            return one * two == told
