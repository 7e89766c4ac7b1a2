"""Asides: words in the middle of a lesson or a story that are talk, and not its next step."""

from __future__ import annotations

import re

_GREETING = re.compile(
    r"\W*(?:hello|hi|hey|good (?:morning|afternoon|evening|night)|thanks|thank you|bye|goodbye|see you)\b",
    re.IGNORECASE,
)
_OF_ONESELF = re.compile(
    r"\W*(?:please )?(?:remember (?:that|me|my)\b|call me\b|my (?:\w+ ){1,3}(?:is|are|was|were)\b"
    r"|i(?:['’]m| am| like| love| hate| prefer| live| work| study| was born| have|['’]ve got)\b"
    r"(?! (?:stuck|lost|confused|unsure|not sure|no idea|no clue|done|ready|a question)))",
    re.IGNORECASE,
)
_OF_THE_PERSON = re.compile(
    r"\W*(?:what|where|who|which|when|how|do|can|remind|tell)\b.*\b(?:my|am i|do i|did i|have i|i told|i said)\b"
    r"|\W*who are you\b|\W*what can you do\b|\W*what(?:['’]s| is) your name\b",
    re.IGNORECASE | re.DOTALL,
)
_QUESTION = re.compile(
    r"\W*(?:what|where|who|why|which|when|how|is|are|can|could|do|does|did)\b.*[?？]\s*", re.IGNORECASE | re.DOTALL
)


def is_aside(said: str) -> bool:
    """Whether `said` is a greeting, thanks, or about the person who speaks, as in "My name is Ada"."""
    return any(form.match(said) is not None for form in (_GREETING, _OF_ONESELF, _OF_THE_PERSON))


def is_question(said: str) -> bool:
    """Whether `said` asks for something, which no direction to a storyteller does."""
    return _QUESTION.fullmatch(said) is not None
