"""The digest's picture: answers by week as bars, and the share of thumbs down as a line over them."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 880, 400, 60, 70, 60
INK, FAINT, BAR, LINE = "#1d2430", "#d5dae2", "#3b6fb6", "#c9503a"

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Weeks = Sequence[tuple[str, int, float | None]]


def picture(weeks: Weeks) -> bytes:
    """A PNG. Each week has its label, its answers, and its share of thumbs down (None: nobody voted)."""
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(image)
    small, large = ImageFont.load_default(15), ImageFont.load_default(20)
    draw.text((LEFT, 18), "Answers by week", fill=BAR, font=large)
    draw.text((LEFT + 200, 18), "share of thumbs down", fill=LINE, font=large)
    floor, width = HEIGHT - BOTTOM, (WIDTH - 2 * LEFT) / max(1, len(weeks))
    most = max([count for _, count, _ in weeks] or [0]) or 1
    draw.line([(LEFT, floor), (WIDTH - LEFT, floor)], fill=FAINT, width=2)
    points = []
    for number, (label, count, down) in enumerate(weeks):
        x, top = LEFT + number * width, floor - (floor - TOP) * count / most
        draw.rectangle([x + width * 0.2, top, x + width * 0.8, floor], fill=BAR)
        _centred(draw, x + width / 2, top - 20, str(count), INK, small)
        _centred(draw, x + width / 2, floor + 10, label, INK, small)
        if down is not None:
            points.append((x + width / 2, floor - (floor - TOP) * down, f"{down:.0%}"))
    if len(points) > 1:
        draw.line([(x, y) for x, y, _ in points], fill=LINE, width=3)
    for x, y, words in points:
        draw.ellipse([x - 5, y - 5, x + 5, y + 5], fill=LINE)
        _centred(draw, x, floor + 30, words, LINE, small)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _centred(draw: ImageDraw.ImageDraw, x: float, y: float, words: str, colour: str, font: Font) -> None:
    draw.text((x, y), words, fill=colour, font=font, anchor="ma")
