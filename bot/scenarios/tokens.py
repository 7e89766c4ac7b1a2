"""Tokens: what inside a line must not reach a model as words: mentions, links, code, emoji, markers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.scenarios.glossary import Term, fold

Kind = Literal["loose", "bound", "term", "open", "close"]
"""`loose` stands by itself (mention, emoji, link), `bound` is part of a sentence (code, template), a `term` is of
the glossary; `open` and `close` are a pair around words: emphasis, a link's label."""

CODE = re.compile(r"(?<!`)(`{1,2})(?!`)[^\n]+?(?<!`)\1(?!`)")
LINK = re.compile(
    r"(?P<open>\[)(?P<label>(?:[^\[\]\n]|\[[^\[\]\n]*\])+)"
    r"(?P<close>\]\([^()\s]+(?:\([^()\s]*\)[^()\s]*)?(?:[ ]+\"[^\"\n]*\")?\))"
    r"|(?P<slack>(?:<(?:https?://|mailto:)[^|<>\s]+\|))(?P<shown>[^<>\n]+)(?P<end>>)"
)
# A link ends before what closes a sentence or a marker around it; brackets in it are balanced.
_NO_ADDRESS = r"\s<>\"`()\u3000-\u303f\uff00-\uffef"
_ADDRESS = (
    rf"(?:[^{_NO_ADDRESS}]|\([^{_NO_ADDRESS}]*\))*"
    rf"(?:[^{_NO_ADDRESS}.,;:!?'\[\]{{}}*_~|»”’…]|\([^{_NO_ADDRESS}]*\))"
)
LOOSE = re.compile(
    r"!\[[^\[\]\n]*\]\([^()\s]+\)"  # an image
    r"|<(?:[@#!]|a?:|/|t:|id:|subteam)[^<>\n]+>"  # mentions, custom emoji, times, commands
    r"|<(?:https?://|mailto:)[^<>\s]+>"
    r"|\b(?:https?://|www\.|discord\.gg/)" + _ADDRESS + r"|(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|(?<![\w@.])@[A-Za-z0-9_][\w-]*|@(?:everyone|here|channel)"
    r"|(?<![\w:]):(?=[\w+'-]*[a-z])[\w+'-]+:(?:skin-tone-\d:)?(?!\w)"
    r"|(?:[\U0001F1E6-\U0001F1FF]{2}|[\u2600-\u27bf\u2b50\u2b55\U0001F300-\U0001FAFF]"
    r"(?:[\ufe0f\u20e3\U0001F3FB-\U0001F3FF]|\u200d[\u2600-\u27bf\U0001F300-\U0001FAFF])*)+"
)
BOUND = re.compile(
    r"\{\{[^{}\n]{1,60}\}\}|\$\{[^{}\n]{1,60}\}|\{[\w.:]{0,40}\}"  # templates
    r"|%\(\w+\)[sdif]|(?<![\d%])%(?:\d+\$)?[sdif]\b|\$[A-Z_]{2,}\b"
    r"|</?[A-Za-z][^<>\n]{0,100}>"
    r"|\[\d{1,3}\]|</?\d{1,3}>"  # what looks like our own stand-ins
)
MARKERS = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?<!\*)(?P<open>\*\*)(?=[^\s])(?P<inner>.+?)(?<=\S)(?P<close>\*\*)(?!\*)",
        r"(?<![\w_])(?P<open>__)(?=[^\s])(?P<inner>.+?)(?<=\S)(?P<close>__)(?![\w_])",
        r"(?P<open>~~)(?=[^\s])(?P<inner>.+?)(?<=\S)(?P<close>~~)(?!~)",
        r"(?P<open>\|\|)(?P<inner>.+?)(?P<close>\|\|)(?!\|)",
        r"(?<![\w*])(?P<open>\*)(?=[^\s*])(?P<inner>.+?)(?<=[^\s*])(?P<close>\*)(?![\w*])",
        r"(?<![\w_])(?P<open>_)(?=[^\s_])(?P<inner>.+?)(?<=[^\s_])(?P<close>_)(?![\w_])",
        r"(?<![\w~])(?P<open>~)(?=[^\s~])(?P<inner>.+?)(?<=[^\s~])(?P<close>~)(?![\w~])",
    )
)
MARKER = re.compile(r"\*\*|__|~~|\|\||\*|_|~")
_STRAY = re.compile(r"\*\*|__|~~|\|\||\*|_|~|\]\(")
EMPHASIS = ("**", "__", "~~", "||", "*", "_", "~")
LETTER = re.compile(r"[^\W\d_]")
_TAKEN = "\ue000"


@dataclass(frozen=True, slots=True)
class Token:
    """A stretch of a line that is kept: `text` as it stands there, `becomes` as it stands in the answer.

    `pair` joins an opening token to its closing one.
    """

    start: int
    end: int
    kind: Kind
    text: str
    becomes: str
    pair: int = -1

    @property
    def around(self) -> bool:
        return self.kind in ("open", "close")


