"""Whether an answer is right, by a reference that is: its facts must be said, in whatever words."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from models.training.metrics import chrf

SAID = 0.6
"""The part of a reference's new words that a right answer says, where the reference holds no number and no name."""
ALIKE = 0.5
"""chrF, of 0 to 1, from which on two texts without separate words say the same."""
FREE = 40
"""A reference with more new words than this is free text: half of them are enough."""

STRANGE = 3
"""So many numbers that neither the question nor the reference holds are borne in a right answer."""

PART = re.compile(r"[^\W_]+(?:['.][^\W_]+)*")
"""A word, a number or one part of a code; a domain in one piece."""
MEASURE = re.compile(r"(\d[\d.]*)(?:st|nd|rd|th|am|pm|h|s|m|x|k|[kmgt]b|[kcm]?m|k?g|min)")
SENTENCE = re.compile(r"(?:^|[.!?:;\n]\s*|[\"“(]\s*)$")
SPELLED = {
    word: str(number)
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen twenty".split()
    )
} | {
    "thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90",
    "hundred": "100", "first": "1st", "second": "2nd", "third": "3rd", "fourth": "4th", "fifth": "5th",
}  # fmt: skip
SMALL = frozenset(
    "a an and any are as at be been but by can could did do does for from had has have he her his how i if in into is "
    "it its just may me more my no not of on or our she should so some than that the their them then there these they "
    "this those to too us very was we were what when where which who whom whose why will with would yes you your about "
    "also am all each every please sure only own".split()
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a reference states that its question does not: numbers and codes, names, and all other words."""

    numbers: frozenset[str]
    names: frozenset[str]
    words: frozenset[str]

    @property
    def hard(self) -> frozenset[str]:
        return self.numbers | self.names


@lru_cache(maxsize=4096)
def facts(question: str, reference: str) -> Facts:
    """The facts of a reference, normalised."""
    known = _terms(question)
    numbers, names, words = set[str](), set[str](), set[str]()
    text = plain(reference)
    for found in PART.finditer(text):
        term = normal(found[0])
        if term in known or stem(term) in known:
            continue
        if any(letter.isdigit() for letter in term):
            numbers.add(term)
        elif "." in term or _is_name(found[0], text[: found.start()]):
            names.add(stem(term))
        elif term not in SMALL:
            words.add(stem(term))
    return Facts(frozenset(numbers), frozenset(names), frozenset(words))


def right(question: str, reference: str, answer: str, rejected: str = "") -> bool:
    """Whether `answer` says what `reference` says. `rejected` is an answer known to be wrong."""
    if not answer.strip():
        return False
    if rejected and same(answer, rejected) and not same(answer, reference):
        return False
    if _contradicts(reference, answer):
        return False
    stated, said = facts(question, reference), _terms(answer)
    if stated.hard:
        return stated.hard <= said and _rambles_not(stated, question, reference, answer)
    if stated.words:
        share = len(stated.words & said) / len(stated.words)
        return share >= (SAID if len(stated.words) <= FREE else ALIKE)
    # the question holds all that is said: yes or no is the answer then
    return chrf(answer, reference) >= ALIKE or (bool(_stance(reference)) and _stance(answer) == _stance(reference))


def same(one: str, other: str) -> bool:
    """Whether two texts are word for word the same."""
    return [normal(word) for word in PART.findall(plain(one))] == [normal(word) for word in PART.findall(plain(other))]


def plain(text: str) -> str:
    """One spelling for what is written in several: of quotes, of hyphens, and no marks between thousands."""
    text = unicodedata.normalize("NFKC", text).replace("’", "'")
    return re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)


def normal(word: str) -> str:
    """A word as it is compared: lower case, numbers in figures and without their unit."""
    word = SPELLED.get(word.casefold(), word.casefold()).removesuffix("'s")
    if not any(letter.isdigit() for letter in word):
        return word
    figures = MEASURE.fullmatch(word)
    return (figures[1] if figures else word).replace("'", "")


def stem(word: str) -> str:
    """Without the ending of a plural or a tense, as far as it matters for comparing."""
    for ending in ("ies", "ing", "ed", "es", "s"):
        if len(word) > len(ending) + 3 and word.endswith(ending):
            return word.removesuffix(ending)
    return word.removesuffix("e") if len(word) > 4 else word


def _terms(text: str) -> set[str]:
    terms = {normal(word) for word in PART.findall(plain(text))}
    return terms | {stem(term) for term in terms}


def _is_name(word: str, before: str) -> bool:
    """Written large where no sentence begins, or large throughout."""
    if word.casefold() in SMALL or not word[:1].isupper():
        return False
    return (len(word) > 1 and word.isupper()) or not SENTENCE.search(before)


def _contradicts(reference: str, answer: str) -> bool:
    """Yes where no is right, or no where yes is."""
    wanted, got = _stance(reference), _stance(answer)
    return bool(wanted and got and wanted != got)


def _stance(text: str) -> str:
    first = next(iter(PART.findall(plain(text).casefold())), "")
    return "no" if first == "no" else "yes" if first == "yes" else ""


def _rambles_not(stated: Facts, question: str, reference: str, answer: str) -> bool:
    """Few numbers of its own beside those it was to say: enough of them would hold the right one by chance."""
    known = _terms(question) | _terms(reference)
    strange = {term for term in _terms(answer) if any(letter.isdigit() for letter in term)} - known
    return len(strange) <= max(STRANGE, len(stated.numbers))
