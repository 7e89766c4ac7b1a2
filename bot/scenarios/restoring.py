"""Restoring: a model's words with every token put back once, where the model put it or where it must have been."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.scenarios.tokens import EMPHASIS, LETTER, LOOSE, MARKER, Token, bare, pieces

Item = str | int
"""A stretch of words, or the index of a token."""

_STAND_IN = re.compile(r"[\[［【]\s*(?P<number>\d{1,3})\s*[\]］】]|<\s*(?P<slash>/?)\s*(?P<tag>\d{1,3})\s*/?\s*>")
# Scripts without spaces: every character is a word to put something beside.
_UNSPACED = r"\u0e00-\u0e7f\u2e80-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]+")
_SAFE = re.compile(rf"\s|[{_UNSPACED}](?=[{_UNSPACED}])")
_OPENERS = "([{<\"'«“‘¿¡*_~|（「『"


@dataclass(frozen=True, slots=True)
class Restored:
    """A segment as it comes out. `lost`: the tokens that the model dropped, all of them put back.

    `kept`: the model's words could not carry the tokens, so the source's words stand.
    """

    text: str
    lost: tuple[str, ...] = ()
    kept: bool = False


def restore(source: str, tokens: Sequence[Token], said: str) -> Restored:
    """`said` with stand-ins made tokens again: none lost, none twice, none invented."""
    original = Restored("".join(_written(piece) for piece in pieces(source, tokens)), kept=True)
    items = list(_read(source, tokens, said))
    if not LETTER.search("".join(item for item in items if isinstance(item, str))):
        return original
    structured = _structured(items, tokens)
    lost = [index for index, token in enumerate(tokens) if not token.around and index not in items]
    if structured is None:
        lost += [index for index, token in enumerate(tokens) if token.kind == "open"]
        placed = _with_pairs([item for item in items if not _is_pair(item, tokens)], source, tokens)
    else:
        placed = structured
    if placed is None:
        return original
    text = _joined(_with_lost(placed, source, tokens), tokens)
    if Counter(token.becomes for token in tokens if text.count(token.becomes) < _times(token, tokens)):
        return original
    return Restored(text, tuple(tokens[index].text for index in sorted(lost)))


def _written(piece: str | Token) -> str:
    return piece if isinstance(piece, str) else piece.becomes


def _times(token: Token, tokens: Sequence[Token]) -> int:
    return sum(token.becomes == other.becomes for other in tokens)


def _read(source: str, tokens: Sequence[Token], said: str) -> Iterator[Item]:
    """The words and tokens of a model's answer. Emphasis comes as negative numbers into EMPHASIS, resolved later."""
    words = bare(source, 0, len(source), tokens)
    said = " ".join(said.split()).replace("](", "] (")
    emphasis = {token.text for token in tokens if token.around}
    unused = {index: token for index, token in enumerate(tokens) if not token.around}
    start = 0
    for match in _scanner(tokens).finditer(said):
        yield _plain(said[start : match.start()])
        start = match.end()
        item = _item(match, tokens, unused)
        if item is not None:
            unused.pop(item, None)
            yield item
        elif match[0] in emphasis and match[0] in EMPHASIS:
            yield -1 - EMPHASIS.index(match[0])
        elif match[0] in ("*", "_", "~") and (match[0] in words or _inside_word(said, match)):
            yield match[0]
    yield _plain(said[start:])


def _inside_word(said: str, match: re.Match[str]) -> bool:
    return said[match.start() - 1 : match.start()].isalnum() and said[match.end() : match.end() + 1].isalnum()


def _plain(words: str) -> str:
    return words.replace("`", "")  # code comes in tokens only; a lone tick would swallow what follows


def _scanner(tokens: Sequence[Token]) -> re.Pattern[str]:
    exact = sorted({token.becomes for token in tokens if _is_exact(token)}, key=len, reverse=True)
    whole = [rf"(?<!\w){re.escape(text)}(?!\w)" if text[:1].isalnum() else re.escape(text) for text in exact]
    patterns = [*whole, _STAND_IN.pattern, LOOSE.pattern, MARKER.pattern]
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