def tokens(line: str, terms: Sequence[Term] = ()) -> list[Token]:
    """The tokens of one line, in order, none overlapping another; pairs are properly nested."""
    found: list[Token] = []
    shadow = line  # `line` with what is taken painted over

    def take(kind: Kind, start: int, end: int, becomes: str | None = None, pair: int = -1) -> None:
        nonlocal shadow
        found.append(Token(start, end, kind, line[start:end], line[start:end] if becomes is None else becomes, pair))
        shadow = shadow[:start] + _TAKEN * (end - start) + shadow[end:]

    for match in CODE.finditer(shadow):
        take("bound", *match.span())
    for pair, match in enumerate(LINK.finditer(shadow)):
        opening, label, closing = ("open", "label", "close") if match["open"] else ("slack", "shown", "end")
        if match.start() and line[match.start() - 1] == "!":
            continue  # an image, taken whole below
        if LETTER.search(LOOSE.sub("", match[label])):
            take("open", *match.span(opening), pair=pair)
            take("close", *match.span(closing), pair=pair)
        else:
            take("loose", *match.span())
    for match in LOOSE.finditer(shadow):
        take("loose", *match.span())
    for match in BOUND.finditer(shadow):
        take("bound", *match.span())
    for term, match in _terms(shadow, terms):
        take("term", *match.span(), becomes=term.translation or match[0])
    pair = len(line)
    for start, inner, last, end in list(_emphasis(shadow)):
        take("open", start, inner, pair=pair)
        take("close", last, end, pair=pair)
        pair += 1
    kept = _nested(line, sorted(found, key=lambda token: token.start))
    return sorted([*kept, *_stray(line, kept)], key=lambda token: token.start)


def _terms(shadow: str, terms: Sequence[Term]) -> Iterator[tuple[Term, re.Match[str]]]:
    if not terms:
        return
    named = {fold(term.term): term for term in terms}
    words = "|".join(re.escape(term).replace(r"\ ", r"\s+") for term in sorted(named, key=len, reverse=True))
    for match in re.finditer(rf"(?<!\w)(?:{words})(?!\w)", shadow, re.IGNORECASE):
        term = named.get(fold(match[0]))
        if term is not None:
            yield term, match


def _emphasis(shadow: str, offset: int = 0) -> Iterator[tuple[int, int, int, int]]:
    """Pairs of markers in `shadow`, as (start, inner start, inner end, end) behind `offset`, outer ones first."""
    start = 0
    while True:
        matches = [match for pattern in MARKERS if (match := pattern.search(shadow, start))]
        if not matches:
            return
        match = min(matches, key=lambda match: match.start())
        inner = match.start("inner")
        yield offset + match.start(), offset + inner, offset + match.end("inner"), offset + match.end()
        yield from _emphasis(match["inner"], offset + inner)
        start = match.end()


def _nested(line: str, found: list[Token]) -> list[Token]:
    """`found` without pairs that cross, and with pairs around no words of their own taken as one token."""
    crossing = _crossing(found)
    found = [token for token in found if token.pair not in crossing or not token.around]
    kept: list[Token] = []
    for token in found:
        kept.append(token)
        if token.kind != "close":
            continue
        first = next(index for index, other in enumerate(kept) if other.pair == token.pair and other.kind == "open")
        inner = kept[first + 1 : -1]
        words = bare(line, kept[first].end, token.start, inner)
        if not LETTER.search(words):
            start = kept[first].start
            kind: Kind = inner[0].kind if inner else "bound"
            becomes = _rewritten(line, start, token.end, kept[first:])
            kept[first:] = [Token(start, token.end, kind, line[start : token.end], becomes)]
    return kept


def _stray(line: str, kept: list[Token]) -> Iterator[Token]:
    """Markers that are no pair but would be taken for one."""
    used = {token.text for token in kept if token.around}
    shadow = line
    for token in kept:
        shadow = shadow[: token.start] + _TAKEN * (token.end - token.start) + shadow[token.end :]
    for match in _STRAY.finditer(shadow):
        if len(match[0]) > 1 or match[0] in used:
            yield Token(*match.span(), "bound", match[0], match[0])


def _crossing(found: list[Token]) -> set[int]:
    stack: list[int] = []
    crossing: set[int] = set()
    for token in found:
        if token.kind == "open":
            stack.append(token.pair)
        elif token.kind == "close" and token.pair in stack:
            if stack[-1] != token.pair:
                # The younger pair gives way: an emphasis begun inside a link and ended outside it.
                crossing.update(stack[stack.index(token.pair) + 1 :])
                del stack[stack.index(token.pair) + 1 :]
            stack.pop()
    return crossing | set(stack)


def bare(line: str, start: int, end: int, inner: Sequence[Token]) -> str:
    """`line[start:end]` without the tokens in it."""
    out = []
    for token in inner:
        out.append(line[start : token.start])
        start = token.end
    return "".join(out) + line[start:end]


def _rewritten(line: str, start: int, end: int, inner: Sequence[Token]) -> str:
    out = []
    for token in inner:
        out += [line[start : token.start], token.becomes]
        start = token.end
    return "".join(out) + line[start:end]


def pieces(source: str, found: Sequence[Token]) -> Iterator[str | Token]:
    """`source` as its words and tokens, in order."""
    start = 0
    for token in found:
        if token.start > start:
            yield source[start : token.start]
        yield token
        start = token.end
    if start < len(source):
        yield source[start:]


def stand_in(index: int, token: Token, found: Sequence[Token]) -> str:
    """What a model reads in a token's place. Emphasis stays: models know how to carry it over."""
    if token.kind == "term" and token.becomes == token.text:
        return token.text  # a name helps the sentence; that it comes back is checked
    if not token.around:
        return f"[{index + 1}]"
    if token.text in EMPHASIS:
        return token.text
    opening = next(number for number, other in enumerate(found) if other.pair == token.pair)
    return f"<{opening + 1}>" if token.kind == "open" else f"</{opening + 1}>"
