"""PDF: text by page and chapter, and the words for locked, photographed and broken ones."""

from __future__ import annotations

import contextlib

import pytest

from bot.errors import UserError
from bot.knowledge.reading import read
from tests.knowledge.files import pdf

PAGE = "Running head\nThe pump starts when the red button is pressed for three seconds.\nIt stops by itself."


def test_text_comes_with_its_page_and_title() -> None:
    found = read("pump.pdf", pdf(PAGE, title="Pump manual"))
    assert found.title == "Pump manual"
    assert "red button" in found.text
    assert found.blocks[0].headings == ("page 1",)


def test_the_outline_gives_chapters() -> None:
    found = read("pump.pdf", pdf(PAGE, PAGE, outline=True))
    assert {block.headings for block in found.blocks} == {("Chapter A", "page 1"), ("Chapter B", "page 2")}


def test_running_heads_are_left_out() -> None:
    pages = [f"Pump manual, page {number}\nChapter text number {'abcdef'[number]} is here." for number in range(5)]
    found = read("pump.pdf", pdf(*pages))
    assert "Pump manual" not in found.text
    assert "text number c" in found.text


def test_a_locked_one_is_told() -> None:
    with pytest.raises(UserError, match="locked with a password"):
        read("pump.pdf", pdf(PAGE, password="secret"))


def test_a_photographed_one_is_told() -> None:
    with pytest.raises(UserError, match="pictures of pages and no text"):
        read("pump.pdf", pdf("", "", ""))


def test_no_broken_tail_raises_anything_else() -> None:
    whole = pdf(PAGE, title="Pump manual")
    for cut in range(5, len(whole), 97):
        with contextlib.suppress(UserError):
            read("pump.pdf", whole[:cut])
