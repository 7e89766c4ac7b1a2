"""Sentences are cut where they end, and the filters let the good ones through however the stream is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.scenarios.sentences import Once, Sieve, split, whole
from bot.turn import Filter

CODE = "Like this:\n```py\nprint(x + 1, x)\nprint(x + 1, x)\n```\nThat is all of it."


def run(filter_: Filter, text: str, piece: int) -> str:
    return "".join(filter_.feed(text[at : at + piece]) for at in range(0, len(text), piece)) + filter_.end()


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("He is 3.5 m tall. Yes. “Go.” And", ["He is 3.5 m tall.", "Yes.", "“Go.”", "And"]),
        ("1. First thing.\n2. Second thing here.\n", ["1. First thing.", "2. Second thing here."]),
        ("J. R. Tolkien wrote it.", ["J. R. Tolkien wrote it."]),
        ("这是。好的！", ["这是。", "好的！"]),
    ],
)
def test_sentences_end_where_they_do(text: str, sentences: list[str]) -> None:
    assert split(text) == sentences


def test_a_sentence_that_was_cut_off_is_not_whole() -> None:
    assert whole("One is done. The other is") == ["One is done."]


@pytest.mark.parametrize("piece", [1, 3, 7, 1000])
@pytest.mark.parametrize("by_sentence", [True, False])
def test_what_was_said_is_not_said_again(piece: int, by_sentence: bool) -> None:
    text = "The sea is calm today. He walks along. The dog barks loudly. The dog barks loudly. The dog barks at him."
    passed = run(Once("The sea is calm today.", whole=by_sentence), text, piece)
    assert passed == "He walks along. The dog barks loudly. The dog barks at him."


@pytest.mark.parametrize("piece", [1, 4, 1000])
def test_code_may_repeat_itself(piece: int) -> None:
    assert run(Once(whole=False), CODE, piece) == CODE


@given(st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=10, unique=True), st.integers(1, 40))
def test_words_without_repetition_pass_as_they_are(letters: list[str], piece: int) -> None:
    text = " ".join(f"This one is about {letter}{letter} and no other." for letter in letters) + " Cut"
    assert run(Once(whole=False), text, piece) == text


def test_a_sieve_keeps_what_it_should_and_says_something_when_nothing_is_left() -> None:
    text = "It is 3. Good one. Another good one. Third one. cut"
    assert run(Sieve(lambda s: "3" not in s, most=2), text, 3).strip() == "Good one. Another good one."
    assert run(Sieve(lambda s: False, otherwise="Nothing."), text, 3) == "Nothing."
