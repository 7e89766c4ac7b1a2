"""A stream's filter for long texts, which end where they begin to go in circles."""

from __future__ import annotations

import re

HEADING = re.compile(r"\s*(?:\*\*[^*]+\*\*|#+ .*|)\s*")
LOOP = 12
"""A repeated line of so many characters is no accident."""


class Onward:
    """Ends a text where it begins to go in circles: at the first line of some length that was there before.

    A heading is shown with what stands under it, so that none is left over in the end.
    """

    def __init__(self) -> None:
        self._lines: set[str] = set()
        self._line = ""
        self._held = ""
        self._ended = False

    def feed(self, delta: str) -> str:
        shown = ""
        for mark in delta:
            if self._ended:
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
        return "" if self._ended or HEADING.fullmatch(self._line) else self._end_line().rstrip("\n")

    def _was_there(self) -> bool:
        return any(line.startswith(self._line) for line in self._lines)

    def _end_line(self) -> str:
        line, self._line = self._line, ""
        if line in self._lines:
            self._ended = True
        if self._ended or HEADING.fullmatch(line):
            return ""
        if len(line) >= LOOP:
            self._lines.add(line)
        held, self._held = self._held, ""
        return held
