"""Synonyms: words that may stand for each other in a question, and whether two questions ask the same by them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from bot.learning.clusters import ASKING, plain, telling

GROUPS: dict[str, tuple[str, ...]] = {
    "en": (
        "when<at what time|at what hour", "when does<what time does", "when do<what time do",
        "until when<until what time", "how can I|how do I|how could I", "in which town|in what town",
        "in which city|in what city", "on which day|on what day", "what's<what is", "who's<who is",
        "purchase<buy", "purchases<buys", "bought<purchased", "the price|the cost", "repair<fix", "remove<delete",
        "removed<deleted", "picture<photo", "phone number|telephone number", "e-mail|email", "firm<company",
        "clients<customers", "select<choose", "change<modify", "the warranty|the guarantee",
        "what warranty|what guarantee", "headquarters|head office|main office",
        "discount code|coupon code|voucher code", "workers<employees", "located|situated", "permitted|allowed",
        "holiday<vacation", "log in|sign in", "log out|sign out", "register<sign up",
        "am I allowed to|may I", "broken<defective",
    ),
    "de": (
        "wann<um wie viel uhr|zu welcher uhrzeit", "erwerben<kaufen", "erhalten<bekommen", "handy|mobiltelefon",
        "rabattcode|gutscheincode", "telefonnummer|rufnummer", "entfernen<löschen", "anfangen|beginnen",
        "käufer<kunden", "rechnung<abrechnung", "kaputt|defekt", "in welcher stadt|in welchem ort",
    ),
    "fr": (
        "quand<à quelle heure", "comment puis-je|comment est-ce que je peux", "se procurer<acheter",
        "obtenir<recevoir", "société<entreprise", "magasin|boutique", "code promo|code de réduction",
        "supprimer|effacer", "changer<modifier", "dans quelle ville|en quelle ville",
    ),
    "es": (
        "cuándo<a qué hora", "cómo puedo|de qué manera puedo", "adquirir<comprar", "empezar|comenzar",
        "obtener<recibir", "empresa<compañía", "eliminar<borrar", "cambiar<modificar", "móvil|celular", "coche<carro",
    ),
    "pt": (
        "quando<a que horas", "adquirir<comprar", "começar|iniciar", "obter<receber", "apagar<excluir",
        "mudar<alterar", "empresa<companhia",
    ),
    "it": (
        "quando<a che ora", "acquistare<comprare", "cominciare|iniziare", "ottenere<ricevere", "azienda<ditta",
        "cancellare<eliminare", "cambiare<modificare", "codice sconto|codice promozionale",
    ),
}  # fmt: skip
"""By language, phrases that keep a question's meaning. What stands behind "<" may be replaced by what stands before
it, and not the other way round: "when was it founded" is no "at what time", and a firm mattress no company's. A word
that is often another word as well ("get", "store", "bill", "fast") is in none."""

_NOT = re.compile(
    r"\b(?:not|no|never|without|except|cannot|nicht|kein\w*|nie|ohne|ne|pas|jamais|sans|nunca|sin|não|sem|non|mai|"
    r"senza)\b|n't\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?<=[\w,;] )[A-Z][\w'-]*|\b\w*\d[\w.,:-]*\b")
CAPITAL = frozenset({"de"})
"""Where a capital letter tells nothing of a name."""
EITHER = frozenset({"what", "which"})
"""Of these it matters little which one asks."""


def swapped(question: str, language: str) -> Iterator[str]:
    """The question with one phrase in the place of another that means the same, one at a time."""
    for group in _groups(language):
        found = next((one for one in group.pattern.finditer(question) if _is_plain(one, language)), None)
        for other in group.good if found is not None else ():
            if found is not None and other.casefold() != found[0].casefold():
                new = other[0].upper() + other[1:] if found[0][0].isupper() else other
                yield question[: found.start()] + new + question[found.end() :]


def asks_the_same(question: str, other: str, language: str) -> bool:
    """Whether `other` asks the same in other words: nothing told is lost or added, no name changes its place.

    Strict on purpose, as nobody looks at what passes: "closed" for "open" is a wrong lesson.
    """
    if plain(question) == plain(other) or _denials(question) != _denials(other):
        return False
    one, two = _unified(question, question, language), _unified(other, question, language)
    if language not in CAPITAL and _names(question) != _names(other):
        return False
    return _names(one) == _names(two) and _told(one) == _told(two)


def _is_plain(found: re.Match[str], language: str) -> bool:
    """Whether it is a phrase and no name: Bill Gates, the App Store, a GET request."""
    first = not re.search(r"\w", found.string[: found.start()])
    return language in CAPITAL or not found[0][:1].isupper() or (first and not found[0].isupper())


def _unified(text: str, question: str, language: str) -> str:
    """A text with one writing for all phrases that may stand in the place of what `question` says."""
    for group in _groups(language):
        said = {one[0].casefold() for one in group.pattern.finditer(question)}

        def writing(found: re.Match[str], group: _Group = group, said: set[str] = said) -> str:
            word = found[0].casefold()
            may = word in said or word in group.known
            return group.good[0] if may and _is_plain(found, language) else found[0]

        text = group.pattern.sub(writing, text)
    return text


def _told(text: str) -> frozenset[str]:
    """What a text tells. English words that ask are among it, but for what and which."""
    told = telling(text)
    return told - EITHER if told - ASKING else told


def _names(text: str) -> list[str]:
    """Names and numbers in their order; a word that begins the text is none."""
    return [name.casefold() for name in _NAME.findall(text)]


def _denials(text: str) -> int:
    return len(_NOT.findall(text))


@dataclass(frozen=True, slots=True)
class _Group:
    """Finds any phrase of a group; `good` are those that may take its place, the first stands for all."""

    pattern: re.Pattern[str]
    good: tuple[str, ...]
    known: frozenset[str]
    """The good ones in small letters."""


@lru_cache
def _groups(language: str) -> tuple[_Group, ...]:
    made = []
    for group in GROUPS.get(language, ()):
        good, _, others = group.partition("<")
        phrases = sorted([*good.split("|"), *filter(None, others.split("|"))], key=len, reverse=True)
        pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, phrases))})(?!\w)", re.IGNORECASE)
        made.append(_Group(pattern, tuple(good.split("|")), frozenset(good.casefold().split("|"))))
    return tuple(made)
