"""Grounding: what an answer states has to stand in its sources, or it is not said."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.knowledge.passages import sentences
from bot.knowledge.words import STOP, words

COVERED = 0.6
"""The part of a sentence's words that its sources have to hold."""
_END = re.compile(r"(?<=[.!?:])[\"')\]]*\s+(?=\S)|\n+")
_MARKER = re.compile(r"\s*\[\d+\]")
_EXACT = re.compile(
    r"`[^`\n]+`"  # code
    r"|https?://\S+|[\w.+-]+@[\w.-]+\.\w+"
    r"|(?<!\w)--?[a-zA-Z][\w-]*"  # options
    r"|(?<![\w/])/?(?:[\w.-]+/)+[\w.-]*"  # paths
    r"|\b\d[\d.,:]*\b|\b\w+[\d_]\w*\b"
)
_NAME = re.compile(r"(?<=[a-z,;] )[A-Z][\w-]+")


class Grounding:
    """A filter for a stream: each sentence is shown once its numbers, commands and names were found in a source.

    What is shown carries the number of the source that holds most of it. `dropped` counts the others.
    """

    def __init__(self, sources: Sequence[str]) -> None:
        self._sources = [_plain(source) for source in sources]
        self._words = [frozenset(words(source)) for source in sources]
        self._held = ""
        self._said: set[str] = set()
        self.dropped = 0

    def feed(self, delta: str) -> str:
        text = self._held + delta
        out, begin = "", 0
        for end in _END.finditer(text):
            out += self._checked(text[begin : end.start()], text[end.start() : end.end()])
            begin = end.end()
        self._held = text[begin:]
        return out

    def end(self) -> str:
        held, self._held = self._held, ""
        return self._checked(held, "") if held.rstrip().endswith((".", "!", "?", ")", "`", '"')) else ""

    def _checked(self, sentence: str, gap: str) -> str:
        bare = _MARKER.sub("", sentence).strip()
        if not bare:
            return ""
        source = self._source(bare)
        if source is None or bare.casefold() in self._said:
            self.dropped += 1
            return ""
        self._said.add(bare.casefold())
        mark = "" if bare.endswith(":") else f" [{source + 1}]"
        return bare + mark + (gap or " ")

    def _source(self, sentence: str) -> int | None:
        """The source that holds the sentence best; None when something in it stands in none of them."""
        for token in (*_EXACT.findall(sentence), *_NAME.findall(sentence)):
            plain = _plain(token).strip(".,:;")
            if plain and not any(plain in source for source in self._sources):
                return None
        asked = {word for word in words(sentence) if word not in STOP}
        if not asked:
            return None
        shares = [len(asked & held) / len(asked) for held in self._words]
        best = max(range(len(shares)), key=lambda number: shares[number], default=None)
        return best if best is not None and shares[best] >= COVERED else None


def quote(question: str, sources: Sequence[str], most: int = 2) -> str:
    """The sentences of the first source that answer best, in the source's own words, marked [1]."""
    if not sources:
        return ""
    asked = set(words(question))
    text = sources[0]
    found = [" ".join(text[start:end].split()) for start, end in sentences(text)]
    scored = [(len(asked & set(words(one))) + ("`" in one) * 0.5, -number) for number, one in enumerate(found)]
    best = sorted(-number for _, number in sorted(scored, reverse=True)[:most])
    return "\n".join(f"> {found[number]}" for number in best) + " [1]"


def _plain(text: str) -> str:
    return " ".join(text.replace("`", "").casefold().split())
