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


@pytest.mark.parametrize("piece", [1, 5, 1000])
@pytest.mark.parametrize("by_sentence", [True, False])
def test_a_circle_is_the_end_of_it(piece: int, by_sentence: bool) -> None:
    once, circle = Once(whole=by_sentence), "The sun goes down. The moon comes up. Ha. "
    shown = run(once, f"{circle * 3}And then there is more.", piece).strip()
    assert shown == "The sun goes down. The moon comes up. Ha. Ha."
    assert once.ended


@pytest.mark.parametrize("piece", [1, 5, 1000])
@pytest.mark.parametrize("by_sentence", [True, False])
def test_a_chorus_and_a_second_list_of_the_same_steps_are_no_circle(piece: int, by_sentence: bool) -> None:
    chorus = "The sun goes down.\nThe moon comes up.\nThe owl wakes up.\nThe mouse hides well.\n"
    once = Once(whole=by_sentence)
    shown = run(once, f"A first verse here.\n{chorus}Another verse here.\n{chorus}And the last of them.", piece)
    assert shown.splitlines()[-2:] == ["Another verse here.", "And the last of them."]
    assert not once.ended


@pytest.mark.parametrize("piece", [1, 5, 1000])
def test_a_text_may_start_from_what_an_earlier_one_said(piece: int) -> None:
    earlier = "The sun goes down. The moon comes up. The owl wakes up. The mouse hides."
    once = Once(earlier, whole=False)
    assert run(once, f"{earlier} The fox is out.", piece).strip() == "The fox is out."
    assert not once.ended


@pytest.mark.parametrize("piece", [1, 5, 1000])
def test_a_line_that_is_left_out_leaves_no_gap(piece: int) -> None:
    text = (
        "You need:\n- a cup of water\n- some flour\n- a cup of water\n\n- a cup of water\n- a pan of iron\nThen bake.\n"
    )
    kept = "You need:\n- a cup of water\n- some flour\n\n- a pan of iron\nThen bake.\n"
    assert run(Once(whole=False), text, piece) == kept


@pytest.mark.parametrize("piece", [1, 4, 1000])
@pytest.mark.parametrize("by_sentence", [True, False])
@pytest.mark.parametrize("code", [CODE, CODE.partition("\n")[2], f"{CODE}\n\n😊\n\nYes."])
def test_code_may_repeat_itself(piece: int, by_sentence: bool, code: str) -> None:
    assert run(Once(whole=by_sentence), code, piece) == code


@pytest.mark.parametrize("text", ["😊", "+", "---\nThis is the end of it.", "😊\n\nHow are you today?"])
@pytest.mark.parametrize("by_sentence", [True, False])
def test_what_has_no_words_is_said_as_well(text: str, by_sentence: bool) -> None:
    assert run(Once(whole=by_sentence), text, 1) == text


@given(st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=10, unique=True), st.integers(1, 40))
def test_words_without_repetition_pass_as_they_are(letters: list[str], piece: int) -> None:
    text = " ".join(f"This one is about {letter}{letter} and no other." for letter in letters) + " Cut"
    assert run(Once(whole=False), text, piece) == text


def test_a_sieve_keeps_what_it_should_and_says_something_when_nothing_is_left() -> None:
    text = "It is 3. Good one. Another good one. Third one. cut"
    assert run(Sieve(lambda s: "3" not in s, most=2), text, 3).strip() == "Good one. Another good one."
    assert run(Sieve(lambda s: False, otherwise="Nothing."), text, 3) == "Nothing."
