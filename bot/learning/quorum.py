"""Quorum: how many reviewers have to agree before something counts."""

from __future__ import annotations

import re

# A digit, a currency sign or a link: what a model learns word by word and a reviewer overlooks easily.
_FACTS = re.compile(r"\d|[$€£¥₹₽₩¢]|https?://|\bwww\.|\b[\w-]+\.(?:com|org|net|io|dev|app|de|fr|cn|jp|co|ai)\b", re.I)


def states_facts(text: str) -> bool:
    """Whether a text states numbers, prices or links."""
    return _FACTS.search(text) is not None


def reviewers_needed(correction: str) -> int:
    """How many reviewers have to agree on a corrected answer."""
    return 2 if states_facts(correction) else 1
