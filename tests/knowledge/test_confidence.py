"""Confidence: the right direction everywhere, and sane at the edges."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.knowledge.confidence import SURE, Evidence, confidence, weight_of_missing

PART = st.floats(0, 1)
COSINE = st.one_of(st.none(), st.floats(-1, 1.2))
SIZE = st.integers(0, 10**7)


@given(COSINE, PART, PART, SIZE)
def test_always_a_part_of_one(nearness: float | None, match: float, missing: float, vocabulary: int) -> None:
    assert 0 <= confidence(Evidence(nearness, match, missing, vocabulary)) <= 1


@given(st.floats(-1, 1), st.floats(0.01, 0.5), PART, SIZE)
def test_nearer_is_surer(nearness: float, more: float, missing: float, vocabulary: int) -> None:
    less = confidence(Evidence(nearness, 0.5, missing, vocabulary))
    assert confidence(Evidence(nearness + more, 0.5, missing, vocabulary)) >= less


@given(COSINE, st.floats(0, 0.5), SIZE)
def test_words_that_are_missing_make_it_less_sure(nearness: float | None, missing: float, vocabulary: int) -> None:
    known = confidence(Evidence(nearness, 0.5, missing, vocabulary))
    assert confidence(Evidence(nearness, 0.5, missing + 0.5, vocabulary)) <= known


def test_a_missing_word_tells_nothing_in_a_tiny_library_and_all_in_a_large_one() -> None:
    assert weight_of_missing(0) == weight_of_missing(200) == 0
    assert 0.9 < weight_of_missing(8000) < 1.1
    assert weight_of_missing(10**9) <= 1.2


def test_nothing_found_is_never_sure() -> None:
    for vocabulary in (10, 1000, 100_000):
        assert confidence(Evidence(None, 0.0, 1.0, vocabulary)) < SURE
        assert confidence(Evidence(0.1, 0.0, 1.0, vocabulary)) < SURE
