"""Masking: a text cut into what a model may translate and what it must not touch, and put together again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.scenarios.glossary import Term
from bot.scenarios.restoring import Restored, Restoring, restore
from bot.scenarios.tokens import LETTER, Token, bare, pieces, stand_in, tokens

MOST_CHARACTERS = 320
"""A segment longer than this is cut between sentences: a small model loses the thread of more."""

_FENCE = re.compile(
    r"^[ \t>]*(`{3,}|~{3,})[^\n`]*\n(?:.*?^[ \t>]*\1[`~]*[ \t]*$|.*\Z)|(`{3,}).+?\2", re.MULTILINE | re.DOTALL
)
# What Markdown puts before a line's words: indents, quotes, headings, bullets, numbers, check boxes.
_PREFIX = re.compile(r"(?:\s+|>{1,3}|-?#{1,6}(?=\s)|[-*+•](?=\s)|\[[ xX]\](?=\s)|\d{1,3}[.)](?=\s))*")
_ROW = re.compile(r"\s*\|(?!\|).*(?<!\|)\|\s*")
_SENTENCE = re.compile(r"(?<=[.!?…])\s+(?=\S)|(?<=[。！？])(?=.)")
_LOOSE_LEAD = re.compile(r"[\s,:;–—-]*")


@dataclass(frozen=True, slots=True)
class Segment:
    """Words for a model. In `text` a token is a stand-in, [1], or <1> … </1> around a link's label."""

    source: str
    tokens: tuple[Token, ...]
    text: str

    def filter(self) -> Restoring:
        """What rewrites a model's answer while it streams."""
        return Restoring(self.tokens)

    def restore(self, said: str) -> Restored:
        return restore(self.source, self.tokens, said)


@dataclass(frozen=True, slots=True)
class Masked:
    """A text as its segments; `heads[i]` stands before segment i, `tail` behind the last one."""

    heads: tuple[str, ...]
    segments: tuple[Segment, ...]
    tail: str

    @property
    def words(self) -> str:
        """Only what people wrote, for telling the language."""
        return "\n".join(plain(segment) for segment in self.segments)

    def restore(self, said: Sequence[str]) -> tuple[str, tuple[Restored, ...]]:
        """The whole text from the model's answer to each segment, and how each one came out."""
        restored = tuple(segment.restore(text) for segment, text in zip(self.segments, said, strict=True))
        parts = [part for head, piece in zip(self.heads, restored, strict=True) for part in (head, piece.text)]
        return "".join(parts) + self.tail, restored


def plain(segment: Segment) -> str:
    """A segment's words without its tokens."""
    out, start = [], 0
    for token in segment.tokens:
        out.append(segment.source[start : token.start])
        out.append(token.text if token.kind == "term" else "")
        start = token.end
    return "".join(out) + segment.source[start:]


def mask(text: str, terms: Sequence[Term] = (), most: int = MOST_CHARACTERS) -> Masked:
    """Cut `text` into segments. No segment holds a line break, and what is between them is never seen by a model."""
    heads: list[str] = []
    segments: list[Segment] = []
    kept = ""
    for part in _parts(text, terms, most):
        if isinstance(part, str):
            kept += part
        else:
            heads.append(kept)
            segments.append(part)
            kept = ""
    return Masked(tuple(heads), tuple(segments), kept)


def _parts(text: str, terms: Sequence[Term], most: int) -> Iterator[str | Segment]:
    start = 0
    for fence in _FENCE.finditer(text):
        yield from _lines(text[start : fence.start()], terms, most)
        yield fence[0]
        start = fence.end()
    yield from _lines(text[start:], terms, most)


def _lines(text: str, terms: Sequence[Term], most: int) -> Iterator[str | Segment]:
    for line in text.splitlines(keepends=True):
        body = line.rstrip("\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029")
        end = line[len(body) :]
        if _ROW.fullmatch(body):
            for cell in re.split(r"(?<!\\)(\|)", body):
                yield from _line(cell, terms, most)
        else:
            yield from _line(body, terms, most)
        yield end


def _line(line: str, terms: Sequence[Term], most: int) -> Iterator[str | Segment]:
    prefix = _PREFIX.match(line)
    assert prefix is not None
    body = line[prefix.end() :]
    found = tokens(body, terms)
    start, end, found = _core(body, found)
    yield line[: prefix.end() + start]
    for cut_start, cut_end, inner in _sentences(body, start, end, found, most):
        yield from _segment(body[cut_start:cut_end], [_moved(token, -cut_start) for token in inner])
    yield body[end:]


def _core(body: str, found: list[Token]) -> tuple[int, int, list[Token]]:
    """Where the words of a line begin and end, without loose tokens and pairs that are around all of it."""
    start, end = 0, len(body.rstrip())
    while found:
        first, last = found[0], found[-1]
        if first.start == start and last.end == end and first.around and first.pair == last.pair:
            start, end, found = first.end, last.start, found[1:-1]
        elif first.kind == "loose" and not LETTER.search(body[start : first.start]):
            lead = _LOOSE_LEAD.match(body, first.end, end)
            start, found = lead.end() if lead else first.end, found[1:]
        elif last.kind == "loose" and not body[last.end : end].strip():
            end = len(body[: last.start].rstrip())
            found = found[:-1]
        else:
            break
    return start, max(start, end), found


def _sentences(
    body: str, start: int, end: int, found: list[Token], most: int
) -> Iterator[tuple[int, int, list[Token]]]:
    """Cut a long line between sentences, never inside a token or a pair."""
    begun = start
    for match in _SENTENCE.finditer(body, start, end):
        following = _SENTENCE.search(body, match.end(), end)
        reach = following.start() if following else end
        if reach - begun <= most or _open_at(found, match.start()):
            continue
        yield begun, match.start(), [token for token in found if begun <= token.start < match.start()]
        begun = match.start()
    if begun < end:
        yield begun, end, [token for token in found if begun <= token.start]


def _open_at(found: list[Token], place: int) -> bool:
    depth = 0
    for token in found:
        if token.start >= place:
            break
        if token.end > place:
            return True
        depth += {"open": 1, "close": -1}.get(token.kind, 0)
    return depth > 0


def _segment(source: str, found: list[Token]) -> Iterator[str | Segment]:
    core = source.strip()
    lead = source[: len(source) - len(source.lstrip())]
    found = [_moved(token, -len(lead)) for token in found]
    segment = Segment(core, tuple(found), _stood_in(core, found))
    yield lead
    if LETTER.search(bare(core, 0, len(core), found)):
        yield segment
    else:
        yield "".join(token.becomes if isinstance(token, Token) else token for token in pieces(core, found))
    yield source[len(lead) + len(core) :]


def _stood_in(source: str, found: list[Token]) -> str:
    out = []
    for piece in pieces(source, found):
        out.append(piece if isinstance(piece, str) else stand_in(found.index(piece), piece, found))
    return "".join(out)


def _moved(token: Token, by: int) -> Token:
    return Token(token.start + by, token.end + by, token.kind, token.text, token.becomes, token.pair)