def _is_exact(token: Token) -> bool:
    """Whether a token is known by its own text, too: not what looks like a stand-in, nor a marker."""
    return not token.around and not _STAND_IN.fullmatch(token.becomes) and not MARKER.fullmatch(token.becomes)


def _item(match: re.Match[str], tokens: Sequence[Token], unused: dict[int, Token]) -> int | None:
    for index, token in unused.items():
        if token.becomes == match[0] and _is_exact(token):
            return index
    if match["tag"] is not None:
        opening = int(match["tag"]) - 1
        if not 0 <= opening < len(tokens) or tokens[opening].kind != "open":
            return opening if opening in unused else None
        if not match["slash"]:
            return opening
        pair = tokens[opening].pair
        return next(index for index, token in enumerate(tokens) if token.pair == pair and token.kind == "close")
    if match["number"] is not None and int(match["number"]) - 1 in unused:
        return int(match["number"]) - 1
    return None


def _is_pair(item: Item, tokens: Sequence[Token]) -> bool:
    return isinstance(item, int) and (item < 0 or tokens[item].around)


def _structured(items: list[Item], tokens: Sequence[Token]) -> list[Item] | None:
    """`items` with emphasis resolved, None where the pairs are not what they were in the source."""
    out: list[Item] = []
    stack: list[int] = []
    wordy: list[bool] = []
    waiting = [index for index, token in enumerate(tokens) if token.kind == "open"]
    for item in items:
        if isinstance(item, str):
            if item.strip():
                wordy = [True] * len(wordy)
            out.append(item)
            continue
        if not _is_pair(item, tokens):
            out.append(item)
            continue
        marker = EMPHASIS[-1 - item] if item < 0 else ""
        top = tokens[stack[-1]] if stack else None
        closes = top is not None and (top.text == marker if item < 0 else tokens[item] == _closing(top, tokens))
        if closes:
            out.append(tokens.index(_closing(tokens[stack.pop()], tokens)))
            if not wordy.pop():
                return None
            continue
        opening = next((one for one in waiting if tokens[one].text == marker or one == item), None)
        if opening is None:
            return None
        waiting.remove(opening)
        stack.append(opening)
        wordy.append(False)
        out.append(opening)
    return None if stack or waiting else out


def _closing(opening: Token, tokens: Sequence[Token]) -> Token:
    return next(token for token in tokens if token.pair == opening.pair and token.kind == "close")


def _units(items: Sequence[Item]) -> list[Item]:
    """`items` with words cut apart, so that something can be put between them."""
    out: list[Item] = []
    for item in items:
        out.extend(re.findall(rf"{_WORD.pattern}|\s+", item) if isinstance(item, str) else [item])
    return out


def _is_word(unit: Item) -> bool:
    return isinstance(unit, str) and not unit.isspace()


def _words_before(source: str, tokens: Sequence[Token]) -> tuple[list[int], int]:
    """How many of the source's words stand before each token, and how many there are."""
    count, before = 0, []
    for piece in pieces(source, tokens):
        if isinstance(piece, str):
            count += len(_WORD.findall(piece))
        else:
            before.append(count)
    return before, count


def _with_pairs(items: list[Item], source: str, tokens: Sequence[Token]) -> list[Item] | None:
    """`items` with every pair put around the words that stand where its own stood; None where there are too few."""
    units = _units(items)
    before, total = _words_before(source, tokens)
    spans = _spread(tokens, before, range(len(tokens)), (0, total), (0, sum(map(_is_word, units))))
    if spans is None:
        return None
    out: list[Item] = []
    word = 0
    for unit in units:
        if _is_word(unit):
            out += [opening for opening, _, (start, _) in spans if start == word]
            out.append(unit)
            word += 1
            out += sorted(closing for _, closing, (_, end) in spans if end == word)
        else:
            out.append(unit)
    return out


