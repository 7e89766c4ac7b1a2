"""A stream's filter for long texts, which end where they begin to go in circles."""

from __future__ import annotations

import re

NUMBER = re.compile(r"\s*(?:\d+[.)]?|[-*•])?\s*")
HEADING = re.compile(r"\s*(?:\*\*[^*]+\*\*|#+ .*|)\s*")
LOOP = 12
"""A repeated line of so many characters is no accident."""


class Onward:
    """Ends a text where it begins to go in circles: at the first line of some length that was there before.

    The numbers of a list do not make its items different. A heading is shown with what stands under it, so that none
    is left over in the end. `ended` tells when it is.
    """

    def __init__(self) -> None:
        self._lines: set[str] = set()
        self._line = ""
        self._held = ""
        self.ended = False

    def feed(self, delta: str) -> str:
        shown = ""
        for mark in delta:
            if self.ended:
                break
            self._held += mark
            if mark == "\n":
                shown += self._end_line()
                continue
            self._line += mark
            if not self._line.lstrip().startswith(("#", "*")) and not self._was_there():
                shown += self._held
                self._held = ""
        return shown

    def end(self) -> str:
        return "" if self.ended or HEADING.fullmatch(self._line) else self._end_line().rstrip("\n")

    def _was_there(self) -> bool:
        begun = _key(self._line)
        return any(line.startswith(begun) for line in self._lines)

    def _end_line(self) -> str:
        line, self._line = self._line, ""
        key = _key(line)
        if key in self._lines:
            self.ended = True
        if self.ended or HEADING.fullmatch(line):
            return ""
        if len(key) >= LOOP:
            self._lines.add(key)
        held, self._held = self._held, ""
        return held


def _key(line: str) -> str:
    """A line without its number, as it is compared."""
    number = NUMBER.match(line)
    return (line[number.end() :] if number else line).strip().casefold()
