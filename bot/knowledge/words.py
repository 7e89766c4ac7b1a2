"""The words of a text as the lexical side of the search compares them."""

from __future__ import annotations

import re

STOP = frozenset(
    "a an and are as at be but by can do does for from had has have how i if in into is it its me my no not of on or "
    "so that the their then there these they this to was we what when where which who why will with would you your "
    "want need get just im dont cant should could did using use way one some any out up am too also".split()
)
_WORD = re.compile(r"[^\W_](?:[\w.+-]*[^\W_])?")
_ENDINGS = ("ing", "edly", "ed", "es", "s", "ly")


def words(text: str) -> list[str]:
    """Lower-case words without those that say nothing, cut to their stems."""
    return [_stem(word) for word in _WORD.findall(text.lower()) if word not in STOP]


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
