"""Languages: from what a person calls one to its code and its names, and back."""

from __future__ import annotations

import difflib
import functools
import unicodedata
from dataclasses import dataclass

import babel
from babel.core import get_global

from bot.commands import Choice
from bot.errors import UserError

# The own names stand here, as Babel would load 70 MB of locales to tell them.
OWN_NAMES = {
    "en": "English", "zh": "中文", "es": "español", "fr": "français", "de": "Deutsch", "ja": "日本語",
    "pt": "português", "pt-BR": "português brasileiro", "it": "italiano", "ru": "русский", "ko": "한국어",
    "ar": "العربية", "hi": "हिन्दी", "tr": "Türkçe", "nl": "Nederlands", "pl": "polski", "uk": "українська",
    "vi": "Tiếng Việt", "id": "Bahasa Indonesia", "sv": "svenska", "cs": "čeština", "zh-Hant": "繁體中文",
    "es-419": "español latinoamericano", "da": "dansk", "nb": "norsk bokmål", "fi": "suomi", "el": "Ελληνικά",
    "he": "עברית", "hu": "magyar", "ro": "română", "bg": "български", "hr": "hrvatski", "sr": "српски",
    "sk": "slovenčina", "sl": "slovenščina", "et": "eesti", "lv": "latviešu", "lt": "lietuvių", "ca": "català",
    "eu": "euskara", "gl": "galego", "cy": "Cymraeg", "ga": "Gaeilge", "is": "íslenska", "mt": "Malti",
    "sq": "shqip", "mk": "македонски", "bs": "bosanski", "be": "беларуская", "ka": "ქართული", "hy": "հայերեն",
    "az": "azərbaycan", "kk": "қазақ тілі", "uz": "o‘zbek", "mn": "монгол", "fa": "فارسی", "ur": "اردو",
    "bn": "বাংলা", "pa": "ਪੰਜਾਬੀ", "gu": "ગુજરાતી", "mr": "मराठी", "ta": "தமிழ்", "te": "తెలుగు", "kn": "ಕನ್ನಡ",
    "ml": "മലയാളം", "si": "සිංහල", "ne": "नेपाली", "th": "ไทย", "lo": "ລາວ", "km": "ខ្មែរ", "ms": "Bahasa Melayu",
    "fil": "Filipino", "sw": "Kiswahili", "zu": "isiZulu", "af": "Afrikaans",
}  # fmt: skip
"""Every language that can be asked for, the most asked for first."""

ENGLISH_NAMES = {"zh-Hant": "Traditional Chinese"}
ALIASES = {
    "zh-cn": "zh", "zh-hans": "zh", "zh-sg": "zh", "zh-tw": "zh-Hant", "zh-hk": "zh-Hant", "zh-mo": "zh-Hant",
    "no": "nb", "nn": "nb", "norwegian": "nb", "norsk": "nb", "tl": "fil", "tagalog": "fil", "iw": "he", "in": "id",
    "mandarin": "zh", "simplified chinese": "zh", "cantonese": "zh-Hant", "汉语": "zh", "简体中文": "zh",
    "繁体中文": "zh-Hant", "farsi": "fa", "brazilian": "pt-BR",
    "portugues brasileiro": "pt-BR", "castilian": "es", "castellano": "es",
    "bahasa": "id", "flemish": "nl", "vlaams": "nl", "ua": "uk",
    "cz": "cs", "jp": "ja", "kr": "ko", "cn": "zh", "gr": "el",
}  # fmt: skip
# Flags whose country Babel would give another language than people mean by them.
FLAGS = {
    "GB": "en",
    "US": "en",
    "IN": "hi",
    "BR": "pt-BR",
    "TW": "zh-Hant",
    "HK": "zh-Hant",
    "MX": "es-419",
    "CA": "en",
}
# A person may well write the name in a language that is not the one their client runs in.
NAMING_LOCALES = ("fr", "es", "de", "pt", "it", "ja", "zh")
MOST_SUGGESTED = 25


@dataclass(frozen=True, slots=True)
class Language:
    """`code` as in OWN_NAMES, `name` in English, `own` as its speakers call it."""

    code: str
    name: str
    own: str

    @property
    def root(self) -> str:
        """The code without region or script: "pt" of "pt-BR"."""
        return self.code.partition("-")[0]


