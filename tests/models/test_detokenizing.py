"""Tokens to text: whole characters only, and nothing of a stop string."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.serving.detokenizing import HALF, Detokenizer


def decode(tokens: Sequence[int]) -> str:
    """A tokenizer of bytes."""
    return bytes(tokens).decode(errors="replace")


def pieces(text: str, *stop: str) -> list[str]:
    detokenizer = Detokenizer(decode, stop)
    found = []
    for token in text.encode():
        found.append(detokenizer.feed(token))
        if detokenizer.stopped:
            return found
    return [*found, detokenizer.end()]


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters=HALF)))
def test_every_piece_is_whole_characters_and_nothing_is_lost(text: str) -> None:
    found = pieces(text)
    assert "".join(found) == text
    assert all(HALF not in piece for piece in found)


def test_family_emoji_arrives_whole() -> None:
    assert [piece for piece in pieces("a👩‍👩‍👧b") if piece] == ["a", "👩", "\u200d", "👩", "\u200d", "👧", "b"]


def test_half_a_character_at_the_end_is_dropped() -> None:
    detokenizer = Detokenizer(decode, ())
    text = "".join(detokenizer.feed(token) for token in "é€".encode()[:-1])
    assert text + detokenizer.end() == "é"


@given(st.text("ab", max_size=30), st.lists(st.text("ab", min_size=1, max_size=4), max_size=3))
def test_text_ends_before_the_first_stop_string(text: str, stop: list[str]) -> None:
    """Whatever is streamed is what would have been cut from the whole text at the moment it first held a stop."""
    expected = text
    for length in range(len(text) + 1):
        at = [found for found in (text[:length].find(each) for each in stop) if found >= 0]
        if at:
            expected = text[: min(at)]
            break
    assert "".join(pieces(text, *stop)) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("one STO two STOP three", "one STO two "), ("ends in STO", "ends in STO")]
)
def test_stop_string_over_many_pieces(text: str, expected: str) -> None:
    assert "".join(pieces(text, "STOP")) == expected
