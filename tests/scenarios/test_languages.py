"""Languages: names in, languages out."""

import pytest

from bot.errors import UserError
from bot.scenarios import languages


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("French", "fr"), ("fr", "fr"), ("français", "fr"), ("francais", "fr"), (" FRENCH ", "fr"), ("fr-FR", "fr"),
        ("Französisch", "fr"), ("フランス語", "fr"), ("法语", "fr"), ("zh", "zh"), ("Chinese", "zh"), ("中文", "zh"),
        ("zh-TW", "zh-Hant"), ("Traditional Chinese", "zh-Hant"), ("pt-BR", "pt-BR"), ("pt_br", "pt-BR"),
        ("Brazilian Portuguese", "pt-BR"), ("en-US", "en"), ("🇫🇷", "fr"), ("🇧🇷", "pt-BR"), ("🇯🇵", "ja"),
        ("🇩🇪", "de"), ("🇬🇧", "en"), ("🇰🇷", "ko"), ("Norwegian", "nb"), ("norsk", "nb"), ("es-419", "es-419"),
        ("한국어", "ko"), ("ไทย", "th"), ("हिन्दी", "hi"),
    ],
)  # fmt: skip
def test_resolves_what_people_write(words: str, code: str) -> None:
    assert languages.resolve(words).code == code


def test_knows_every_language_by_its_code_its_name_and_its_own_name() -> None:
    for code, own in languages.OWN_NAMES.items():
        found = languages.language(code)
        assert languages.resolve(code) == found
        assert languages.resolve(found.name) == found
        assert languages.resolve(own) == found


def test_the_readers_own_words_count() -> None:
    assert languages.resolve("engelska", locale="sv-SE").code == "en"


@pytest.mark.parametrize("words", ["Klingon-ish", "Klingon", "xx", "french toast", "🍞", "en-zzz", "", "fr" * 200])
def test_unknown_languages_get_one_helpful_sentence(words: str) -> None:
    with pytest.raises(UserError) as caught:
        languages.resolve(words)
    assert caught.value.words.startswith("I know no language “")
    assert len(caught.value.words) < 160


def test_a_misspelt_language_is_offered() -> None:
    with pytest.raises(UserError, match="Did you mean French"):
        languages.resolve("Frensh")


def test_suggestions_are_in_the_readers_language_and_resolve() -> None:
    german = languages.suggest("fran", "de")
    assert german[0].label == "Französisch · français"
    assert languages.resolve(german[0].value).code == "fr"
    assert languages.suggest("", "en")[0].label == "English"
    for locale in ("en", "zh-CN", "ja", "xx-YY", ""):
        every = languages.suggest("", locale)
        assert len(every) == 25
        assert all(languages.resolve(choice.value) for choice in every)
    assert languages.suggest("qqqq", "en") == []


def test_locales_have_a_language() -> None:
    assert languages.of_locale("zh-CN").code == "zh"
    assert languages.of_locale("pt-BR").code == "pt-BR"
    assert languages.of_locale("en-GB").code == "en"
    assert languages.of_locale("xx").code == "en"
