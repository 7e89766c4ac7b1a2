"""Redaction: nothing that was planted stays, and ordinary sentences stay as they are."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from bot.learning.redaction import redact
from tests.learning.planted import ORDINARY, planted

SHARED = Path(__file__).parents[3] / "shared" / "data"


def test_of_two_hundred_planted_things_none_stays() -> None:
    pairs = planted()
    assert len(pairs) >= 200
    left = []
    for thing, text in pairs:
        clean = redact(text)
        rest = clean.text
        digits = re.sub(r"\D", "", thing)
        telling = thing in rest or (len(digits) >= 8 and digits in re.sub(r"\D", "", rest)) or not clean.kinds
        if telling:
            left.append((thing, rest))
    assert left == []


@pytest.mark.parametrize("sentence", ORDINARY)
def test_an_ordinary_sentence_stays(sentence: str) -> None:
    assert redact(sentence).text == sentence


def test_sentences_of_manuals_and_news_stay() -> None:
    if not SHARED.exists():
        pytest.skip("the folder ../shared is not here")
    sentences = []
    for name, keys in {"headlines": ("summary", "headline"), "translation_train_fr": ("src", "ref")}.items():
        for line in (SHARED / f"{name}.jsonl").read_text().splitlines():
            row = json.loads(line)
            sentences += [row[key] for key in keys]
    assert len(sentences) > 500
    changed = [sentence for sentence in sentences if redact(sentence).kinds]
    assert len(changed) <= 2 * len(sentences) / 500


def test_what_is_left_can_still_be_read() -> None:
    clean = redact(
        "Write to ann@example.org or call +49 170 1234567, "
        "see https://example.org/help?id=7 (IBAN DE89370400440532013000)."
    )
    assert clean.text == "Write to [email] or call [phone], see https://example.org/help (IBAN [iban])."
    assert clean.kinds == ("link", "email", "iban", "phone")


def test_a_long_text_is_read_in_time() -> None:
    for piece in ("a", "1 ", "a@", "0", "a.b", "::", "x:y ", "token ", "a ( "):
        begun = time.process_time()
        redact(piece * (50_000 // len(piece)))
        assert time.process_time() - begun < 2.0, piece
