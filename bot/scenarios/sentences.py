"""Sentences: cutting a small model's text into them, and letting only the good ones through."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import chain

# Not behind "e.g.", an initial, or the number of a list's item.
_END = re.compile(
    r"(?<![A-Z])(?<!\b[ei]\.[ge])(?<!^\d)(?<!\n\d)([.!?…][\"”’)*]*|[。！？])(?=\s|$)|[。！？]|\n+", re.MULTILINE
)
SHORT = 12
"""A sentence with fewer letters, "No." or "He ran.", may be said again."""
STUCK = 3
"""So many sentences in a row that the same text had before may be a circle; a small model does not find out of it."""
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

    A last sentence without an end is dropped. `otherwise` is said when nothing at all got through. `ended` where
    nothing more passes.
    """

    def __init__(self, keep: Callable[[str], bool], most: int = 100, otherwise: str = "") -> None:
        self._keep = keep
        self._most = most
        self._otherwise = otherwise
        self._held = ""
        self._passed = 0

    @property
    def ended(self) -> bool:
        return self._passed >= self._most

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
        if self.ended:
            return ""
        if not sentence.strip():
            return sentence if self._passed else ""
        if not self._keep(sentence.strip()):
            return ""
        self._passed += 1
        return sentence if self._passed > 1 else sentence.lstrip()


class Once:
    """A stream's filter that drops sentences which stand in `said` or came before: small models go in circles.

    At most `most` sentences pass. `whole`: sentence by sentence, a last one without an end only when it would be
    the first; otherwise text is held back no longer than it may still become a repetition. Code passes as it is.
    `ended` where nothing more is to come: `most` have passed, or the model is stuck in a circle: with nothing
    new it comes round to a sentence once more. A chorus, or two lists with the same steps, are none.
    """

    def __init__(self, said: str = "", most: int = 1000, *, whole: bool = True) -> None:
        self._said = {key for sentence in split(said) if len(key := _key(sentence)) >= SHORT}
        self._here: set[str] = set()
        self._most = most
        self._whole = whole
        self._held = ""
        self._open = ""  # what was passed of the sentence that is being said
        self._passed = 0
        self._again: list[str] = []  # what was said before in this very text, with nothing new since
        self._newlines = 0  # at the end of what was passed
        self._code = False

    @property
    def ended(self) -> bool:
        return self._passed >= self._most or len(self._again) >= max(STUCK, len(set(self._again)) + 1)

    def feed(self, delta: str) -> str:
        self._held += delta
        out = ""
        while (match := _END.search(self._held)) and match.end() < len(self._held) and not self.ended:
            out += self._pass(self._close(self._held[: match.end()]))
            self._held = self._held[match.end() :]
        if self._whole or self.ended:
            return out
        return out + self._pass(self._early(match.start() if match else len(self._held)))

    def end(self) -> str:
        held, self._held = self._held, ""
        if self.ended or (self._whole and self._passed and not ended(held)):
            return ""
        return self._close(held)

    def _pass(self, text: str) -> str:
        bare = text.rstrip("\n")
        self._newlines = len(text) - len(bare) + (0 if bare else self._newlines)
        return text

    def _early(self, safe: int) -> str:
        """What of the held text can be no repetition any more, up to `safe`."""
        begun, rest = self._held[:safe], self._held[safe:]
        key = _key(self._open + begun)
        new = self._code or bool(self._open) or self._new(key)
        if not begun or not new:
            return ""
        self._held = rest
        begun = begun if self._passed or self._open else begun.lstrip()
        self._open += begun
        return begun

    def _new(self, key: str) -> bool:
        """Whether a sentence that begins with `key` cannot be one that was said."""
        known = chain(self._said, self._here)
        return any(letter.isalpha() for letter in key) and not any(sentence.startswith(key) for sentence in known)

    def _close(self, part: str) -> str:
        """What passes of a sentence's last part."""
        sentence, begun, self._open = self._open + part, bool(self._open), ""
        key = _key(sentence)
        if sentence.count("```") % 2:
            self._code = not self._code
            self._passed = max(self._passed, 1)
            return part
        if self._code:
            return part
        if not sentence.strip():
            return self._break(part)
        if not key:  # a rule, a smile
            part = part if self._passed or begun else part.lstrip()
            self._passed = max(self._passed, 1)
            return part
        here = key in self._here
        if (here or key in self._said) and not begun:
            # One that an earlier text had may be where this one starts from.
            self._again = [*self._again, key] if here else []
            self._here.add(key)
            return self._break(part)
        if len(key) >= SHORT:
            self._here.add(key)
            self._again = []
        self._passed += 1
        return part if self._passed > 1 or begun else part.lstrip()

    def _break(self, part: str) -> str:
        """The end of a line that nothing else is kept of, unless the one before it has ended already."""
        wanted = part.count("\n")
        if part.strip() or self._newlines:
            part = "\n" * max(wanted - self._newlines, 0)
        return part if self._passed else ""


def _key(sentence: str) -> str:
    return " ".join(words(sentence))
