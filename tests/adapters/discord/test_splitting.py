"""Long text in pieces: whole, in order, and with every fence closed."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.discord.splitting import closed, length, split

PIECES = st.sampled_from(
    [
        "word ",
        "A sentence. ",
        "\n",
        "\n\n",
        "```python\nx = 1\n",
        "```\n",
        "```",
        "漢字",
        "😀",
        "| a | b |\n",
        "<@123> ",
    ]
)
TEXTS = st.lists(PIECES, max_size=400).map("".join)


def words(text: str) -> str:
    """What is left when fences and white space go."""
    return re.sub(r"`{3,}[^\n`]*|\s", "", text)


def fences(text: str) -> int:
    return sum(line.lstrip(" ").startswith("```") for line in text.splitlines())


def test_a_short_text_is_one_part() -> None:
    assert split("hello", 100) == ["hello"]
    assert split("", 100) == [""]


def test_cuts_are_at_paragraphs() -> None:
    assert split("a" * 60 + "\n\n" + "b" * 60, 100) == ["a" * 60, "b" * 60]


def test_a_fence_that_fits_is_never_cut() -> None:
    fence = "```python\n" + "x = 1\n" * 10 + "```"
    parts = split("a" * 60 + "\n" + fence + "\nafter", 100)
    assert parts == ["a" * 60, fence + "\nafter"]


def test_a_fence_that_is_too_long_goes_on_as_a_second_one() -> None:
    parts = split("```python\n" + "x = 1\n" * 40 + "```\nafter", 100)
    assert all(part.startswith("```python\n") for part in parts)
    assert all(part.rstrip().endswith("```") for part in parts[:-1])
    assert "".join(parts).count("x = 1") == 40


def test_a_word_without_end_is_cut_anyway() -> None:
    parts = split("x" * 1000, 100)
    assert "".join(parts) == "x" * 1000
    assert max(map(len, parts)) <= 100


def test_an_open_fence_is_closed_while_it_streams() -> None:
    assert closed("so:\n```python\nx = 1") == "so:\n```python\nx = 1\n```"
    assert closed("so:\n```\nx\n```") == "so:\n```\nx\n```"


@settings(max_examples=150)
@given(TEXTS)
def test_nothing_is_lost_and_every_part_fits(text: str) -> None:
    parts = split(text, 200)
    assert all(length(part) <= 220 for part in parts)
    assert "".join(map(words, parts)) == words(text)


@settings(max_examples=100)
@given(TEXTS, TEXTS)
def test_what_was_cut_stays_when_more_comes(text: str, more: str) -> None:
    before = split(text, 200)
    assert split(text + more, 200)[: len(before) - 1] == before[:-1]


def test_every_part_but_the_last_has_its_fences_in_pairs() -> None:
    text = "".join(f"para {n} " * 20 + f"\n\n```js\n{'let a = 1;' * 8}\n```\n\n" for n in range(30))
    for part in split(text, 500):
        assert fences(part) % 2 == 0
