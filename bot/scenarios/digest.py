"""A digest: the points of a text that keep to it, and the text's own sentences where a model's do not."""

from __future__ import annotations

import math
import re
from collections import Counter

from bot.scenarios.doubts import repeats
from bot.scenarios.grounding import claims, support
from bot.scenarios.sentences import ended, split, words

MOST_POINTS = 5
SUPPORT = 0.6
SAME = 0.75
"""Two points that share this much of the shorter one's words say the same."""
_BULLET = re.compile(r"^\s*(?:[-*•–]|\d{1,2}[.)])\s+")
_SPEAKER = re.compile(r"(\w+): ")
_STOP = frozenset(
    "the and that this with from have has was were will would for not but are you your its his her they them".split()
)


class Points:
    """A stream's filter that lets one point a line through: true to `source`, not said before, at most `most`."""

    def __init__(self, source: str, most: int = MOST_POINTS) -> None:
        self._source = source
        self._most = most
        self._held = ""
        self._unended = True
        self.points: list[str] = []

    def feed(self, delta: str) -> str:
        self._held += delta
        *lines, self._held = self._held.split("\n")
        return "".join(map(self._line, lines))

    def end(self) -> str:
        held, self._held = self._held, ""
        # The last line may have been cut off, unless this model ends none of its lines.
        return self._line(held) if ended(held) or self._unended else ""

    def _line(self, line: str) -> str:
        self._unended = self._unended and not ended(line)
        listed = _BULLET.match(line)
        texts = [line[listed.end() :]] if listed else split(line)
        return "".join(self._point(text.strip()) for text in texts)

    def _point(self, text: str) -> str:
        if len(self.points) >= self._most or not is_true(text, self._source) or self._said(text):
            return ""
        self.points.append(text)
        return f"{'' if len(self.points) == 1 else chr(10)}- {text}"

    def _said(self, text: str) -> bool:
        new = set(words(text))
        for point in self.points:
            old = set(words(point))
            if len(new & old) >= SAME * min(len(new), len(old)):
                return True
        return False


def is_true(text: str, source: str) -> bool:
    """Whether a point says something, and nothing that its source does not."""
    if len(words(text)) < 2 and not re.search(r"[\u2e80-\u9fff\uac00-\ud7af\u0e00-\u0e7f]{3}", text):
        return False
    speaker = _SPEAKER.match(text)
    if text[-1:] == ":" or repeats(text) or (speaker and speaker[1].casefold() not in source.casefold()):
        return False
    return support(text, source) >= SUPPORT and not claims(text, source)


def extract(source: str, most: int = 3) -> list[str]:
    """The sentences of `source` that hold most of its frequent words, in their order."""
    sentences = [sentence for sentence in split(source) if len(sentence) > 20] or split(source)
    counts = Counter(word for word in words(source) if len(word) > 3 and word not in _STOP)

    def weight(sentence: str) -> float:
        content = [word for word in words(sentence) if word in counts]
        # The root keeps long sentences from winning by their length alone.
        return sum(counts[word] for word in set(content)) / math.sqrt(1 + len(content))

    best = sorted(sentences, key=weight, reverse=True)[:most]
    return [_short(sentence) for sentence in sentences if sentence in best][:most]


def _short(sentence: str, most: int = 240) -> str:
    flat = " ".join(_BULLET.sub("", sentence).split())
    return flat if len(flat) <= most else flat[: most - 1].rsplit(" ", 1)[0] + "…"
