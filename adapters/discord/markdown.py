"""Markdown as Discord draws it: what it does not know, tables above all, in forms that it does."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

WIDEST = 60
"""Columns of a table that still stands side by side; on a telephone even these wrap."""

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_RULE = re.compile(r" {0,3}([-*_])(?:\s*\1){2,}\s*")
_DELIMITER = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*")
_DEEP_HEADING = re.compile(r" {0,3}#{4,6}\s+(.+?)\s*#*\s*")
_PICTURE = re.compile(r"!\[([^\]\n]*)\]\(([^)\s]+)[^)\n]*\)")
_TASK = re.compile(r"^(\s*[-*+]\s+)\[([ xX])\]\s+")
_LIVE = re.compile(r"<[@#:a]|\]\(|https?://")
"""What means something to Discord, and would not inside a code block."""
_MARKS = re.compile(r"\*\*|__|~~|`")


def drawn(text: str) -> str:
    """`text` with tables, deep headings, rules, tasks and pictures as Discord can show them. Code stays as it is."""
    lines, out, at = text.split("\n"), [], 0
    fence = ""
    while at < len(lines):
        line = lines[at]
        opened = _FENCE.match(line)
        if fence:
            fence = "" if opened and opened[1].startswith(fence) else fence
            out.append(line)
        elif opened:
            fence = opened[1]
            out.append(line)
        elif _begins_table(lines, at):
            rows = list(_rows(lines, at))
            out += _table(rows)
            at += len(rows)  # and the line of dashes, below
        else:
            out.append(_line(line))
        at += 1
    return "\n".join(out)


def _line(line: str) -> str:
    if heading := _DEEP_HEADING.fullmatch(line):
        return f"**{heading[1].strip('* ')}**"
    if _RULE.fullmatch(line):
        return "───"
    line = _TASK.sub(lambda match: f"{match[1]}{'☐' if match[2] == ' ' else '☑'} ", line)
    return _PICTURE.sub(lambda match: f"[{match[1] or 'picture'}]({match[2]})", line)


def _begins_table(lines: list[str], at: int) -> bool:
    if "|" not in lines[at] or at + 1 >= len(lines) or "|" not in lines[at + 1]:
        return False
    return _DELIMITER.fullmatch(lines[at + 1]) is not None and len(_cells(lines[at])) == len(_cells(lines[at + 1]))


def _rows(lines: list[str], at: int) -> Iterator[list[str]]:
    """The cells of the head and of each row behind the line of dashes."""
    head = _cells(lines[at])
    yield head
    for line in lines[at + 2 :]:
        if "|" not in line:
            return
        yield (_cells(line) + [""] * len(head))[: len(head)]


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|")
    if inner.endswith("|") and not inner.endswith("\\|"):
        inner = inner[:-1]
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", inner)]


def _table(rows: list[list[str]]) -> list[str]:
    plain = [[_MARKS.sub("", cell) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*plain, strict=True)]
    if sum(widths) + 2 * len(widths) > WIDEST or any(_LIVE.search(cell) for row in rows for cell in row):
        return _list(rows)
    lines = ["  ".join(_padded(cell, width) for cell, width in zip(row, widths, strict=True)) for row in plain]
    return ["```", lines[0].rstrip(), "  ".join("─" * width for width in widths), *map(str.rstrip, lines[1:]), "```"]


def _list(rows: list[list[str]]) -> list[str]:
    """A row as an item of a list: what it is about, then each further cell under its head."""
    head, *others = rows
    items = []
    for row in others:
        more = [f"{name}: {cell}" if name else cell for name, cell in zip(head[1:], row[1:], strict=True) if cell]
        first = row[0] if row[0].startswith("**") or not row[0] else f"**{row[0]}**"
        items.append(f"- {first}{' · ' if more and first else ''}{' · '.join(more)}")
    return items or [f"- {' · '.join(head)}"]


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - _width(cell))


def _width(cell: str) -> int:
    """Columns on the screen: East Asian letters and most emoji take two."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in cell)
    marks = sum(unicodedata.combining(letter) > 0 for letter in cell)
    return len(cell) + wide - marks
