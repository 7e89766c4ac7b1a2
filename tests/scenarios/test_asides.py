"""Asides: what is said in the middle of a lesson or a story and is no part of it."""

from __future__ import annotations

import pytest

from bot.database import Database
from bot.scenarios.asides import is_aside, is_question
from tests.scenarios.speaking import talking


@pytest.mark.parametrize(
    "said",
    [
        "Hello, my name is Ada and I like tea.", "My name is Zoe.", "What is my name?", "Thanks", "hi",
        "I live in Leeds.", "Remember that I am a nurse", "Do you know where I live? I told you my town.",
        "Who are you?", "my favourite colour is green",
    ],
)  # fmt: skip
def test_greetings_and_words_about_oneself_are_asides(said: str) -> None:
    assert is_aside(said)


@pytest.mark.parametrize(
    "said",
    [
        "x = 4", "plants eat light", "I am stuck", "I don't know", "I think it is 4", "why does it float?",
        "He finds a key under the mat", "I want the dragon to fly", "is it 4?", "I'm not sure", "history is hard",
    ],
)  # fmt: skip
def test_answers_and_directions_are_none(said: str) -> None:
    assert not is_aside(said)


def test_a_question_is_no_direction() -> None:
    assert is_question("What is the capital of France?")
    assert not is_question("He asks: what is that?")


async def test_after_a_lesson_a_name_is_heard_and_known_again(sqlite: Database) -> None:
    async with talking(sqlite, lambda prompt: "Nice to meet you.") as talk:
        lesson = await talk.say("/tutor math: solve 2x + 3 = 11")
        assert lesson.scenario == "tutor"
        assert (await talk.say("Hello, my name is Ada and I like tea.")).scenario == "chat"
        assert (await talk.say("What is my name?")).scenario == "chat"
        assert "my name is Ada" in talk.engine.prompts[-1][-1].content


async def test_in_a_lesson_an_answer_is_judged(sqlite: Database) -> None:
    async with talking(sqlite, lambda prompt: "An equation is like a balance.") as talk:
        await talk.say("/tutor mode:hints math: solve 2x + 3 = 11")
        answer = await talk.say("x = 4")
        assert (answer.scenario, answer.text.startswith("Right, x = 4.")) == ("tutor", True)
        assert "Show the whole solution" in [button.label for button in answer.buttons]


async def test_after_a_story_a_question_is_talk_and_to_a_character_it_is_not(sqlite: Database) -> None:
    async with talking(sqlite, lambda prompt: "The dragon flew over the hills.") as talk:
        await talk.say("/story a shy dragon")
        assert (await talk.say("He finds a key under a stone.")).scenario == "story"
        assert (await talk.say("What is the capital of France?")).scenario == "chat"
        await talk.say('/story persona:"Captain Mara" a tavern')
        assert (await talk.say("What is your name?")).scenario == "story"
        assert (await talk.say("And what do you drink?")).scenario == "story"


async def test_a_quiz_without_cards_is_over_at_once(sqlite: Database) -> None:
    async with talking(sqlite, lambda prompt: "Good day.") as talk:
        await talk.say("/tutor mode:quiz")
        assert (await talk.say("What can I cook today?")).scenario == "chat"
