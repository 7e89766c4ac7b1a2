"""Passages: whole sentences and code, with offsets, covering everything."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.knowledge.document import Block, document
from bot.knowledge.encoding import pieces_of
from bot.knowledge.passages import passages, sentences

SENTENCE = st.lists(st.text("abcdef", min_size=1, max_size=8), min_size=1, max_size=30).map(
    lambda words: " ".join(words).capitalize() + "."
)
PROSE = st.lists(SENTENCE, min_size=1, max_size=6).map(" ".join).map(lambda text: Block("prose", text))
CODE = st.lists(st.text("xyz =", min_size=1, max_size=30), min_size=1, max_size=40).map(
    lambda lines: Block("code", "\n".join(lines))
)
BLOCKS = st.lists(st.one_of(PROSE, CODE), min_size=1, max_size=12)


@given(BLOCKS)
def test_nothing_is_lost_and_offsets_are_right(blocks: list[Block]) -> None:
    made = document("T", "t", blocks)
    found = passages(made, words=40, step=30)
    assert all(made.text[one.start : one.end] == one.text for one in found)
    covered = {at for one in found for at in range(one.start, one.end)}
    assert all(at in covered for at, sign in enumerate(made.text) if not sign.isspace())
    assert [one.start for one in found] == sorted({one.start for one in found})


@given(BLOCKS)
def test_code_that_fits_is_never_cut(blocks: list[Block]) -> None:
    made = document("T", "t", blocks)
    found = passages(made, words=60, step=45)
    for block in made.blocks:
        if block.kind == "code" and len(block.text.split()) <= 60 and len(block.text) <= 60 * 12:
            assert any(one.start <= block.start and block.end <= one.end for one in found)


@given(BLOCKS)
def test_fences_are_whole_in_every_piece(blocks: list[Block]) -> None:
    assert all(piece.text.count("```") % 2 == 0 for piece in pieces_of(document("T", "t", blocks)))


def test_a_section_begins_a_new_passage() -> None:
    words = "One two three four five six seven eight nine ten. " * 8
    blocks = [
        Block("heading", "A", ("A",)), Block("prose", words, ("A",)),
        Block("heading", "B", ("B",)), Block("prose", words, ("B",)),
    ]  # fmt: skip
    found = passages(document("T", "t", blocks), words=200, step=150)
    assert [(one.headings, one.text[0]) for one in found] == [(("A",), "A"), (("B",), "B")]


def test_a_passage_is_about_as_long_as_asked() -> None:
    text = "Alpha beta gamma delta epsilon zeta eta theta iota kappa. " * 100
    sizes = [len(one.text.split()) for one in passages(document("T", "t", [Block("prose", text)]), words=200, step=150)]
    assert max(sizes) <= 200
    assert min(sizes[:-1]) >= 150


def test_text_without_spaces_is_cut_too() -> None:
    for text in ("x" * 100_000, "これは長い文章です" * 2000):
        found = passages(document("T", "t", [Block("prose", text)]), words=80, step=60)
        assert max(len(one.text) for one in found) <= 80 * 12


def test_sentences_stay_whole_at_abbreviations_in_the_middle() -> None:
    text = "Use a tool, e.g. rsync. Then go on! 今日は。明日は。"
    assert [text[start:end] for start, end in sentences(text)] == [
        "Use a tool, e.g. rsync.", "Then go on!", "今日は。", "明日は。",
    ]  # fmt: skip


def test_headings_stand_in_front_of_what_is_encoded() -> None:
    made = document("The manual", "t", [Block("prose", "Press `go` twice.", ("Start", "Quickly"))])
    assert [piece.embedded for piece in pieces_of(made)] == ["The manual > Start > Quickly\nPress go twice."]
