"""Language codes: from what the bot calls a language to what a translation model was taught to call it."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Any

from babel import Locale
from babel.core import get_global

MORE_ALIASES = {"no": "nb", "ns": "nso", "pbt": "ps", "quy": "qu"}
"""Codes that models use and that CLDR does not lead back to the usual one."""
CODE = re.compile(r"[a-z]{3}_[A-Z][a-z]{3}|[a-z]{2}_[A-Z]{2}")
"""As NLLB (fra_Latn) and mBART (fr_XX) write them."""
Tag = tuple[str, str]


class UnknownLanguage(ValueError):
    """The model was not taught this language, or was not told one."""


def tag(words: str) -> Tag | None:
    """Language and script of a code or of an English name: ("zh", "Hant") of zh-TW and of Traditional Chinese."""
    code = _names().get(words.strip().casefold(), words.strip())
    parts = re.split(r"[-_]", code)
    language = parts[0].lower()
    if not re.fullmatch(r"[a-z]{2,3}", language):
        return None
    language = get_global("language_aliases").get(language, language).partition("_")[0]
    language = MORE_ALIASES.get(language, language)
    script = next((part.title() for part in parts[1:] if re.fullmatch(r"[A-Za-z]{4}", part)), "")
    if not script:
        regions = (f"{language}_{part.upper()}" for part in parts[1:])
        likely = get_global("likely_subtags")
        full = next((likely[key] for key in (*regions, language) if key in likely), "")
        script = full.split("_")[1] if full else ""
    return language, script


def english_name(words: str) -> str:
    """The English name of a language, or the words themselves."""
    found = tag(words)
    name = Locale("en").languages.get(found[0]) if found else None
    return str(name or words)


class Languages:
    """The languages that a model's tokenizer tells apart, and how it wants to be told."""

    def __init__(self, tokenizer: Any, model_type: str) -> None:
        self._tokenizer = tokenizer
        self._prefixes = model_type in ("t5", "mt5", "umt5", "longt5", "switch_transformers")
        self._marked = {code.strip("><"): code for code in getattr(tokenizer, "supported_language_codes", [])}
        self._codes = _codes(tokenizer) if hasattr(tokenizer, "src_lang") else []
        self._by_tag = _index(self._codes or self._marked)
        self._pair = getattr(tokenizer, "source_lang", None), getattr(tokenizer, "target_lang", None)

    def encode(self, text: str, source: str, target: str) -> list[int]:
        """The tokens of `text`, marked as this model wants it. Raises UnknownLanguage."""
        if self._codes:
            self._code(target)  # it must be told, and early
            if source:
                self._tokenizer.src_lang = self._code(source)
        elif self._marked:
            text = f"{self._marked[self._code(target)]} {text}"
        elif self._prefixes and target:
            origin = f" {english_name(source)}" if source else ""
            text = f"translate{origin} to {english_name(target)}: {text}"
        else:
            self._check_pair(source, target)
        return list(self._tokenizer(text)["input_ids"])

    def first(self, target: str) -> int | None:
        """The token that an answer in the target language begins with, where the model wants one."""
        if not self._codes:
            return None
        code = self._code(target)
        ids = getattr(self._tokenizer, "lang_code_to_id", None) or {}
        return int(ids[code] if code in ids else self._tokenizer.convert_tokens_to_ids(code))

    def _code(self, words: str) -> str:
        if not words:
            raise UnknownLanguage("this model has to be told the target_language")
        if words in (self._codes or self._marked):
            return words
        found = tag(words)
        code = found and (self._by_tag.get(found) or self._by_tag.get((found[0], "")))
        if not code:
            raise UnknownLanguage(f"it knows no language {words!r}")
        return code

    def _check_pair(self, source: str, target: str) -> None:
        for asked, own in zip((source, target), self._pair, strict=True):
            wanted, found = tag(asked), tag(own or "")
            if wanted and found and wanted[0] != found[0]:
                raise UnknownLanguage(f"it translates from {self._pair[0]} to {self._pair[1]} only, not {asked}")


def _codes(tokenizer: Any) -> list[str]:
    listed = getattr(tokenizer, "lang_code_to_id", None)
    return list(listed) if listed else sorted(code for code in tokenizer.get_vocab() if CODE.fullmatch(code))


def _index(codes: Iterable[str]) -> dict[Tag, str]:
    """Codes by language and script, and by language alone: the one in its usual script."""
    index: dict[Tag, str] = {}
    for code in codes:
        found = tag(code)
        if found is None:
            continue
        index.setdefault(found, code)
        usual = tag(found[0])
        if found == usual or (found[0], "") not in index:
            index[found[0], ""] = index[found]
    return index


@functools.cache
def _names() -> dict[str, str]:
    return {name.casefold(): code for code, name in Locale("en").languages.items()}
