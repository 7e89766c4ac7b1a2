"""The quiz: due cards asked by buttons or in words, rated once, shown and exported."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.database import Database
from tests.scenarios.speaking import Talk, talking


@pytest.fixture
async def talk(sqlite: Database) -> AsyncIterator[Talk]:
    async with talking(sqlite, lambda _: "Nobody asked me.") as talk:
        yield talk
        assert talk.engine.prompts == []


async def test_without_cards_it_says_where_they_come_from(talk: Talk) -> None:
    assert (await talk.say("/tutor mode:quiz")).text.startswith("You have no cards yet.")
    assert (await talk.say("/tutor mode:cards")).text.startswith("You have no cards yet.")
    assert (await talk.say("/tutor mode:export subject:French")).text.startswith("You have no cards for French yet.")


async def test_cards_are_asked_shown_and_rated_by_buttons(talk: Talk) -> None:
    await talk.say("/tutor mode:cards subject:French bonjour = good morning")
    await talk.say("/tutor mode:cards subject:French merci = thank you")
    asked = await talk.say("/tutor mode:quiz")
    assert asked.text.startswith("**Card** (2 due) bonjour")
    shown = await talk.press("card", asked.buttons[0].value)
    assert shown.text == "**good morning**\n\nHow well did you know it?"
    labels = [button.label for button in shown.buttons if button.control == "card"]
    assert labels == ["Again (1 min)", "Hard (6 min)", "Good (10 min)", "Easy (8 days)"]
    nxt = await talk.press("card", shown.buttons[2].value)
    assert nxt.text.startswith("It comes back in 10 min.\n\n**Card** merci")
    again = await talk.press("card", shown.buttons[0].value, on=shown)
    assert again.text.startswith("That one was rated already.")
    cards = await talk.stores.cards.list("test:ann")
    assert [card.reviews for card in cards] == [1, 0]


async def test_an_answer_may_be_typed(talk: Talk) -> None:
    await talk.say("/tutor mode:cards bonjour = good morning")
    await talk.say("/tutor mode:quiz")
    answer = await talk.say("good evening")
    assert answer.text.startswith("The card says **good morning** (evening → morning)")
    await talk.say("/tutor mode:quiz")
    assert (await talk.say("Good  morning.")).text.startswith("Right. **good morning**")


async def test_nothing_due_names_the_next_day(talk: Talk) -> None:
    await talk.say("/tutor mode:cards bonjour = good morning")
    asked = await talk.say("/tutor mode:quiz")
    shown = await talk.press("card", asked.buttons[0].value)
    last = await talk.press("card", next(b.value for b in shown.buttons if ":easy:" in b.value))
    assert last.text == "It comes back in 8 days.\n\nThat was your only card."
    assert (await talk.say("/tutor mode:quiz")).text == "Nothing else is due. The next card comes in 8 days."


async def test_cards_are_listed_and_removed_by_number(talk: Talk) -> None:
    await talk.say("/tutor mode:cards bonjour = good morning")
    await talk.say("/tutor mode:cards merci = thank you")
    assert (await talk.say("/tutor mode:cards")).text == ("1. bonjour → good morning (now)\n2. merci → thank you (now)")
    assert (await talk.say("/tutor mode:cards remove 1")).text == "Removed: bonjour"
    assert "There is no card 7" in await talk.refused("/tutor mode:cards remove 7")


async def test_cards_leave_as_files(talk: Talk) -> None:
    await talk.say("/tutor mode:cards bonjour = good morning")
    answer = await talk.say("/tutor mode:export")
    assert [file.name for file in answer.files] == ["cards.csv", "cards-anki.txt"]
    assert answer.private


async def test_somebody_elses_card_cannot_be_rated(talk: Talk) -> None:
    await talk.say("/tutor mode:cards bonjour = good morning")
    asked = await talk.say("/tutor mode:quiz")
    with pytest.raises(AssertionError, match="belongs to somebody else"):
        await talk.press("card", asked.buttons[0].value, user="bob")
