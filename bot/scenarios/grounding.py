"""Grounding: what a text claims that its sources do not say."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise

_ADDRESS = re.compile(r"https?://[^\s<>)\]]+|(?<![\w.])[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\bwww\.[^\s<>)\]]+")
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
# A list's own numbering claims nothing.
_NUMBERING = re.compile(r"^\s*(?:#+\s*)?\d{1,2}[.)](?=\s)", re.MULTILINE)
_MARKS = re.compile(r"[*_~`#>|]+")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_SENTENCE_START = re.compile(r"(?:^|[.!?:…。！？]|\n)[\s\"“”'’«»(\[*_–-]*$")
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u2e80-\u9fff\uac00-\ud7af]")
NUMBER_WORDS = {
    "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8",
    "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "twenty": "20", "hundred": "100",
}  # fmt: skip
COURTESIES = frozenset(
    "i dear sir madam mr mrs ms dr kind regards best sincerely yours hello hi subject thank thanks all team everyone "
    "summary findings overview requirements steps introduction conclusion background next".split()
)
"""Capitalised words that name nobody."""
STEM = 5
"""Two words that begin with the same letters, this many, count as one: "open", "opens" and "opening"."""
CAPITALS_SHARE = 0.25
"""Where more of the words inside sentences are capitalised than this, capitals mean nothing: German, title case."""


def claims(text: str, sources: str) -> list[str]:
    """Addresses, numbers and names in `text` that are not in `sources`, each once, in the order they are said."""
    known = _known(sources)
    found: list[tuple[int, str]] = []
    bare = _ADDRESS.sub(lambda match: " " * len(match[0]), _NUMBERING.sub(lambda match: " " * len(match[0]), text))
    for match in _ADDRESS.finditer(text):
        address = match[0].rstrip(".,;:!?")
        if address.casefold() not in sources.casefold():
            found.append((match.start(), address))
    for match in _NUMBER.finditer(bare):
        if not _numbers(match[0]) <= known:
            found.append((match.start(), match[0]))
    found += _names(bare, known)
    return list(dict.fromkeys(claim for _, claim in sorted(found)))


def support(sentence: str, sources: str) -> float:
    """The share of a sentence's content that its sources have, from 0 to 1. Short words count for nothing."""
    content = set(_content(sentence))
    return len(content & set(_content(sources))) / len(content) if content else 1.0


def missing(facts: Iterable[str], text: str, enough: float = 0.6) -> list[str]:
    """The facts that `text` does not tell."""
    return [fact for fact in facts if support(fact, text) < enough or claims(fact, text)]


def _names(bare: str, known: set[str]) -> list[tuple[int, str]]:
    """Runs of capitalised words of which one is in no source. The first word of a sentence is no name by itself."""
    plain = _MARKS.sub(lambda match: " " * len(match[0]), bare)
    words = list(_WORD.finditer(plain))
    inside = [word for word in words if not _SENTENCE_START.search(plain[: word.start()][-40:])]
    capitals = [word for word in inside if word[0][0].isupper() and word[0].casefold() not in COURTESIES]
    if len(inside) >= 8 and len(capitals) > CAPITALS_SHARE * len(inside) and not _few_runs(capitals, plain):
        return []
    found: list[tuple[int, str]] = []
    for word in capitals:
        if _stem(word[0]) in known or word[0].casefold() in NUMBER_WORDS:
            continue
        if found and plain[found[-1][0] + len(found[-1][1]) : word.start()].strip() == "":
            begin = found[-1][0]
            found[-1] = (begin, plain[begin : word.end()])
        else:
            found.append((word.start(), word[0]))
    return found


def _few_runs(capitals: list[re.Match[str]], plain: str) -> bool:
    """Whether the capitals come as a few long names and not all over the text."""
    runs = sum(
        index == 0 or bool(plain[capitals[index - 1].end() : word.start()].strip())
        for index, word in enumerate(capitals)
    )
    return runs * 2 <= len(capitals)


def _known(sources: str) -> set[str]:
    known = {_stem(word) for word in _WORD.findall(sources)}
    for number in _NUMBER.findall(sources):
        known |= _numbers(number)
    known |= {NUMBER_WORDS[word] for word in map(str.casefold, _WORD.findall(sources)) if word in NUMBER_WORDS}
    return known


def _numbers(number: str) -> set[str]:
    """The figures of a number: "1,000" is 1000, "9:00" is 9, "4.2" stays, a date is its parts."""
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+", number):
        return {number.replace(",", "")}
    if re.fullmatch(r"\d+[.,]\d+", number):
        return {number.replace(",", ".")}
    parts = re.split(r"[.,:/-]", number)
    return {part.lstrip("0") for part in parts} - {""}


def _content(text: str) -> list[str]:
    words = [_stem(word) for word in _WORD.findall(text) if len(word) > 3 and not _UNSPACED.search(word)]
    figures = [figure for number in _NUMBER.findall(text) for figure in _numbers(number)]
    run = _UNSPACED.findall(text)
    return words + figures + [first + second for first, second in pairwise(run)]


def _stem(word: str) -> str:
    folded = unicodedata.normalize("NFKD", word.casefold())
    bare = "".join(character for character in folded if not unicodedata.combining(character))
    return re.sub(r"['’]s$", "", bare)[:STEM]