def resolve(words: str, locale: str = "en") -> Language:
    """The language that `words` means: a code, a name in any usual language, a flag. Raises UserError."""
    found = find(words, locale)
    if found is None:
        near = difflib.get_close_matches(_fold(words), list(_names("en")), n=3, cutoff=0.5)
        named = list(dict.fromkeys(language(_names("en")[name]).name for name in near))
        hint = f"Did you mean {' or '.join(named)}?" if named else "Name one such as French, Japanese or pt-BR."
        raise UserError(f"I know no language “{_short(words)}”. {hint}")
    return found


def find(words: str, locale: str = "en") -> Language | None:
    """`resolve` without the error."""
    key = _fold(words)
    if not key:
        return None
    code = _of_flag(words.strip()) or _of_code(key)
    if code is None:
        for named_in in dict.fromkeys(("en", _locale(locale), *NAMING_LOCALES)):
            code = _names(named_in).get(key)
            if code is not None:
                break
    return language(code) if code is not None else None


def of_locale(locale: str) -> Language:
    """The language of a reader's locale; English where it is none we know."""
    code = _of_code(_fold(locale)) or _of_code(_fold(locale).partition("-")[0]) or "en"
    return language(code)


@functools.cache
def language(code: str) -> Language:
    """The language of a code in OWN_NAMES."""
    english = babel.Locale.parse("en").languages
    return Language(code, ENGLISH_NAMES.get(code) or str(english[code.replace("-", "_")]), OWN_NAMES[code])


def suggest(typed: str, locale: str) -> list[Choice]:
    """Up to 25 languages that what is typed may become, named in the reader's language."""
    key, reader = _fold(typed), _locale(locale)
    chosen: dict[str, Choice] = {}
    for starts in (True, False):
        for code in OWN_NAMES:
            shown = _name_in(reader, code)
            names = [_fold(name) for name in (code, shown, language(code).name, OWN_NAMES[code])]
            if any(name.startswith(key) if starts else key in name for name in names):
                label = shown if _fold(shown) == _fold(OWN_NAMES[code]) else f"{shown} · {OWN_NAMES[code]}"
                chosen.setdefault(code, Choice(language(code).name, label))
    return list(chosen.values())[:MOST_SUGGESTED]


@functools.lru_cache(maxsize=12)  # a locale's names cost about a megabyte
def _names(locale: str) -> dict[str, str]:
    """Folded name to code: names in `locale`, own names, aliases."""
    names = {_fold(alias): code for alias, code in ALIASES.items()}
    for code in OWN_NAMES:
        for name in (OWN_NAMES[code], _name_in(locale, code), language(code).name):
            names.setdefault(_fold(name), code)
    return names


def _name_in(locale: str, code: str) -> str:
    names = babel.Locale.parse(locale, sep="-").languages
    return str(names.get(code.replace("-", "_")) or language(code).name)


def _locale(locale: str) -> str:
    """The locale whose names of languages a reader gets: one of our own languages, else English."""
    root = _fold(locale).partition("-")[0]
    return root if root in OWN_NAMES else "en"


def _of_code(key: str) -> str | None:
    if key in ALIASES:
        return ALIASES[key]
    known = {code.lower(): code for code in OWN_NAMES}
    if key in known:
        return known[key]
    root, dash, region = key.partition("-")
    is_region = dash and len(region) == 2 and region.upper() in _territories()
    return known.get(root) if is_region else None


@functools.cache
def _territories() -> frozenset[str]:
    return frozenset(str(code) for code in babel.Locale.parse("en").territories)


def _of_flag(words: str) -> str | None:
    """The language of a flag: two regional indicators are a country, whose likely language is meant."""
    letters = [chr(ord(character) - 0x1F1E6 + ord("A")) for character in words if 0 <= ord(character) - 0x1F1E6 < 26]
    if len(letters) != 2 or len(words) != 2:
        return None
    country = "".join(letters)
    likely = str(get_global("likely_subtags").get(f"und_{country}", "")).partition("_")[0]
    return FLAGS.get(country) or _of_code(likely)


def _fold(words: str) -> str:
    """Words as names are compared: no capitals, no accents on Latin letters, one kind of dash."""
    plain = unicodedata.normalize("NFKD", words.strip().casefold().replace("_", "-"))
    bare = "".join(character for character in plain if not ("\u0300" <= character <= "\u036f"))
    return " ".join(unicodedata.normalize("NFC", bare).split())


def _short(words: str) -> str:
    flat = " ".join(words.split())
    return flat if len(flat) <= 40 else flat[:39] + "…"
