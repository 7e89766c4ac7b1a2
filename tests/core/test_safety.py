"""Secrets never go out, in one piece or in many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.safety import MASK, SecretFilter, mask_secrets, readable, says_something

SECRETS = [
    "sk-proj-abcdefghijklmnop1234567890",
    "xox" + "b-123456789012-abcdefghijkl",
    "xapp-1-A0123456789-abcdef",
    "gh" + "p_abcdefghijklmnopqrstuvwxyz0123456789",
    "hf_abcdefghijklmnopqrstuvwxyz",
    "AKIA" + "IOSFODNN7EXAMPLE",
    "M" + "TIzNDU2Nzg5MDEyMzQ1Njc4" + ".GabcDe." + "abcdefghijklmnopqrstuvwxyz0123456789AB",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_masked(secret: str) -> None:
    assert mask_secrets(f"use {secret}, please") == f"use {MASK}, please"


@pytest.mark.parametrize("text", ["a skipped task-list", "the MNO network", "hf_ is a prefix", "sk-8 boards", "eyJ"])
def test_ordinary_words_stay(text: str) -> None:
    assert mask_secrets(text) == text


@given(
    words=st.lists(st.sampled_from([*SECRETS, "plain", "skating", "(note)", "My", "x" * 500, "\n"]), max_size=8),
    cuts=st.lists(st.integers(1, 12), min_size=1),
)
def test_a_stream_is_masked_like_the_whole(words: list[str], cuts: list[int]) -> None:
    text = " ".join(words)
    stream, out, at, turn = SecretFilter(), "", 0, 0
    while at < len(text):
        step = cuts[turn % len(cuts)]
        out += stream.feed(text[at : at + step])
        at, turn = at + step, turn + 1
    out += stream.end()
    assert out == mask_secrets(text)


def test_ordinary_text_is_not_held_back() -> None:
    stream = SecretFilter()
    assert stream.feed("The quick brown") == "The quick brown"


def test_what_nobody_can_read_is_taken_out() -> None:
    assert readable("a\x00b\x1b[2J\ud800c\x9b\td\r\n🙂\u200d\u202e") == "ab[2Jc\td\r\n🙂\u200d\u202e"


@pytest.mark.parametrize(("text", "something"), [("hi", True), ("🙂", True), ("。", True), (" \u200b\n\x00", False)])
def test_marks_of_no_width_say_nothing(text: str, something: bool) -> None:
    assert says_something(text) is something
