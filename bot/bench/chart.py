"""A bar chart as SVG, without a plotting library."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

COLOURS = ("#3b6fb6", "#c9803a", "#5b9a5b", "#8a6bb0", "#a04f4f")
WIDTH, BAR, GAP, LEFT = 720, 20, 14, 210


def bars(title: str, series: Mapping[str, Mapping[str, float]]) -> str:
    """The values of each series by label, one group of bars a label."""
    most = max((value for values in series.values() for value in values.values()), default=1.0) or 1.0
    labels = list(dict.fromkeys(label for values in series.values() for label in values))
    parts, y = [_text(10, 24, title, "font-weight='bold'")], 44
    for label in labels:
        for number, (name, values) in enumerate(series.items()):
            if label in values:
                length = (WIDTH - LEFT - 80) * values[label] / most
                colour = COLOURS[number % len(COLOURS)]
                parts.append(f"<rect x='{LEFT}' y='{y}' width='{length:.1f}' height='{BAR - 4}' fill='{colour}'/>")
                parts.append(_text(10, y + 13, f"{label}, {name}"[:34]))
                parts.append(_text(LEFT + length + 6, y + 13, f"{values[label]:.1f}"))
                y += BAR
        y += GAP
    head = f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{y}' font-family='sans-serif'"
    return (
        f"{head} font-size='12'>\n<rect width='100%' height='100%' fill='white'/>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _text(x: float, y: float, words: str, more: str = "") -> str:
    return f"<text x='{x:.0f}' y='{y:.0f}' {more}>{escape(words)}</text>"
