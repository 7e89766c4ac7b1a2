"""/summarize: where its matter comes from, how long matter is folded, and what it lets a model say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.database import Database
from bot.errors import UserError
from bot.request import Attachment, Author, Place, Quote, Request
from bot.scenarios.digest import Points, extract
from bot.scenarios.summarize import BRIEF_EXAMPLE, EXAMPLE, EXAMPLE_TALK, OWN_WORDS, TASK, TASK_TALK, Summarize, cut
from bot.stores import Stores
from bot.turn import Plan
from models.engine import Message
from tests.scenarios import plans

COUNCIL = (
    "The council met on Tuesday to discuss the new swimming pool. The old pool was closed in March because the roof "
    "was leaking. A new building would cost 4.2 million euros. "
    "The council decided to repair the roof for 300,000 euros."
)


@pytest.fixture
def stores(sqlite: Database) -> Stores:
    return plans.stores_over(sqlite)


def asked(**more: object) -> Request:
    request = Request(id="r", place=Place("test", channel="c"), author=Author("ann", name="Ann"))
    return replace(request, **more)  # type: ignore[arg-type]


async def test_the_prompt_as_it_is_sent_and_points_that_hold(stores: Stores) -> None:
    said = (
        "- The council met on Tuesday.\n* The pool cost 9 million euros.\n- The council met on a Tuesday.\n"
        "1. The roof is repaired for 300,000 euros.\n- Mayor Smith is happy.\n- The pool was clo"
    )
    done = await plans.run_plan(
        await Summarize().plan(plans.turn(stores, text=COUNCIL, style="points")), lambda prompt: said
    )
    assert done.prompts == [
        [
            Message("system", TASK),
            Message("user", f"Summarize:\n{EXAMPLE[0]}"),
            Message("assistant", EXAMPLE[1]),
            Message("user", f"Summarize:\n{COUNCIL}"),
        ]
    ]
    assert done.finished.text == "- The council met on Tuesday.\n- The roof is repaired for 300,000 euros."
    assert done.shown == done.finished.text
    assert done.finished.notes == ()


async def test_one_sentence(stores: Stores) -> None:
    made = await Summarize().plan(plans.turn(stores, text=COUNCIL, style="sentence"))
    done = await plans.run_plan(made, lambda prompt: "The council repairs the leaking roof of the old pool.\nAnd more")
    assert done.prompts == [
        [
            Message("user", f"Summarize in one sentence:\n{EXAMPLE[0]}"),
            Message("assistant", BRIEF_EXAMPLE),
            Message("user", f"Summarize in one sentence:\n{COUNCIL}"),
        ]
    ]
    assert done.finished.text == "The council repairs the leaking roof of the old pool."


@pytest.mark.parametrize("style", ["points", "sentence"])
async def test_a_model_that_makes_things_up_is_replaced_by_the_text_itself(stores: Stores, style: str) -> None:
    made = await Summarize().plan(plans.turn(stores, text=COUNCIL, style=style))
    done = await plans.run_plan(made, lambda prompt: "- Aliens landed in Ohio in 1999 with bananas.")
    assert done.finished.notes == (OWN_WORDS,)
    for line in done.finished.text.splitlines():
        assert line.removeprefix("- ") in COUNCIL


async def test_long_texts_are_folded(stores: Stores) -> None:
    text = "\n\n".join(f"Chapter {number} tells about garden number {number}. " + COUNCIL * 7 for number in range(1, 4))
    said = []

    def speak(prompt: list[Message]) -> str:
        said.append(prompt[-1].content)
        return f"- The council met on Tuesday.\n- It tells about garden number {len(said)}.\n- The old pool was closed."

    done = await plans.run_plan(await Summarize().plan(plans.turn(stores, text=text)), speak)  # type: ignore[arg-type]
    assert len(done.prompts) == 4
    assert all(len(prompt[-1].content) < 2500 for prompt in done.prompts)
    assert done.prompts[3][-1].content == "Summarize:\n" + "\n".join(text.strip() for text in done.texts[:3])
    assert done.shown.startswith("**Part 1 of 3**\n- The council met on Tuesday.")
    assert "\n\n**All together**\n- " in done.shown
    assert done.finished.text == done.texts[3].strip()


async def test_the_conversation_is_the_matter_when_there_is_no_other(stores: Stores) -> None:
    history = (Message("user", "Shall we meet on Friday?"), Message("assistant", "Friday at 3 is fine."))
    made = await Summarize().plan(plans.turn(stores, history=history, summary="They plan a party.", request=asked()))
    assert isinstance(made, Plan)
    prompt = made.steps[-1].prompt(())  # type: ignore[operator]
    assert prompt[0].content == TASK_TALK
    assert prompt[2].content == EXAMPLE_TALK[1]
    assert prompt[-1].content == (
        "Summarize:\nThey plan a party.\nAnn: Shall we meet on Friday?\nParley: Friday at 3 is fine."
    )


async def test_quotes_come_before_the_conversation_and_keep_to_a_line_each(stores: Stores) -> None:
    quotes = (Quote("bob\nann", "hello\nann: I owe bob 5 euros"), Quote("cy", "bye"))
    made = await Summarize().plan(plans.turn(stores, request=asked(quotes=quotes), history=(Message("user", "x"),)))
    assert isinstance(made, Plan)
    prompt = made.steps[-1].prompt(())  # type: ignore[operator]
    assert prompt[-1].content == "Summarize:\nbob ann: hello ann: I owe bob 5 euros\ncy: bye"


async def test_files_sent_along(stores: Stores) -> None:
    async def content() -> bytes:
        return f"# Minutes\n\n{COUNCIL}\n".encode()

    file = Attachment("minutes.md", "text/markdown", 300, content)
    made = await Summarize().plan(plans.turn(stores, request=asked(attachments=(file,))))
    assert isinstance(made, Plan)
    assert COUNCIL in made.steps[-1].prompt(())[-1].content  # type: ignore[operator]
    large = replace(file, size=6_000_000)
    with pytest.raises(UserError, match="larger than 5 MB"):
        await Summarize().plan(plans.turn(stores, request=asked(attachments=(large,))))


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "There is nothing to summarize yet"), ("Hi there.", "short already"), ("word " * 20_000, "at most 57,600")],
)
async def test_what_cannot_be_done_is_one_sentence(stores: Stores, text: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        await Summarize().plan(plans.turn(stores, text=text))


def test_cut_loses_nothing_but_space() -> None:
    text = "One two. Three four!\n\nFive six.\nSeven " + "x" * 50
    parts = cut(text, 20)
    assert all(len(part) <= 20 for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


def test_points_pass_prose_sentence_by_sentence() -> None:
    points = Points(COUNCIL)
    out = points.feed("Here is a summary:\nThe council met on Tuesday. The pool is green.") + points.end()
    assert out == "- The council met on Tuesday."


@pytest.mark.parametrize(
    ("said", "out"),
    [
        (
            "The council met on Tuesday\nThe old pool was closed",
            "- The council met on Tuesday\n- The old pool was closed",
        ),
        ("The council met on Tuesday.\nThe old pool was", "- The council met on Tuesday."),
        ("The pool the pool the pool the pool the pool.", ""),
        ("Dave: the council met on Tuesday.", ""),
        ("The council decided:", ""),
    ],
)
def test_points_that_are_cut_off_stuck_or_put_in_a_strangers_mouth_are_left_out(said: str, out: str) -> None:
    points = Points(COUNCIL)
    assert points.feed(said) + points.end() == out


def test_extract_keeps_the_order() -> None:
    assert extract(COUNCIL, 2) == [
        "The old pool was closed in March because the roof was leaking.",
        "The council decided to repair the roof for 300,000 euros.",
    ]
    assert extract("") == []
