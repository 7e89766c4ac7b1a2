"""Synonyms: words that may stand for each other in a question, and whether two questions ask the same by them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from bot.learning.clusters import ASKING, plain, telling

GROUPS: dict[str, tuple[str, ...]] = {
    "en": (
        "when<at what time|what time|at what hour", "how can I|how do I|how could I", "in which town|in what town",
        "in which city|in what city", "on which day|on what day", "what's<what is", "who's<who is", "buy|purchase",
        "buys|purchases", "bought|purchased", "the price|the cost", "shut<close", "big|large", "quickly|fast",
        "repair|fix", "repaired|fixed", "delete|remove", "deleted|removed", "photo|picture",
        "phone number|telephone number", "e-mail|email", "company|firm", "shop|store", "parcel|package",
        "customers|clients", "choose|select", "receive|get", "modify|change", "the warranty|the guarantee",
        "what warranty|what guarantee", "headquarters|head office|main office",
        "discount code|coupon code|voucher code", "employees|workers", "located|situated", "permitted|allowed",
        "vacation|holiday", "log in|sign in", "log out|sign out", "sign up|register", "invoice|bill",
        "am I allowed to|may I", "broken|defective",
    ),
    "de": (
        "wann<um wie viel uhr|zu welcher uhrzeit", "kaufen|erwerben", "bekommen|erhalten", "handy|mobiltelefon",
        "rabattcode|gutscheincode", "telefonnummer|rufnummer", "löschen|entfernen", "anfangen|beginnen",
        "kunden|käufer", "rechnung|abrechnung", "kaputt|defekt", "in welcher stadt|in welchem ort",
    ),
    "fr": (
        "quand<à quelle heure", "comment puis-je|comment est-ce que je peux", "acheter|se procurer", "recevoir|obtenir",
        "entreprise|société", "magasin|boutique", "code promo|code de réduction", "supprimer|effacer",
        "modifier|changer", "dans quelle ville|en quelle ville",
    ),
    "es": (
        "cuándo<a qué hora", "cómo puedo|de qué manera puedo", "comprar|adquirir", "empezar|comenzar",
        "recibir|obtener", "empresa|compañía", "borrar|eliminar", "cambiar|modificar", "móvil|celular", "coche|carro",
    ),
    "pt": (
        "quando<a que horas", "comprar|adquirir", "começar|iniciar", "receber|obter", "apagar|excluir",
        "mudar|alterar", "empresa|companhia",
    ),
    "it": (
        "quando<a che ora", "comprare|acquistare", "cominciare|iniziare", "ricevere|ottenere", "azienda|ditta",
        "cancellare|eliminare", "cambiare|modificare", "codice sconto|codice promozionale",
    ),
}  # fmt: skip
"""By language, phrases that keep a question's meaning. What stands behind "<" may be replaced by what stands before
it, and not the other way round: "when was it founded" is no "at what time"."""

_NOT = re.compile(
    r"\b(?:not|no|never|without|except|cannot|nicht|kein\w*|nie|ohne|ne|pas|jamais|sans|nunca|sin|não|sem|non|mai|"
    r"senza)\b|n't\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?<=[\w,;] )[A-Z][\w'-]*|\b\w*\d[\w.,:-]*\b")
EITHER = frozenset({"what", "which"})
"""Of these it matters little which one asks."""


def swapped(question: str, language: str) -> Iterator[str]:
    """The question with one phrase in the place of another that means the same, one at a time."""
    for group in _groups(language):
        found = group.pattern.search(question)
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
    one, two = _unified(question, language), _unified(other, language)
    return _names(one) == _names(two) and _told(one) == _told(two)


def _unified(text: str, language: str) -> str:
    """A text with one writing for all synonyms."""
    for group in _groups(language):
        text = group.pattern.sub(group.good[0], text)
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


@lru_cache
def _groups(language: str) -> tuple[_Group, ...]:
    made = []
    for group in GROUPS.get(language, ()):
        good, _, others = group.partition("<")
        phrases = sorted([*good.split("|"), *filter(None, others.split("|"))], key=len, reverse=True)
        pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, phrases))})(?!\w)", re.IGNORECASE)
        made.append(_Group(pattern, tuple(good.split("|"))))
    return tuple(made)
