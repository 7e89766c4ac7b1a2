"""Language codes: names and codes lead to what each family of models calls a language."""

from __future__ import annotations

import pytest

from models.serving.language_codes import _index, english_name, tag

NLLB = ["ace_Arab", "arb_Arab", "eng_Latn", "fra_Latn", "jpn_Jpan", "nob_Latn", "pbt_Arab", "pes_Arab", "por_Latn",
        "srp_Cyrl", "swh_Latn", "tgl_Latn", "yue_Hant", "zho_Hans", "zho_Hant", "zsm_Latn"]  # fmt: skip
M2M = ["ar", "en", "fa", "fr", "ja", "no", "ps", "pt", "sr", "sw", "tl", "zh", "ms"]
MBART = ["ar_AR", "en_XX", "fr_XX", "ja_XX", "pt_XX", "zh_CN"]


@pytest.mark.parametrize(
    ("words", "nllb", "m2m"),
    [
        ("French", "fra_Latn", "fr"), ("fr", "fra_Latn", "fr"), ("fr-CA", "fra_Latn", "fr"), ("fra", "fra_Latn", "fr"),
        ("english", "eng_Latn", "en"), ("Japanese", "jpn_Jpan", "ja"), ("zh", "zho_Hans", "zh"),
        ("zh-TW", "zho_Hant", "zh"), ("zh-Hant", "zho_Hant", "zh"), ("Traditional Chinese", "zho_Hant", "zh"),
        ("Arabic", "arb_Arab", "ar"), ("fa", "pes_Arab", "fa"), ("nb", "nob_Latn", "no"), ("pt-BR", "por_Latn", "pt"),
        ("Swahili", "swh_Latn", "sw"), ("fil", "tgl_Latn", "tl"), ("ms", "zsm_Latn", "ms"),
        ("Pashto", "pbt_Arab", "ps"),
    ],
)  # fmt: skip
def test_a_language_is_found_by_any_of_its_names(words: str, nllb: str, m2m: str) -> None:
    for codes, code in ((NLLB, nllb), (M2M, m2m)):
        index, found = _index(codes), tag(words)
        assert found is not None
        assert (index.get(found) or index.get((found[0], ""))) == code


def test_codes_with_regions_are_read_too() -> None:
    index = _index(MBART)
    assert [index[found[0], ""] for words in ("fr", "Chinese", "ar") if (found := tag(words))] == [
        "fr_XX", "zh_CN", "ar_AR",
    ]  # fmt: skip


def test_what_is_no_language_is_not_taken_for_one() -> None:
    assert tag("") is None
    assert tag("Klingonese of the north") is None
    assert (english_name("de"), english_name("deu_Latn"), english_name("x y")) == ("German", "German", "x y")
