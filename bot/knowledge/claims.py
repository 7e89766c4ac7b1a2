"""What a sentence claims that can be checked: numbers, code, options, files, addresses and names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bot.knowledge.words import STOP, words

CODE = re.compile(r"(`+)(.+?)\1", re.DOTALL)
MARK = re.compile(r"[ \t]?\[(\d{1,2}(?:\s*,\s*\d{1,2})*)\]")
ADDRESS = re.compile(r"(?:https?://|www\.)[^\s<>()\[\]\"'`]+|[\w.+-]+@[\w-]+\.[\w.-]+")
TOKEN = re.compile(r"(?<![^\s(\[{\"'“‘«,;:|])[^\s(\[{\"'“‘«]+")
NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
LIST_MARK = re.compile(r"^\s*(?:[-*•+]|\d{1,3}[.)]|#{1,6})\s+")
NAME = re.compile(r"[^\W\d_](?:[\w'’.+-]*[\w+])?")
ORDER = re.compile(
    r"\b(?:run|type|execute|install|enter|launch|invoke|called|named|use|using)\s+(?:the\s+|a\s+)?([\w.+-]*\w)", re.I
)
KIND = re.compile(
    r"([\w.+-]*\w)\s+(?:command|program|tool|utility|package|daemon|option|flag|module|script|configuration file)s?\b",
    re.IGNORECASE,
)
COMPOUND = re.compile(r"(?<![\w./-])[a-z]+(?:-[a-z]+)+(?![\w/])")
ENDS = frozenset('.!?:“"*')
EDGES = ".,;:!?…\"'”’»)]}"
MANY_WORDS = 4
SHARED = 0.6
"""A sentence with at least MANY_WORDS telling words shares this part of them with the sources, a shorter one half."""

COUNTS = {
    word: str(number)
    for number, word in [
        *enumerate("two three four five six seven eight nine ten eleven twelve".split(), 2),
        (15, "fifteen"), (20, "twenty"), (30, "thirty"), (40, "forty"), (50, "fifty"), (60, "sixty"), (70, "seventy"),
        (80, "eighty"), (90, "ninety"), (100, "hundred"), (1000, "thousand"),
    ]
}  # fmt: skip
"""Numbers as they are written out; "one" is too often a pronoun."""

OPENERS = frozenset(
    "a about above add additionally after again all allow also although always an and another any are as ask at avoid "
    "back based be because become before begin below between both but by can change check choose click close combine "
    "configure connect consider contact copy could create define delete depending describe disable do does done don't "
    "during each edit either else enable ensure enter even every example examine exit finally find first follow "
    "following for from further generally get give go have he help hence here how however i if in include including "
    "indeed insert inside install instead it its just keep last later launch let like list log look make many may "
    "maybe modify more moreover most move must my never new next no not note now of often ok on once one only open or "
    "other otherwise our out over perform perhaps please press provide put read refer remember remove rename repeat "
    "replace restart return review run save say search second see select send set several she should show simply since "
    "so some sometimes specify start still stop such sure take tell test that the their them then there therefore "
    "these they thing third this those though through thus to together too try turn two type under unless until up "
    "update upon use used user users using usually verify want was we welcome well were what whatever when whenever "
    "where whether which while who why will with within without would write yes yet you your".split()
)
"""Words that may begin a sentence with a capital without being a name."""
USUAL = frozenset(stem for opener in OPENERS for stem in words(opener))


@dataclass(frozen=True, slots=True)
class Ground:
    """The sources' text in the forms that claims are looked up in."""

    exact: str
    tokens: frozenset[str]
    stems: frozenset[str]
    numbers: frozenset[str] = field(default_factory=frozenset)

    def has_code(self, code: str) -> bool:
        """Whether a piece of code stands in the sources, not as a part of a longer word."""
        flat = " ".join(code.split())
        start = self.exact.find(flat)
        while start >= 0:
            before, after = self.exact[max(0, start - 2) : start], self.exact[start + len(flat) : start + len(flat) + 2]
            if not (_goes_on(before[::-1], flat[:1]) or _goes_on(after, flat[-1:])):
                return True
            start = self.exact.find(flat, start + 1)
        return not flat

    def has_word(self, word: str) -> bool:
        """Whether a name stands in the sources, in any case and number."""
        lowered = word.lower().replace("’", "'")
        plain = lowered.removesuffix("'s")
        if plain in self.tokens or lowered in self.tokens:
            return True
        if re.search(r"[.+-]", plain):
            return self.has_code(plain.replace("-", " "))
        stems = set(words(plain))
        return bool(stems) and stems <= self.stems


def _goes_on(beside: str, edge: str) -> bool:
    """Whether a word goes on past its edge: "apt" in "apt-get", "631" in "63100", but not "/etc" in "/etc/apt"."""
    if not edge.isalnum():
        return edge == "-" == beside[:1]
    return beside[:1].isalnum() or (beside[:1] in {"-", "_", "."} and beside[1:].isalnum())


