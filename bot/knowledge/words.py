"""The words of a text as the lexical side of the search compares them."""

from __future__ import annotations

import re

STOP = frozenset(
    "a an and are as at be been but by can could did do does doesnt doing don dont for from get gets getting got had "
    "has have how i id if im in into is isnt it its ive just like me my need no not of off on one only or our out "
    "please set should so some that the their them then there these they thing this those to too up us use used using "
    "want was way we what when where which who why will with without wont would you your".split()
)
_WORD = re.compile(r"[^\W_](?:[\w+#']*[\w+#])?")
_ENDINGS = tuple("ational ization ingly edly ings ing ies ied ions ion ers ed es er ly s e".split())
UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
"""A sign of a script that puts no spaces between words."""
TYPO_LENGTH = 6
"""From this many letters on, one wrong letter is taken for a slip and not for another word."""


def words(text: str) -> list[str]:
    """Lower-case words without those that say nothing, cut to their stems; scripts without spaces in pairs of signs."""
    found: list[str] = []
    for word in _WORD.findall(text.lower().replace("’", "'")):
        plain = word.replace("'", "")
        if UNSPACED.search(plain):
            found += _pairs(plain)
        elif len(plain) > 1 and plain not in STOP:
            found.append(_stem(plain))
    return found


def _pairs(text: str) -> list[str]:
    return [text[at : at + 2] for at in range(max(1, len(text) - 1))]


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)] + ("y" if ending in {"ies", "ied"} else "")
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word


def is_slip(typed: str, meant: str) -> bool:
    """True when one letter too many, too few, wrong or swapped with its neighbour is all that differs."""
    if len(typed) == len(meant):
        wrong = [at for at, (one, other) in enumerate(zip(typed, meant, strict=True)) if one != other]
        if len(wrong) == 2:
            first, second = wrong
            return second == first + 1 and typed[first] == meant[second] and typed[second] == meant[first]
        return len(wrong) == 1
    short, long = sorted((typed, meant), key=len)
    if len(long) - len(short) != 1:
        return False
    at = next((at for at in range(len(short)) if short[at] != long[at]), len(short))
    return short[at:] == long[at + 1 :]
