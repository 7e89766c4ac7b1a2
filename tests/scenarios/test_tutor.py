"""/tutor: what it asks of the model, what it works out itself, and how a lesson goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from bot.database import Database
from bot.scenarios.lesson import ASK, EXPLAIN, IDEA, IDEAS, PRINCIPLES, SAID_AGAIN
from bot.scenarios.solutions import solution
from bot.scenarios.soundness import sound
from bot.scenarios.tutor import COMMAND
from models.engine import Message
from tests.scenarios.speaking import Talk, talking

EXPLANATION = (
    "Plants turn light into sugar. They do it in the chloroplasts. The waste is oxygen. Here it is:\nAnd so the plant"
)


def speak(messages: Sequence[Message]) -> str:
    system = messages[0].content
    if system.startswith("You say what you read again"):
        return "An equation is like a balance, so do the same to both sides. Then x is 7. It was found in 1999."
    if system == IDEA:
        return "how a plant makes sugar"
    if system == ASK:
        return "What do plants make of light?"
    return EXPLANATION


@pytest.fixture
async def talk(sqlite: Database) -> AsyncIterator[Talk]:
    async with talking(sqlite, speak) as talk:
        yield talk


async def test_an_equation_is_worked_out_by_code_and_only_explained_by_the_model(talk: Talk) -> None:
    answer = await talk.say("/tutor math: solve 2x + 3 = 11")
    assert answer.text.startswith("**Hint** ")
    assert "1. Subtract 3 from both sides: 2x = 8\n2. Divide both sides by 2: x = 4" in answer.text
    assert "So **x = 4**. Put in, that gives 2 × 4 + 3 = 11." in answer.text
    # Of the model's sentences, those with numbers of its own are left out.
    assert "An equation is like a balance, so do the same to both sides." in answer.text
    assert "x is 7" not in answer.text
    assert "1999" not in answer.text
    assert "**Your turn** Solve " in answer.text
    assert answer.tokens > 0
    assert talk.engine.prompts == [
        [
            Message("system", "You say what you read again in simple words, in one or two short sentences."),
            Message("user", SAID_AGAIN[0]),
            Message("assistant", SAID_AGAIN[1]),
            Message("user", PRINCIPLES["linear"]),
        ]
    ]


async def test_what_was_streamed_is_the_beginning_of_the_answer(sqlite: Database) -> None:
    async with talking(sqlite, lambda _: "Nothing of use 1 2 3.") as talk:
        answer = await talk.say("/tutor math: solve 2x + 3 = 11")
        assert PRINCIPLES["linear"] in answer.text


async def test_a_right_try_is_praised_and_another_problem_given(talk: Talk) -> None:
    first = await talk.say("/tutor math: solve 2x + 3 = 11")
    task = first.text.partition("**Your turn** Solve ")[2]
    solved = solution(task)
    assert solved is not None
    asked = len(talk.engine.prompts)
    wrong = await talk.say("x = 99")
    assert wrong.text.startswith("Not yet. ")
    assert f"**Your turn** Solve {task}" in wrong.text
    right = await talk.say(f"I get {solved.answer}")
    assert right.text.startswith(f"Right, {solved.answer}.")
    assert "**Your turn** Solve " in right.text
    assert right.scenario == "tutor"
    assert len(talk.engine.prompts) == asked


async def test_a_new_problem_in_plain_words_is_a_new_lesson(talk: Talk) -> None:
    await talk.say("/tutor math: solve 2x + 3 = 11")
    answer = await talk.say("and how do I solve 5x - 4 = 21?")
    assert "So **x = 5**" in answer.text


async def test_hints_only_give_one_step_after_another(talk: Talk) -> None:
    answer = await talk.say("/tutor mode:hints math: 3(y - 2) = 12")
    assert "y = 6" not in answer.text
    assert talk.engine.prompts == []
    step = await talk.press("continue", answer.buttons[0].value)
    assert step.text.startswith("**Step 1** Tidy both sides: 3y - 6 = 12")
    step = await talk.press("continue", step.buttons[0].value)
    assert step.text.startswith("**Step 2** Add 6 to both sides: 3y = 18")
    assert "So **y = 6**" in (await talk.press("continue", "solution")).text


async def test_a_question_gets_a_hint_steps_and_a_check_in_this_order(talk: Talk) -> None:
    answer = await talk.say("/tutor level:beginner biology: what is photosynthesis?")
    assert answer.text == (
        "**Hint** Think about how a plant makes sugar.\n\n"
        "**Steps**\n1. Plants turn light into sugar.\n2. They do it in the chloroplasts.\n3. The waste is oxygen.\n\n"
        "**Check** What do plants make of light?"
    )
    explain, idea, check = talk.engine.prompts
    level = " The student is a beginner: use everyday words and one example."
    assert explain == [
        Message("system", EXPLAIN.format(subject="biology", level=level)),
        Message("user", "what is photosynthesis?"),
    ]
    text = "Plants turn light into sugar. They do it in the chloroplasts. The waste is oxygen."
    assert len(idea) == 1 + 2 * len(IDEAS) + 1
    assert idea[-1] == Message("user", f"Question: what is photosynthesis?\nText: {text}\nThink about:")
    assert check[-1] == Message("user", f"Text: {text}\nQuestion:")


async def test_a_level_is_remembered_for_the_next_lesson(talk: Talk) -> None:
    await talk.say("/tutor level:advanced biology: what is photosynthesis?")
    await talk.say("/tutor physics: why is the sky blue?")
    assert talk.engine.prompts[-3][0].content.endswith("The student is advanced: use the exact terms.")


async def test_a_further_question_goes_on_from_the_lesson(talk: Talk) -> None:
    await talk.say("/tutor biology: what is photosynthesis?")
    await talk.say("what happens at night?")
    assert talk.engine.prompts[3] == [
        Message("system", EXPLAIN.format(subject="biology", level="")),
        Message("user", "what is photosynthesis?"),
        Message("assistant", "Plants turn light into sugar. They do it in the chloroplasts. The waste is oxygen."),
        Message("user", "what happens at night?"),
    ]
    await talk.press("refine", "simpler")
    assert talk.engine.prompts[6][-1] == Message("user", "what happens at night?")
    assert "beginner" in talk.engine.prompts[6][0].content


async def test_an_answer_in_words_is_put_beside_the_lesson(talk: Talk) -> None:
    await talk.say("/tutor biology: what is photosynthesis?")
    answer = await talk.say("it makes sugar from light")
    assert answer.text.startswith(
        "You named light, sugar. Compare it with the lesson:\n> Plants turn light into sugar."
    )


async def test_numbers_that_do_not_follow_are_not_taught(sqlite: Database) -> None:
    said = "Divide 60 by 1.5. That is 60 / 1.5 = 40. So it is 40 km/h. In miles it is 99. And 2 * 3 = 7."
    async with talking(sqlite, lambda m: said if "teacher" in m[0].content else "the distance for each hour") as talk:
        answer = await talk.say("/tutor A train travels 60 km in 1.5 hours. How fast is it?")
        assert "1. Divide 60 by 1.5.\n2. That is 60 / 1.5 = 40.\n3. So it is 40 km/h.\n\n" in answer.text
        assert any("could not check" in note for note in answer.notes)


def test_a_false_calculation_is_not_sound() -> None:
    assert sound(["It is 2 + 2 = 5.", "So 5.", "It is 2 + 2 = 4."], {*()}) == []


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("/tutor", "/tutor needs a question. For example: /tutor math: solve 2x + 3 = 11"),
        ("/tutor mode:practice", "Name the language to practise."),
        ("/tutor subject:math mode:practice", "Name the language to practise."),
        ("/tutor mode:nonsense x", "/tutor does not know mode “nonsense”"),
    ],
)
async def test_what_is_missing_is_said_in_one_sentence(talk: Talk, typed: str, words: str) -> None:
    assert (await talk.refused(typed)).startswith(words)


async def test_a_lesson_can_be_kept_as_a_card(talk: Talk) -> None:
    lesson = await talk.say("/tutor biology: what is photosynthesis?")
    assert (await talk.press("card", "keep", on=lesson)).private
    await talk.press("card", "keep", on=lesson)
    cards = await talk.stores.cards.list("test:ann")
    assert [(card.front, card.subject) for card in cards] == [("what is photosynthesis?", "biology")]
    assert cards[0].back.startswith("Plants turn light into sugar.\n")


def test_the_command_is_declared_in_each_language() -> None:
    for declared in (COMMAND, *COMMAND.options):
        assert set(declared.descriptions) == {"zh-CN", "es-ES", "fr", "de", "ja"}
        assert set(declared.names) == set(declared.descriptions)
        assert all(len(text) <= 100 for text in (declared.description, *declared.descriptions.values()))
