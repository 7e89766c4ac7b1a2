"""/support: answers with numbered sources, abstains, hands over, and keeps what stays open."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from bot.controls import Control
from bot.database import Database
from bot.scenarios.support import ABSTAIN, EMPTY, HANDED_OVER, QUOTED, SOLVED_WORDS, leans
from tests.scenarios.speaking import Talk, talking

PUMP = b"# Pump\n\nThe pump starts when the red button is pressed for three seconds. Its service code is 4711.\n"
FILTER = b"# Filter\n\nWash the filter every month in cold water and let it dry.\n"
HOW = "/support how does the pump start with the red button"

Ask = Callable[[str], AbstractAsyncContextManager[Talk]]


@pytest.fixture
def support(database: Database) -> Ask:
    """A bot whose model answers with the given words, whatever it is asked."""
    return lambda said: talking(database, lambda prompt: said)


async def stocked(talk: Talk) -> None:
    await talk.stores.library.add("", "pump.md", PUMP)
    await talk.stores.library.add("", "filter.md", FILTER)


async def test_an_answer_names_its_sources_and_the_model_saw_them(support: Ask) -> None:
    async with support("The pump starts when the red button is pressed for three seconds.") as talk:
        await stocked(talk)
        answer = await talk.say(HOW)
        assert answer.action == "answer"
        assert answer.text == "The pump starts when the red button is pressed for three seconds [1]."
        assert (answer.sources[0].number, answer.sources[0].title) == (1, "Pump")
        (prompt,) = talk.engine.prompts
        assert "Its service code is 4711." in prompt[-1].content
        assert prompt[-1].content.endswith("Question: how does the pump start with the red button")
        row = await talk.stores.turns.get(answer.turn_id)
        assert row is not None
        assert (row.action, row.sources[0]["title"]) == ("answer", "Pump")
        assert not await talk.stores.gaps.open("")


@pytest.mark.parametrize(
    "invented",
    [
        "The pump starts when the red button is pressed for nine seconds.",
        "Run pumpctl start to start the pump with the red button.",
        "Mr Oberlin from Paris starts the pump with his red button.",
        "A king wrote about the red pump of his garden and the button in it.",
        "",
    ],
)
async def test_what_the_documents_do_not_say_is_not_said(support: Ask, invented: str) -> None:
    async with support(invented) as talk:
        await stocked(talk)
        answer = await talk.say(HOW)
        assert answer.text.startswith(QUOTED)
        assert "pressed for three seconds" in answer.text
        assert "[1]" in answer.text
        for word in ("nine", "pumpctl", "Oberlin", "king"):
            assert word not in answer.text


async def test_an_unanswered_question_is_said_so_and_noted(support: Ask) -> None:
    async with support("Because of the rain.") as talk:
        await stocked(talk)
        answer = await talk.say("/support why did the emperor sell his balloon in Vienna")
        assert (answer.action, answer.text, answer.sources) == ("abstain", ABSTAIN, ())
        assert not talk.engine.prompts
        (gap,) = await talk.stores.gaps.open("")
        assert (gap.question, gap.handed_over) == ("why did the emperor sell his balloon in Vienna", False)
        handed = await talk.press(Control.HANDOFF)
        assert (handed.action, handed.text) == ("handoff", HANDED_OVER)
        assert [button.label for button in handed.buttons] == ["Solved"]
        assert any(gap.handed_over for gap in await talk.stores.gaps.open(""))


async def test_an_empty_library_is_said_so(support: Ask) -> None:
    async with support("Something.") as talk:
        answer = await talk.say(HOW)
        assert (answer.action, answer.text) == ("abstain", EMPTY)


@pytest.mark.parametrize("words", ["can I talk to a human please", "I want a real person", "get me an agent"])
async def test_who_wants_a_person_gets_one(support: Ask, words: str) -> None:
    async with support("No.") as talk:
        await stocked(talk)
        answer = await talk.say(f"/support {words}")
        assert (answer.action, answer.text) == ("handoff", HANDED_OVER)
        (gap,) = await talk.stores.gaps.open("")
        assert gap.handed_over


async def test_solved_closes_the_question(support: Ask) -> None:
    async with support("") as talk:
        await stocked(talk)
        asked = await talk.say("/support why did the emperor sell his balloon in Vienna")
        answer = await talk.press(Control.SOLVED, on=asked)
        assert answer.text == SOLVED_WORDS
        assert not await talk.stores.gaps.open("")


async def test_without_an_encoder_it_is_found_by_words_and_said_so(support: Ask) -> None:
    async with support("The pump starts when the red button is pressed for three seconds.") as talk:
        await stocked(talk)
        talk.engine.encoder.away = True
        answer = await talk.say(HOW)
        assert answer.action == "answer"
        assert "Found by words only: the encoder was not there." in answer.notes


async def test_a_short_question_leans_on_the_one_before(support: Ask) -> None:
    async with support("The pump starts when the red button is pressed for three seconds.") as talk:
        await stocked(talk)
        await talk.say(HOW)
        answer = await talk.say("/support and why?")
        assert answer.action == "answer"
        assert answer.sources[0].title == "Pump"


async def test_a_short_question_of_its_own_does_not(support: Ask) -> None:
    async with support("The pump starts when the red button is pressed for three seconds.") as talk:
        await stocked(talk)
        await talk.say(HOW)
        answer = await talk.say("/support what is the capital of Mongolia?")
        assert (answer.action, answer.text) == ("abstain", ABSTAIN)


@pytest.mark.parametrize(
    ("question", "leaning"),
    [
        ("and why?", True), ("Why not?", True), ("What about the filter?", True), ("how long does it take", True),
        ("How long is the warranty?", False), ("reset password", False), ("is it possible to fly?", False),
    ],
)  # fmt: skip
def test_what_leans_on_the_question_before(question: str, leaning: bool) -> None:
    assert leans(question) is leaning


async def test_an_answer_whose_hidden_draft_was_cut_offers_no_continue(support: Ask) -> None:
    async with support("The pump starts when the red button is pressed for three seconds.") as talk:
        await stocked(talk)
        talk.engine.finish_reason = "length"
        answer = await talk.say(HOW)
        assert Control.CONTINUE not in [button.control for button in answer.buttons]
