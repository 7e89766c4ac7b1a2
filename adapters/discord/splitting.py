"""Long text in pieces that Discord takes: cut at paragraph borders, with every code fence whole."""

from __future__ import annotations

import re
from dataclasses import dataclass

MOST = 3900
"""Characters of text in one message: components take 4,000 in all, and a cut fence has to be closed."""

_FENCE = re.compile(r" {0,3}(?P<marks>`{3,}|~{3,})(?P<language>[^`\n]*)")
_SENTENCE = re.compile(r"[.!?。！？…][\"')\]»”]?\s+")


@dataclass(slots=True)
class _Borders:
    """Where a window of text may be cut, the later the better; 0 = nowhere. `fence`: the line that opens one."""

    paragraph: int = 0
    line: int = 0
    inside: int = 0
    fence: str = ""


def split(text: str, most: int = MOST) -> list[str]:
    """`text` in parts of at most `most` characters, each good Markdown of its own.

    A part that was cut once stays what it is when text is added behind it, so that a stream can be split anew
    with each piece.
    """
    parts = []
    while length(text) > most:
        part, text = _cut(text, most)
        parts.append(part)
    return [*parts, text] if text.strip() or not parts else parts


def closed(text: str) -> str:
    """`text` with the fence that it leaves open closed, as it is shown while more is to come."""
    fence = _borders(text + "\n").fence
    return f"{text.rstrip()}\n{_marks(fence)}" if fence else text


def length(text: str) -> int:
    """Characters as Discord counts them: in UTF-16."""
    return len(text.encode("utf-16-le")) // 2


def _cut(text: str, most: int) -> tuple[str, str]:
    window = text[:most]
    while length(window) > most:
        window = window[: len(window) - max(1, (length(window) - most) // 2)]
    borders = _borders(window)
    if borders.paragraph > len(window) // 4:
        return text[: borders.paragraph].rstrip(), text[borders.paragraph :].lstrip("\n")
    if borders.line > len(window) // 4 or (borders.line and borders.fence):
        return text[: borders.line].rstrip(), text[borders.line :]
    if borders.fence:
        # The fence alone is too long: it goes on as a second one.
        end = borders.inside or len(window)
        return f"{text[:end].rstrip()}\n{_marks(borders.fence)}", f"{borders.fence}\n{text[end:]}"
    end = max((match.end() for match in _SENTENCE.finditer(window)), default=0)
    if end <= len(window) // 2:
        end = window.rfind(" ") + 1 or len(window)
    return text[:end].rstrip(), text[end:]


def _borders(window: str) -> _Borders:
    found = _Borders()
    position, blank = 0, False
    for line in window.splitlines(keepends=True):
        fence = _FENCE.fullmatch(line.rstrip("\n"))
        if position and not found.fence:
            if blank:
                found.paragraph = position
            found.line = position
        elif position and found.fence and line.endswith("\n"):
            found.inside = position
        if found.fence:
            if fence and fence["marks"].startswith(_marks(found.fence)) and not fence["language"].strip():
                found.fence, found.inside = "", 0
        elif fence and line.endswith("\n"):
            found.fence, found.inside = line.rstrip("\n"), 0
        blank = not line.strip()
        position += len(line)
    return found


def _marks(opening: str) -> str:
    match = _FENCE.match(opening)
    assert match is not None
    return match["marks"]
