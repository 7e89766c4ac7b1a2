"""Corrections of a learner's sentence: what a model changed, with only the changes that can be trusted."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from bot.scenarios.slips import mended

_TOKEN = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|\S")
ARTICLES = frozenset("a an the".split())
PREPOSITIONS = frozenset(
    "in on at to for of with from by about into since during than until over under between".split()
)
AUXILIARIES = frozenset(
    "am is are was were be been being have has had do does did don't doesn't didn't isn't aren't wasn't weren't "
    "will would can could shall should may might must".split()
)
PRONOUNS = frozenset(
    "i me my you your he him his she her it its we us our they them their this that these those there who which".split()
)
OTHERS = frozenset("and but or so not no very much many more some any".split())
CLOSED = ARTICLES | PREPOSITIONS | AUXILIARIES | PRONOUNS | OTHERS
IRREGULAR = (
    "be am is are was were been", "have has had", "do does did done", "go goes went gone goed", "buy bought buyed",
    "see saw seen", "eat ate eaten eated", "take took taken taked", "make made maked", "come came comed",
    "give gave given gived", "get got gotten", "say said", "think thought thinked", "know knew known knowed",
    "write wrote written writed", "read readed", "run ran runned", "speak spoke spoken speaked", "drink drank drunk",
    "find found finded", "tell told telled", "leave left leaved", "feel felt feeled", "bring brought bringed",
    "teach taught teached", "catch caught catched", "keep kept keeped", "sleep slept sleeped", "swim swam swum",
    "begin began begun", "break broke broken", "choose chose chosen", "drive drove driven", "fall fell fallen",
    "child children childs childrens", "man men mans", "woman women womans", "foot feet foots", "person people persons",
    "don't doesn't didn't", "isn't aren't wasn't weren't", "haven't hasn't hadn't", "will would", "can could",
    "shall should", "i me my mine", "he him his", "she her hers", "we us our ours", "they them their theirs",
    "it its", "this these", "that those", "who whom whose which", "much many",
    "mouse mice", "tooth teeth", "good better best gooder", "bad worse worst",
)  # fmt: skip
FAMILY = {form: forms.split()[0] for forms in IRREGULAR for form in forms.split()}
MOST_CHANGED = 0.5
"""If more of the words change than this, it is another sentence and no correction."""


@dataclass(frozen=True, slots=True)
class Change:
    """One place where the words differ; an empty side means words were added or left out."""

    wrong: str
    right: str
    why: str = ""

    @property
    def shown(self) -> str:
        """The change as a learner reads it."""
        if not self.wrong:
            return f"add “{self.right}”"
        if not self.right:
            return f"leave out “{self.wrong}”"
        return f"{self.wrong} → {self.right}"


@dataclass(frozen=True, slots=True)
class Correction:
    """A sentence as it should read, and what was changed."""

    text: str
    changes: tuple[Change, ...]


def corrected(source: str, proposal: str, *, english: bool = True) -> Correction | None:
    """What can be trusted of a model's `proposal` for `source`; None when nothing can, or nothing changes.

    For English each change has to be of a kind that learners need: the form of the same word, a spelling, an
    article, a small word. A changed content word is the model's invention more often than the learner's mistake.
    """
    if english:
        source, proposal = source.strip(), mended(proposal.strip())
    before, after = tokens(source), tokens(proposal)
    if _share_changed(before, after) > MOST_CHANGED:
        after = tokens(mended(source)) if english else before
    result: list[str] = []
    changes: list[Change] = []
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        old, new = before[i1:i2], after[j1:j2]
        if tag == "equal":
            result += old
            continue
        reasons = [
            (left, right, reason(left, right, english=english, at_start=not result and not at))
            for at, (left, right) in enumerate(_paired(old, new))
        ]
        if any(why is None for _, _, why in reasons):
            # Half of a change is worse than none: "are live" must not become "are lived".
            reasons = [(old, new, reason(old, new, english=english))]
        for left, right, why in reasons:
            result += left if why is None else right
            if why:
                changes.append(Change(" ".join(left), " ".join(right), why))
    return Correction(joined(result), tuple(changes)) if changes else None


def _share_changed(before: Sequence[str], after: Sequence[str]) -> float:
    """How much of two texts differs, from 0 to 1."""
    if not before or not after:
        return 1.0
    matcher = difflib.SequenceMatcher(None, [_fold(t) for t in before], [_fold(t) for t in after], autojunk=False)
    changed = sum(max(i2 - i1, j2 - j1) for tag, i1, i2, j1, j2 in matcher.get_opcodes() if tag != "equal")
    return changed / max(len(before), len(after))


def compared(said: str, wanted: str) -> tuple[Change, ...]:
    """All places where two texts differ, letter case and punctuation aside."""
    before, after = ([t for t in tokens(text) if t[0].isalnum()] for text in (said, wanted))
    matcher = difflib.SequenceMatcher(None, [_fold(t) for t in before], [_fold(t) for t in after], autojunk=False)
    return tuple(
        Change(" ".join(before[i1:i2]), " ".join(after[j1:j2]))
        for tag, i1, i2, j1, j2 in matcher.get_opcodes()
        if tag != "equal"
    )


def reason(old: Sequence[str], new: Sequence[str], *, english: bool, at_start: bool = False) -> str | None:
    """Why `old` became `new`, in a few words; "" when it is not worth a word, None when it is not to be trusted."""
    left, right = [_fold(t) for t in old], [_fold(t) for t in new]
    if all(not t[0].isalnum() for t in (*old, *new)):
        return ""
    if left == right:
        return "" if at_start else "capital letter" if english else ""
    if not english:
        return _foreign_reason(left, right)
    if all(word in CLOSED for word in (*left, *right)):
        return _small_word(left, right)
    if len(left) == len(right) == 1:
        return _word_form(left[0], right[0])
    if "".join(left) == "".join(right):
        return "one word" if len(right) < len(left) else "two words"
    if len(left) <= 2 and len(right) <= 2 and left and right and _same_but_small(left, right):
        return "form of the verb"
    return None


def _small_word(left: Sequence[str], right: Sequence[str]) -> str | None:
    both = {*left, *right}
    if not both - ARTICLES:
        return "article" if left else "an article is missing"
    if not both - PREPOSITIONS:
        return "preposition" if left and right else "a preposition is missing" if right else "no preposition here"
    if left and not right and left[0] in ("am", "is", "are", "was", "were"):
        return "one verb too many"
    if not both - AUXILIARIES and right:
        if len(left) == len(right) == 1 and FAMILY.get(left[0], left[0]) != FAMILY.get(right[0], right[0]):
            return None
        return "form of the verb" if left else "a verb is missing"
    if len(left) == len(right) == 1 and FAMILY.get(left[0], left[0]) == FAMILY.get(right[0], right[0]):
        return "form of the pronoun"
    return None


def _word_form(left: str, right: str) -> str | None:
    if not (left[0].isalpha() and right[0].isalpha()):
        return None
    if FAMILY.get(left, left) == FAMILY.get(right, right):
        return "irregular form"
    if left + "s" == right or left + "es" == right or left.removesuffix("y") + "ies" == right:
        return "ending -s"
    if right + "s" == left or right + "es" == left or right.removesuffix("y") + "ies" == left:
        return "no -s here"
    shared = len(_prefix(left, right))
    ends = (_undoubled(left, shared), _undoubled(right, shared))
    if shared >= max(3, min(len(left), len(right)) - 3) and ENDINGS.issuperset(ends):
        return "form of the word"
    near = difflib.SequenceMatcher(None, left, right, autojunk=False).ratio()
    possessive = right.endswith(("'s", "s'")) and not left.endswith("s")
    if near >= 0.8 and not possessive and left[0] == right[0] and len(left) > 3 and left not in CLOSED:
        return "spelling"
    return None


ENDINGS = frozenset(
    ("", *"s es ed d ing e ly er est ied ies y 's n en ment ion al ally ic ful ous able ness ity t".split())
)


def _undoubled(word: str, shared: int) -> str:
    """The ending behind the shared letters: "ing" of "stopping" beside "stop"."""
    end = word[shared:]
    return end[1:] if end and end[0] == word[shared - 1] and end[0] not in "aeious" else end


def _same_but_small(left: Sequence[str], right: Sequence[str]) -> bool:
    """ "are live" and "have lived": one content word in another form, and small words around it."""
    one, two = ([word for word in side if word not in CLOSED] for side in (left, right))
    return len(one) == len(two) == 1 and (one == two or _word_form(one[0], two[0]) is not None)


def _foreign_reason(left: Sequence[str], right: Sequence[str]) -> str | None:
    """For a language whose words we do not know: only accents, and words that keep most of their letters."""
    if len(left) != 1 or len(right) != 1:
        return None
    if _bare(left[0]) == _bare(right[0]):
        return "accent"
    near = difflib.SequenceMatcher(None, left[0], right[0], autojunk=False).ratio()
    return "form or spelling" if near >= 0.6 else None


def _paired(old: Sequence[str], new: Sequence[str]) -> list[tuple[list[str], list[str]]]:
    """Replaced words one to one where their numbers agree, else as they are."""
    if len(old) == len(new):
        return [([left], [right]) for left, right in zip(old, new, strict=True)]
    return [(list(old), list(new))]


def tokens(text: str) -> list[str]:
    return _TOKEN.findall(text)


def joined(parts: Sequence[str]) -> str:
    """Tokens as a sentence again."""
    text = " ".join(parts)
    return re.sub(r"\s+([.,;:!?…)\]”’])", r"\1", re.sub(r"([(\[“‘¿¡])\s+", r"\1", text))


def _fold(token: str) -> str:
    return token.casefold().replace("’", "'")


def _bare(word: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))


def _prefix(left: str, right: str) -> str:
    shared = 0
    while shared < min(len(left), len(right)) and left[shared] == right[shared]:
        shared += 1
    return left[:shared]
