"""Grounding: of a model's answer, only the sentences that its sources bear out reach the reader."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.knowledge.claims import LIST_MARK, MARK, ground, unsupported, unsupported_code
from bot.knowledge.document import FENCE
from bot.knowledge.quoting import quote
from bot.knowledge.words import words

BOUNDARY = re.compile(r"(?<=[.!?…])(?:[\"'”’)\]*]|[ \t]?\[\d{1,2}\])*(?=\s)|(?<=[。！？])|(?=\n)")
ABBREVIATION = re.compile(
    r"(?:\b(?:(?:Chapter|Section|Appendix|Figure|Table|Part) [\w.]+|e\.g|i\.e|etc|vs|cf|approx|resp|Mr|Mrs|Dr|St|No)\."
    r"|(?:^|\n)\s*\d{1,3}\.)$"
)
WHOLE = re.compile(r"[.!?…。！？:`)\]\"”’|]\**\s*$")
LANGUAGES = frozenset(
    " bash sh shell zsh console text plaintext python py javascript js typescript ts json yaml yml toml ini conf sql "
    "html xml css c cpp java go rust ruby php perl lua powershell dockerfile makefile diff markdown nginx apache".split(
        " "
    )
)
NUMBERED = re.compile(r"^(\s*)\d{1,3}([.)])(?=\s)")
ENDING = re.compile(r"([.!?…:。！？]*)([\"'”’)*_]*)\s*$")


class Grounding:
    """A filter for a stream: what `feed` and `end` return is borne out by the sources and never taken back.

    A sentence with a number, command, option, file, address or name that stands in no source is left out and counted
    in `dropped`, and so is one whose words are mostly others. Markers of sources that do not exist are removed; a
    sentence without one gets that of the source which bears it out, where that changes. `sources` are whole texts,
    title and headings included; the first is [1].
    """

    def __init__(self, sources: Sequence[str]) -> None:
        self._all = ground(sources)
        self._each = [ground([source]) for source in sources]
        self._buffer = ""
        self._gap = ""
        self._announced = ""
        self._said: set[str] = set()
        self._cited: int | None = None
        self._item = 0
        self._shown = False
        self.kept = 0
        self.dropped = 0
        self.unsupported: list[str] = []

    def feed(self, delta: str) -> str:
        """Take in what the model said; returns what may be shown now."""
        self._buffer += delta
        out = ""
        while (cut := self._cut()) is not None:
            unit, self._buffer = self._buffer[:cut], self._buffer[cut:]
            out += self._judged(unit)
        return out

    def end(self) -> str:
        """The rest, when the model has ended. A sentence broken off in the middle is left out."""
        unit, self._buffer = self._buffer, ""
        if unit.lstrip().startswith(FENCE) and unit.count(FENCE) % 2:
            unit = f"{unit.rstrip()}\n{FENCE}"
        return self._judged(unit) if WHOLE.search(unit) or LIST_MARK.match(unit.lstrip()) else ""

    def _cut(self) -> int | None:
        """Where the first whole sentence, line or fenced block ends; None while it may still go on."""
        start = len(self._buffer) - len(self._buffer.lstrip())
        body = self._buffer[start:]
        if FENCE.startswith(body[:3]) and len(body) < 3:
            return None
        if body.startswith(FENCE):
            close = body.find(f"\n{FENCE}", 3)
            return None if close < 0 else start + close + 1 + len(FENCE)
        for match in BOUNDARY.finditer(body):
            piece = body[: match.end()]
            line_ends = body[match.end() : match.end() + 1] == "\n"
            if not piece.strip() or (piece.count("`") % 2 and not line_ends):
                continue
            if not line_ends and ABBREVIATION.search(piece):
                continue
            # A marker may still follow: wait for what comes after the space.
            rest = body[match.end() :].lstrip(" \t")
            if not line_ends and (not rest or re.match(r"\[\d{0,2}$", rest)):
                return None
            if not line_ends and (marked := re.match(r"\s*\[\d{1,2}\][.!?]?", body[match.end() :])):
                return start + match.end() + marked.end()
            return start + match.end()
        return None

    def _judged(self, unit: str) -> str:
        body = unit.strip()
        lead = unit[: len(unit) - len(unit.lstrip())]
        self._gap = max(self._gap, lead, key=lambda gap: (gap.count("\n"), len(gap)))
        if not body:
            return ""
        if body.startswith(FENCE):
            body = _fenced(body)
            missing = unsupported_code(body.removeprefix(FENCE).split("\n", 1)[-1].removesuffix(FENCE), self._all)
        elif not words(LIST_MARK.sub("", body)) and not re.search(r"\w", MARK.sub("", LIST_MARK.sub("", body))):
            return ""  # a bare mark or bullet says nothing
        else:
            missing = unsupported(body, self._all)
        if missing:
            self.dropped += 1
            self.unsupported += missing
            return ""
        plain = " ".join(MARK.sub("", LIST_MARK.sub("", body)).lower().split())
        if plain in self._said:
            return ""  # small models repeat themselves
        self._said.add(plain)
        if body.endswith(":"):
            # It announces something: it is shown with what comes of that, or not at all.
            self._announced += self._spaced(MARK.sub("", self._renumbered(body)))
            return ""
        self.kept += 1
        shown = self._spaced(body if body.startswith(FENCE) else self._cite(self._renumbered(body)))
        announced, self._announced, self._shown = self._announced, "", True
        return announced + shown

    def _spaced(self, body: str) -> str:
        begun = self._shown or bool(self._announced)
        gap, self._gap = self._gap if begun else "", ""
        if begun and not gap:
            gap = "\n" if body.startswith(FENCE) else " "
        return gap + body

    def _renumbered(self, body: str) -> str:
        """A numbered item gets the next number, so that a dropped one leaves no hole."""
        if not NUMBERED.match(body):
            if "\n\n" in self._gap and not LIST_MARK.match(body):
                self._item = 0
            return body
        self._item += 1
        return NUMBERED.sub(rf"\g<1>{self._item}\g<2>", body)

    def _cite(self, body: str) -> str:
        """The sentence with the marker of the source that bears it out."""
        stated = [int(number) for match in MARK.finditer(body) for number in match[1].split(",")]
        bare = MARK.sub("", body)
        best = self._best(bare)
        right = [number for number in dict.fromkeys(stated) if self._bears(number, bare)]
        if not right and best == self._cited:
            return bare
        numbers = right or ([best] if best else [])
        if not numbers:
            return bare
        self._cited = numbers[-1]
        marks = " " + "".join(f"[{number}]" for number in numbers)
        return ENDING.sub(lambda match: f"{match[2]}{marks}{match[1]}", bare, count=1)

    def _bears(self, number: int, body: str) -> bool:
        return 1 <= number <= len(self._each) and not unsupported(body, self._each[number - 1])

    def _best(self, body: str) -> int | None:
        """The source that holds the most of a sentence's words, among those that bear it out if there are any."""
        telling = set(words(body))

        def rank(number: int) -> tuple[bool, int, int]:
            shared = len(telling & self._each[number - 1].stems)
            return self._bears(number, body), shared, -number

        return max(range(1, len(self._each) + 1), key=rank, default=None)


def _fenced(block: str) -> str:
    """A fenced block whose first line is nothing but the fence and a language."""
    first, _, rest = block.removeprefix(FENCE).partition("\n")
    language = first.strip().lower()
    if language in LANGUAGES:
        return f"{FENCE}{language}\n{rest}"
    return f"{FENCE}\n{first}\n{rest}"


__all__ = ["Grounding", "quote"]
