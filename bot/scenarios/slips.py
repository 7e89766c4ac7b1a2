"""Slips: English forms that are always wrong, such as "goed" and "childs", and what they should be."""

from __future__ import annotations

import re

_PAST = (
    "become became begin began bite bit blow blew break broke bring brought build built buy bought catch caught "
    "choose chose come came cut cut do did draw drew drink drank drive drove eat ate fall fell feel felt fight fought "
    "find found fly flew forget forgot get got give gave go went grow grew have had hear heard hide hid hit hit "
    "hold held keep kept know knew leave left lend lent lose lost make made mean meant meet met pay paid put put "
    "ride rode ring rang rise rose run ran say said see saw sell sold send sent sing sang sit sat sleep slept "
    "speak spoke spend spent stand stood steal stole swim swam take took teach taught tell told think thought "
    "throw threw understand understood wake woke wear wore win won write wrote"
).split()
_PLURAL = (
    "child children man men woman women foot feet tooth teeth mouse mice goose geese sheep sheep fish fish".split()
)
# These look like slips and are words, or need more of the sentence to tell.
_WORDS = frozenset("leaved ringed fished hided gooses grinded".split())


def _forms() -> dict[str, str]:
    forms = {}
    for base, past in zip(_PAST[::2], _PAST[1::2], strict=True):
        stem = base.removesuffix("e")
        forms[f"{stem}ed"] = past
        if re.fullmatch(r"[^aeiou]*[aeiou][^aeiouwy]", base):
            forms[f"{base}{base[-1]}ed"] = past
    for one, several in zip(_PLURAL[::2], _PLURAL[1::2], strict=True):
        forms[f"{one}s"] = forms[f"{several}s"] = several
    known = {*_PAST, *_PLURAL} | _WORDS
    return {wrong: right for wrong, right in forms.items() if wrong not in known}


FORMS = _forms()
_WORD = re.compile(r"[A-Za-z]+")


def mended(text: str) -> str:
    """`text` with its slips put right."""
    return _WORD.sub(lambda match: _like(match[0], FORMS.get(match[0].lower(), match[0])), text)


def _like(word: str, form: str) -> str:
    return form[0].upper() + form[1:] if word[0].isupper() else form
