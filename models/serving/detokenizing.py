"""Detokenizing: tokens to text, never half a character and never a part of a stop string."""

from __future__ import annotations

from collections.abc import Callable, Sequence

HALF = "\ufffd"
WINDOW = 8
"""Tokens decoded together with the new ones, since some tokenizers join a token to the one before it."""


class Detokenizer:
    """Text of one answer. `stopped` is set once a stop string was met; nothing comes after that."""

    def __init__(self, decode: Callable[[Sequence[int]], str], stop: Sequence[str]) -> None:
        self._decode = decode
        self._stop = [text for text in stop if text]
        self._tokens: list[int] = []
        self._settled = 0
        self._held = ""
        self.stopped = False

    def feed(self, token: int) -> str:
        """The text that is certain now that `token` has come."""
        self._tokens.append(token)
        start = max(0, self._settled - WINDOW)
        before = self._decode(self._tokens[start : self._settled])
        text = self._decode(self._tokens[start:])
        if text.endswith(HALF) and len(self._tokens) - self._settled < WINDOW:
            return ""
        self._settled = len(self._tokens)
        return self._checked(text[len(before) :])

    def end(self) -> str:
        """What was held back, now that nothing more comes."""
        start = max(0, self._settled - WINDOW)
        before = self._decode(self._tokens[start : self._settled])
        rest = self._decode(self._tokens[start:])[len(before) :].rstrip(HALF)
        self._settled = len(self._tokens)
        text = self._checked(rest)
        held, self._held = ("", "") if self.stopped else (self._held, "")
        return text + held

    def alone(self, token: int) -> str:
        """A token's own text, with marks in the place of half characters."""
        return self._decode([token])

    def _checked(self, text: str) -> str:
        if self.stopped:
            return ""
        text = self._held + text
        found = [at for at in (text.find(stop) for stop in self._stop) if at >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)]
        keep = max((_overlap(text, stop) for stop in self._stop), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of `text` may be the beginning of `stop`."""
    for length in range(min(len(stop) - 1, len(text)), 0, -1):
        if text.endswith(stop[:length]):
            return length
    return 0
