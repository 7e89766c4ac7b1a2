"""Quoting: the sources' own best sentences as an answer, for when nothing of the model's may be said."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bot.knowledge.claims import LIST_MARK
from bot.knowledge.document import FENCE
from bot.knowledge.passages import sentences
from bot.knowledge.words import words

MOST = 4
MOST_WORDS = 90
WITH_CODE = 0.08
OF_THE_FIRST = 0.1
"""What a command in a sentence, and coming from the best source, are worth in cosine."""
FALLING_OFF = 0.2
"""A line so much worse than the best is about something else."""
SKIPPED = "…"
DANGLING = re.compile(
    r"(?:this|these|those|it|they|he|she|however|therefore|thus|then|also|but|and|such|for instance)\b", re.I
)


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence, list item or piece of code of the source with this number."""

    source: int
    text: str

    @property
    def is_code(self) -> bool:
        return self.text.startswith(FENCE)


def lines_of(texts: Sequence[str], headings: Collection[str] = ()) -> list[Line]:
    """What could be quoted of the sources' texts, in reading order, without their headings."""
    found: list[Line] = []
    for number, text in enumerate(texts, 1):
        for part in re.split(rf"({FENCE}\n.*?\n{FENCE})", text, flags=re.DOTALL):
            if part.startswith(FENCE):
                found.append(Line(number, part))
                continue
            for paragraph in part.split("\n"):
                whole = paragraph.strip()
                pieces = (whole[start:end] for start, end in sentences(whole))
                found += [Line(number, piece) for piece in pieces if piece not in headings and _says_something(piece)]
    return found


def quote(
    question: str,
    texts: Sequence[str],
    *,
    titles: Sequence[str] = (),
    headings: Collection[str] = (),
    nearness: Sequence[float] | None = None,
    most: int = MOST,
    most_words: int = MOST_WORDS,
) -> str:
    """The best lines of the sources' texts, each group with its title and marker. Empty when there is none.

    `nearness`: the cosine of the question with each of `lines_of(texts, headings)`; without it, shared words decide.
    """
    lines = lines_of(texts, headings)
    if not lines:
        return ""
    scores = list(nearness) if nearness is not None else _shared(question, lines)
    for number, line in enumerate(lines):
        scores[number] += WITH_CODE * ("`" in line.text) + OF_THE_FIRST * (line.source == 1)
    chosen: set[int] = set()
    best = max(scores)
    for number in sorted(range(len(lines)), key=lambda number: -scores[number]):
        if scores[number] < best - FALLING_OFF:
            break
        wanted = _with_neighbours(lines, number) - chosen
        size = sum(len(lines[one].text.split()) for one in chosen | wanted)
        if len(chosen) < most and (size <= most_words or not chosen):
            chosen |= wanted
    return _laid_out(titles, lines, sorted(chosen))


def _says_something(text: str) -> bool:
    return text != SKIPPED and (len(text.split()) >= 4 or "`" in text)


def _shared(question: str, lines: Sequence[Line]) -> list[float]:
    asked = set(words(question))
    return [len(asked & set(words(line.text))) / (len(asked) or 1) for line in lines]


def _with_neighbours(lines: Sequence[Line], number: int) -> set[int]:
    """A line with what it cannot do without: what its colon announces, what its "this" points back to."""
    together = {number}
    line = lines[number]
    if line.text.endswith(":") and number + 1 < len(lines) and lines[number + 1].source == line.source:
        together.add(number + 1)
    before = lines[number - 1] if number else line
    backwards = line.is_code or (DANGLING.match(line.text) and not before.is_code and not LIST_MARK.match(before.text))
    if backwards and number and before.source == line.source:
        together.add(number - 1)
    return together


def _laid_out(titles: Sequence[str], lines: Sequence[Line], chosen: Sequence[int]) -> str:
    parts: list[str] = []
    for source in dict.fromkeys(lines[number].source for number in chosen):
        own = [number for number in chosen if lines[number].source == source]
        text = ""
        for place, number in enumerate(own):
            line = lines[number].text
            follows = place and own[place - 1] == number - 1
            listed = line.startswith(("- ", FENCE)) or lines[number - 1].is_code or line[:1].isdigit()
            text += line if not text else f"\n{line}" if listed else f" {line}" if follows else f"\n{line}"
        head = f"From “{titles[source - 1]}”:\n" if titles else ""
        parts.append(head + _marked(text, source))
    return "\n\n".join(parts)


def _marked(text: str, source: int) -> str:
    """The text with its source's marker at the end; below code, on a line of its own."""
    if text.endswith(FENCE):
        return f"{text}\n[{source}]"
    ending = re.search(r"[.!?…:;,]*$", text)
    cut = ending.start() if ending else len(text)
    return f"{text[:cut]} [{source}]{text[cut:].replace(':', '.').replace(';', '.').replace(',', '.') or '.'}"