def _spread(
    tokens: Sequence[Token], before: Sequence[int], indexes: range, source: tuple[int, int], room: tuple[int, int]
) -> list[tuple[int, int, tuple[int, int]]] | None:
    """Where the pairs among `indexes` go: (opening, closing, words from and to), each at least one word wide."""
    pairs: list[tuple[int, int]] = []
    for index in indexes:
        if tokens[index].kind == "open" and (not pairs or index > pairs[-1][1]):
            pairs.append((index, tokens.index(_closing(tokens[index], tokens))))
    out: list[tuple[int, int, tuple[int, int]]] = []
    low, high = room
    scale = (high - low) / max(source[1] - source[0], 1)
    cursor = low
    for number, (opening, closing) in enumerate(pairs):
        last = high - (len(pairs) - number - 1)
        start = min(max(cursor, low + round((before[opening] - source[0]) * scale)), last - 1)
        end = min(max(start + 1, low + round((before[closing] - source[0]) * scale)), last)
        if start < cursor:
            return None
        out.append((opening, closing, (start, end)))
        inner = _spread(tokens, before, range(opening + 1, closing), (before[opening], before[closing]), (start, end))
        if inner is None:
            return None
        out += inner
        cursor = end
    return out


def _with_lost(items: list[Item], source: str, tokens: Sequence[Token]) -> list[Item]:
    """`items` with the tokens that are missing put between the words where they stood."""
    missing = [index for index, token in enumerate(tokens) if not token.around and index not in items]
    if not missing:
        return items
    units = _units(items)
    before, total = _words_before(source, tokens)
    words = sum(map(_is_word, units))
    places = {index: round(before[index] * words / max(total, 1)) for index in missing}
    out: list[Item] = []
    word = 0
    for unit in units:
        if _is_word(unit):
            for index in missing:
                if places[index] == word:
                    out += [index, " "]
            word += 1
        out.append(unit)
    for index in missing:
        if places[index] >= word:
            out += [" ", index]
    return out


def _joined(items: Sequence[Item], tokens: Sequence[Token]) -> str:
    """The text, with a space wherever a token would run into what stands beside it."""
    out = ""
    behind: int | None = None  # the token that `out` ends with
    for number, item in enumerate(items):
        if isinstance(item, str):
            if behind is not None and item and not tokens[behind].around and item[0] == "(":
                out += " "
            if out.endswith(" ") or not out:
                item = item.lstrip(" ")
            out += item
            behind = behind if not item else None
            continue
        token = tokens[item]
        if token.kind == "open" and behind is not None and tokens[behind].kind == "close":
            out += "" if tokens[behind].end == token.start else " "
        if out and not out[-1].isspace() and not token.around:
            apart = behind is not None and not tokens[behind].around and tokens[behind].end != token.start
            if apart or (token.kind == "loose" and behind is None and out[-1] not in _OPENERS):
                out += " "
        out += token.becomes
        behind = item
        if token.kind == "loose" and _runs_on(items[number + 1 :], tokens):
            out += " "
    return out.strip()


def _runs_on(items: Sequence[Item], tokens: Sequence[Token]) -> bool:
    """Whether a word follows without a space: a link would swallow it."""
    for item in items:
        if isinstance(item, str):
            run = re.match(r"\S*", item)
            assert run is not None
            if re.search(r"\w", run[0]):
                return True
            if run.end() < len(item):
                return False
        elif not tokens[item].around:
            return False
    return False


class Restoring:
    """The filter of one segment: shows tokens for stand-ins as they come, and keeps what the model said."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._held = ""
        self._used: set[int] = set()
        self.said = ""

    def feed(self, delta: str) -> str:
        self.said += delta
        self._held += delta
        cut = max((match.end() for match in _SAFE.finditer(self._held)), default=0)
        ready, self._held = self._held[:cut], self._held[cut:]
        return self._shown(ready)

    def end(self) -> str:
        ready, self._held = self._held, ""
        return self._shown(ready).rstrip()

    def _shown(self, words: str) -> str:
        return _STAND_IN.sub(self._token, " ".join(re.split(r"\s+", words)).replace("`", ""))

    def _token(self, match: re.Match[str]) -> str:
        index = _item(match, self._tokens, dict(enumerate(self._tokens)))
        if index is None or index in self._used:
            return ""
        self._used.add(index)
        return self._tokens[index].becomes
