"""Sentences: cutting a small model's text into them, and letting only the good ones through."""

from __future__ import annotations

import re
from collections.abc import Callable

# Not behind "e.g.", an initial, or the number of a list's item.
_END = re.compile(
    r"(?<![A-Z])(?<!\b[ei]\.[ge])(?<!^\d)(?<!\n\d)([.!?…][\"”’)*]*|[。！？])(?=\s|$)|[。！？]|\n+", re.MULTILINE
)
SHORT = 12
"""A sentence with fewer letters, "No." or "He ran.", may be said again."""
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def split(text: str) -> list[str]:
    """The sentences and lines of `text`, without the space around them."""
    return [sentence for sentence, whole in _parts(text) if sentence]


def whole(text: str) -> list[str]:
    """The sentences that were said to their end: a last one that was cut off is left out."""
    return [sentence for sentence, complete in _parts(text) if sentence and complete]


def _parts(text: str) -> list[tuple[str, bool]]:
    parts, start = [], 0
    for match in _END.finditer(text):
        parts.append((text[start : match.end()].strip(), True))
        start = match.end()
    parts.append((text[start:].strip(), False))
    return parts


def words(text: str) -> list[str]:
    """The words of `text`, in small letters."""
    return [word.lower() for word in _WORD.findall(text)]


def ended(text: str) -> bool:
    """Whether `text` stops where a sentence does."""
    return text.rstrip().endswith(tuple('.!?…。！？"”’)*`'))


class Sieve:
    """A stream's filter: passes sentence by sentence what `keep` accepts, at most `most` of them.

    A last sentence without an end is dropped. `otherwise` is said when nothing at all got through.
    """

    def __init__(self, keep: Callable[[str], bool], most: int = 100, otherwise: str = "") -> None:
        self._keep = keep
        self._most = most
        self._otherwise = otherwise
        self._held = ""
        self._passed = 0

    def feed(self, delta: str) -> str:
        self._held += delta
        out, start = "", 0
        for match in _END.finditer(self._held):
            # An end at the very edge may go on: "3." and then "5".
            if match.end() == len(self._held):
                break
            out += self._pass(self._held[start : match.end()])
            start = match.end()
        self._held = self._held[start:]
        return out

    def end(self) -> str:
        complete = self._held if ended(self._held) else ""
        self._held = ""
        out = self._pass(complete)
        return out if self._passed else self._otherwise

    def _pass(self, sentence: str) -> str:
        if not sentence.strip():
            return sentence if self._passed and self._passed < self._most else ""
        if self._passed >= self._most or not self._keep(sentence.strip()):
            return ""
        self._passed += 1
        return sentence if self._passed > 1 else sentence.lstrip()


class Once:
    """A stream's filter that drops sentences which stand in `said` or came before: small models go in circles.

    At most `most` sentences pass, and a last one without an end only when it would be the first.
    """

    def __init__(self, said: str = "", most: int = 100) -> None:
        self._said = {key for sentence in split(said) if len(key := _key(sentence)) >= SHORT}
        self._most = most
        self._held = ""
        self._passed = 0

    def feed(self, delta: str) -> str:
        self._held += delta
        out = ""
        while (match := _END.search(self._held)) and match.end() < len(self._held):
            out += self._judge(self._held[: match.end()])
            self._held = self._held[match.end() :]
        return out

    def end(self) -> str:
        held, self._held = self._held, ""
        return self._judge(held) if ended(held) or not self._passed else ""

    def _judge(self, sentence: str) -> str:
        key = _key(sentence)
        if not key or self._passed >= self._most:
            return sentence if self._passed and self._passed < self._most else ""
        if key in self._said:
            return "\n" if sentence.endswith("\n") and self._passed else ""
        if len(key) >= SHORT:
            self._said.add(key)
        self._passed += 1
        return sentence if self._passed > 1 else sentence.lstrip()


def _key(sentence: str) -> str:
    return " ".join(words(sentence))
