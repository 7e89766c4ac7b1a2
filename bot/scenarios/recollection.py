"""Recollection: a question about what the person told before, put beside their own words.

A small model that is asked "What is my name?" behind a long history answers with its own, or another. With the
sentence in question right beside it, and two examples, it answers right.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.scenarios.sentences import split, words
from models.engine import Message

TOLD = "I told you: “{told}”\n\n{question}"
EXAMPLES = (
    Message("user", TOLD.format(told="I am Tom from Leeds.", question="Where do I live?")),
    Message("assistant", "You live in Leeds."),
    Message("user", TOLD.format(told="My dog is called Rex.", question="What is my dog called?")),
    Message("assistant", "Your dog is called Rex."),
)
MOST = 3
"""So many of the person's sentences are put beside the question."""
MOST_WORDS = 14
"""A longer question is about something else as well, and gets the whole history."""

_ASKED = re.compile(
    r"(?:and |so |but |hey |please )*(?:what|what's|where|who|which|when|how old|how many|do you (?:still )?"
    r"(?:know|remember)|can you (?:tell me|remember)|remind me|tell me)\b.*\b(?:my|mine|i am|am i|i'm|do i|did i|"
    r"have i|i have|i live|i work|i like|i told|i said)\b",
    re.IGNORECASE | re.DOTALL,
)
_OWN = frozenset("i my mine me we our i'm i've i’m i’ve".split())
_EMPTY = frozenset(
    "a an the is are am was were be do does did have has i my me you your it in on at of to and or what where who "
    "which when how old many know remember tell can still that this".split()
)


def recollected(question: str, history: Sequence[Message], facts: Sequence[str]) -> tuple[Message, ...]:
    """The end of a prompt that puts the person's own words beside `question`; () where it is no such question."""
    if len(words(question)) > MOST_WORDS or not _ASKED.match(question.strip()):
        return ()
    said = [s for message in history if message.role == "user" for s in split(message.content)]
    own = [s for s in said if _OWN & set(words(s)) and not s.endswith("?") and len(s) < 300]
    told = list(dict.fromkeys([*facts, *own]))
    if not told:
        return ()
    asked = {_stem(word) for word in words(question)} - _EMPTY
    shared = [len(asked & {_stem(word) for word in words(sentence)}) for sentence in told]
    # One sentence that fits is better than three, and of two that fit alike the later one is the truer.
    fitting = [sentence for sentence, count in zip(told, shared, strict=True) if count == max(shared)]
    chosen = " ".join(_ended(sentence) for sentence in fitting[-1 if max(shared) else -MOST :])
    return (*EXAMPLES, Message("user", TOLD.format(told=chosen, question=question)))


def _stem(word: str) -> str:
    return word.removesuffix("s") if len(word) > 3 else word


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?", "…")) else sentence + "."
