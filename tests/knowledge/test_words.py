"""Words: what the lexical side takes for the same."""

from __future__ import annotations

import pytest

from bot.knowledge.words import is_slip, words


@pytest.mark.parametrize(
    ("one", "other"),
    [("installing packages", "installed package"), ("copies", "copy"), ("Configuration", "configurations")],
)
def test_forms_of_a_word_are_one(one: str, other: str) -> None:
    assert words(one) == words(other)


def test_words_that_say_nothing_are_left_out() -> None:
    assert words("How do I get the thing? I'd like it.") == []


def test_names_of_commands_stay() -> None:
    assert words("apt-get, c++ and g++") == ["apt", "c++", "g++"]


def test_scripts_without_spaces_are_compared_by_pairs() -> None:
    assert set(words("重启服务器")) & set(words("服务器怎么重启")) == {"重启", "服务", "务器"}


@pytest.mark.parametrize("typed", ["bandwith", "bandwidht", "bandwiddth", "bandwodth"])
def test_a_slip_of_one_letter_is_seen(typed: str) -> None:
    assert is_slip(typed, "bandwidth")


@pytest.mark.parametrize("typed", ["bandwidth", "bandwi", "broadwidth", "bondwodth"])
def test_more_than_that_is_another_word(typed: str) -> None:
    assert not is_slip(typed, "bandwidth")