def ground(texts: Sequence[str]) -> Ground:
    """The ground that some texts make together."""
    joined = "\n".join(texts)
    # Marks of Markdown are not part of what is said; a backslash before a line's end continues a command.
    flat = " ".join(joined.replace("`", " ").replace("\\\n", " ").split())
    exact = f"{' '.join(joined.replace('`', '').split())} \n {flat}"
    tokens = {token.lower() for token in NAME.findall(flat)}
    tokens |= {part for token in list(tokens) for part in re.split(r"[.'’/+-]", token) if part}
    return Ground(exact, frozenset(tokens), frozenset(words(flat)), frozenset(NUMBER.findall(flat)))


def unsupported(sentence: str, sources: Ground) -> list[str]:
    """The claims of a sentence that the sources do not hold. An empty list: it may be said."""
    text = LIST_MARK.sub("", MARK.sub("", sentence))
    missing = [code for code in _codes(text) if not sources.has_code(code)]
    text = CODE.sub(" ", text)
    missing += _addresses(text, sources)
    text = ADDRESS.sub(" ", text)
    missing += _tokens(text, sources)
    missing += [
        word for word in re.findall(r"[a-z]+", text.lower())
        if word in COUNTS and word not in sources.tokens and COUNTS[word] not in sources.numbers
    ]  # fmt: skip
    missing += [name for name in _names(text) if not sources.has_word(name)]
    missing += [name for name in _called(text) if not sources.has_word(name)]
    missing += [word for word in COMPOUND.findall(text) if not sources.has_word(word)]
    telling = set(words(text)) - USUAL
    share = SHARED if len(telling) >= MANY_WORDS else SHARED / 2
    if not missing and len(telling & sources.stems) < share * len(telling):
        return sorted(telling - sources.stems)
    return missing


def unknown(text: str, sources: Ground, *, names: bool = True) -> list[str]:
    """What a text states beyond the sources: numbers, addresses, technical words, and with `names` names too.

    Capitals at the beginning of a sentence or heading are no names here.
    """
    missing = _addresses(text, sources)
    for line in ADDRESS.sub(" ", text.replace("`", " ")).splitlines():
        plain = LIST_MARK.sub("", line).strip(" *_")
        missing += _tokens(plain, sources)
        if names:
            found = NAME.finditer(plain)
            inside = (match[0] for match in found if match.start() and plain[: match.start()].rstrip()[-1:] not in ENDS)
            missing += [name for name in inside if name[0].isupper() and name != "I" and not sources.has_word(name)]
    return list(dict.fromkeys(missing))


def unsupported_code(block: str, sources: Ground) -> list[str]:
    """The lines of a fenced block that the sources do not hold."""
    lines = (re.sub(r"^\s*(?:[$#>]\s)?\s*", "", line).rstrip() for line in block.splitlines())
    return [line for line in lines if line and not sources.has_code(line)]


def _addresses(text: str, sources: Ground) -> list[str]:
    return [address for address in ADDRESS.findall(text) if not sources.has_code(address.rstrip(EDGES))]


def _tokens(text: str, sources: Ground) -> list[str]:
    return [token for token in _technical(text) if not _stands(token, sources)]


def _codes(text: str) -> Iterator[str]:
    for match in CODE.finditer(text):
        yield re.sub(r"^[$#]\s+", "", match[2].strip())


def _technical(text: str) -> Iterator[str]:
    """Numbers, options, paths, file names, and words no plain text has: mixed case, digits inside, underscores."""
    for match in TOKEN.finditer(text):
        token = match[0].strip("*_").rstrip(EDGES).strip("*_")
        if not token:
            continue
        if NUMBER.fullmatch(token.strip("$€£%+±~<>=")):
            yield token.strip("$€£%+±~<>=")
        elif token.startswith("-") and len(token) > 1 and not token.strip("-–—").isdigit():
            if token.strip("-"):
                yield token
        elif re.search(r"[/\\_=@~$<>{}|^]|\d|\w\.\w|[a-z][A-Z]", token):
            yield token


def _stands(token: str, sources: Ground) -> bool:
    if NUMBER.fullmatch(token):
        return token in sources.numbers
    if sources.has_code(token):
        return True
    if "/" in token and not token.startswith(("/", "~", ".")) and not re.search(r"[\d_=@~$<>{}|^.\\]", token):
        return all(
            sources.has_word(part) or part.lower() in STOP or part.lower() in OPENERS for part in token.split("/")
        )
    return token.lower() in sources.tokens or token.lower() in sources.exact.lower().split()


def _names(text: str) -> Iterator[str]:
    """Words with a capital; one that begins the sentence counts unless it is a usual opener."""
    first = True
    for match in NAME.finditer(text):
        word = match[0]
        begins, first = first or text[: match.start()].rstrip().endswith((":", ".", "!", "?", "“", '"')), False
        if not word[0].isupper() or word.lower() in {"i", "i'm", "i’m"}:
            continue
        plain = word.lower().split("'")[0].split("’")[0]
        if begins and (plain in OPENERS or plain in STOP):
            continue
        if not re.search(r"\d", word):
            yield word


def _called(text: str) -> Iterator[str]:
    """Words used as the name of a command, package or the like."""
    for pattern in (ORDER, KIND):
        for match in pattern.finditer(text):
            word = match[1].lower()
            if word not in STOP and word not in OPENERS and not word.isdigit() and word not in PLAIN_KINDS:
                yield match[1]


PLAIN_KINDS = frozenset(
    "following appropriate right necessary required relevant same different corresponding corresponding specific "
    "single simple special standard main available certain given own various correct useful".split()
)
