"""What a written text states beyond the facts it was given, listed for its author to verify."""

from __future__ import annotations

from bot.knowledge.claims import ground, unknown

MOST = 12


def to_verify(text: str, facts: str, *, titled: bool = False) -> tuple[str, ...]:
    """A note with the numbers, addresses and names that are not among the facts; none when there are none.

    `titled`: every word has a capital, so that names cannot be told from other words.
    """
    found = unknown(text, ground([facts]), names=not titled)
    return (f"Not among your facts, please verify: {', '.join(found[:MOST])}.",) if found else ()
