"""Dice: thrown by code where a player names them, so that no model decides what they say."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

MOST_ROLLS = 5
MOST_DICE = 20
MARK = "🎲"
_DICE = re.compile(r"(?<![\w-])(?P<count>\d{0,2})d(?P<sides>\d{1,4})(?P<plus>[+-]\d{1,4})?(?![\w-])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Roll:
    """One throw: `words` as it was asked for, the faces that came up, and what is added."""

    words: str
    sides: int
    faces: tuple[int, ...]
    plus: int = 0

    @property
    def total(self) -> int:
        return sum(self.faces) + self.plus

    @property
    def shown(self) -> str:
        """ "2d6+1: 3 + 5 + 1 = **9**"."""
        parts = " + ".join(str(face) for face in self.faces)
        if self.plus:
            parts += f" {'+' if self.plus > 0 else '-'} {abs(self.plus)}"
        return (
            f"{self.words}: **{self.total}**"
            if parts == str(self.total)
            else f"{self.words}: {parts} = **{self.total}**"
        )

    @property
    def verdict(self) -> str:
        """What the story should make of it, by where the total stands between the worst and the best."""
        worst, best = len(self.faces), len(self.faces) * self.sides
        share = (sum(self.faces) - worst) / (best - worst)
        for limit, words in (
            (0.05, "it fails badly"),
            (0.45, "it fails"),
            (0.55, "it half succeeds"),
            (0.95, "it succeeds"),
        ):
            if share < limit:
                return words
        return "it succeeds better than anybody hoped"


def rolled(text: str, seed: str) -> tuple[Roll, ...]:
    """The dice that `text` names, thrown. The same words after the same part of a story fall alike: no second try."""
    found: list[Roll] = []
    for number, match in enumerate(_DICE.finditer(text)):
        count, sides = int(match["count"] or 1), int(match["sides"])
        if sides >= 2 and 1 <= count <= MOST_DICE and len(found) < MOST_ROLLS:
            faces = tuple(_face(f"{seed}:{number}:{die}", sides) for die in range(count))
            found.append(Roll(match[0].lower(), sides, faces, int(match["plus"] or 0)))
    return tuple(found)


def line_of(rolls: tuple[Roll, ...]) -> str:
    """The line that shows throws, "" for none."""
    return f"{MARK} {' · '.join(roll.shown for roll in rolls)}\n\n" if rolls else ""


def told_of(rolls: tuple[Roll, ...]) -> str:
    """What the storyteller has to know of them."""
    return "".join(f" The dice say that {roll.verdict}." for roll in rolls)


def without_dice(text: str) -> str:
    """A part of a story without the lines that show throws, as the model reads it."""
    return "\n".join(line for line in text.splitlines() if not line.startswith(MARK)).strip()


def _face(seed: str, sides: int) -> int:
    """1 to `sides`, each as likely as the others to within a millionth."""
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8]) % sides + 1
