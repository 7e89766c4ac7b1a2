"""Ages: what stories may be about where anybody reads along, and what a server wants left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from bot.errors import UserError
from bot.turn import Filter

ONLY_ADULTS = (
    "That is a story for adults, and this channel is open to all ages. Take it to a channel that Discord marks as "
    "age-restricted, or give me another theme."
)
NEVER = "I do not tell stories of that kind, anywhere."
LEFT_OUT = "This server leaves “{line}” out of its stories. Give me another theme."

_ADULT = re.compile(
    r"\b(?:sex(?:ual(?:ly)?|y)?|porn\w*|erotic\w*|erotik\w*|érotique\w*|erótic\w*|smut\w*|hentai|nsfw|fetish\w*|bdsm|"
    r"orgasm\w*|orgy|masturbat\w*|genitals?|penis|vagina|nudes?|strippers?|incest\w*|rap(?:e|ed|ing|ist)|gore|gory|"
    r"bestiality|necrophilia|lolicon|shotacon|sexo|sexe|sexuell\w*|vergewaltig\w*|viol[ée]e?s?)\b"
    r"|色情|情色|性爱|强奸|エロ|官能|アダルト|レイプ|成人向け",
    re.IGNORECASE,
)
_MINOR = re.compile(
    r"\b(?:child(?:ren)?|kids?|minors?|underage|toddler|bab(?:y|ies)|teen(?:ager?s?|s)?|pre-?teens?|loli\w*|shota\w*|"
    r"school ?(?:girl|boy)s?|little (?:girl|boy)s?|(?:[1-9]|1[0-7])[- ]years?[- ]olds?|kinder|enfants?|niñ[oa]s?)\b"
    r"|儿童|小孩|幼女|未成年|子供|少女",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?…。！？\n])(?=[^.!?…。！？\n”\"’)*])")
"""Where one sentence ends and the next begins; nothing is lost between."""

Keep = Callable[[str], bool]


def permit(words: Iterable[str], *, adult: bool, lines: Iterable[str] = ()) -> None:
    """Raises UserError for what may not be told. `adult`: all readers are known to be; `lines`: left out here."""
    text = " ".join(words)
    about = _ADULT.search(text)
    if about is not None and _MINOR.search(text):
        raise UserError(NEVER)
    if about is not None and not adult:
        raise UserError(ONLY_ADULTS)
    if (crossed := _crossed(text, lines)) is not None:
        raise UserError(LEFT_OUT.format(line=crossed))


def decent(inner: Filter, *, adult: bool, lines: Iterable[str] = ()) -> Filter:
    """`inner` without sentences that `permit` would not have asked for."""
    kept = tuple(lines)

    def keep(sentence: str) -> bool:
        allowed = adult or _ADULT.search(sentence) is None
        return allowed and _crossed(sentence, kept) is None

    return _Decent(inner, keep) if kept or not adult else inner


class _Decent:
    """Passes whole what the inner filter passes, sentence by sentence."""

    def __init__(self, inner: Filter, keep: Keep) -> None:
        self._inner = inner
        self._keep = keep
        self._held = ""

    def feed(self, delta: str) -> str:
        return self._passed(self._inner.feed(delta), last=False)

    def end(self) -> str:
        return self._passed(self._inner.end(), last=True)

    def _passed(self, text: str, *, last: bool) -> str:
        *whole, rest = _SENTENCE.split(self._held + text)
        self._held = "" if last else rest
        return "".join(part for part in ([*whole, rest] if last else whole) if self._keep(part))


def _crossed(text: str, lines: Iterable[str]) -> str | None:
    """The first of the lines that `text` crosses, whatever its ending: "spider" is in "Spiders"."""
    folded = text.casefold()
    return next((line for line in lines if re.search(rf"\b{re.escape(line.casefold())}", folded)), None)
