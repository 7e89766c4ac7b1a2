"""Whether an answer says what its reference says."""

from __future__ import annotations

import pytest

from models.training.correctness import facts, right

RIGHT = [
    ("What is the capital of France?", "Paris.", "The capital of France is Paris."),
    ("How long is the warranty?", "The warranty lasts 30 days.", "You have a 30-day warranty."),
    ("What is 7 plus 5?", "12", "7 plus 5 is twelve."),
    ("Who founded it?", "It was founded by Mara Lindqvist in 1987.", "Mara Lindqvist did, in 1987."),
    ("When do you open?", "We open at 9:30 am.", "At 9:30."),
    ("What is the price?", "It costs $1,250.", "That is 1250 dollars."),
    ("Where do I write?", "Write to help@brightwell.example.", "Use help@brightwell.example, please."),
    ("Which code?", "The code is XK-200.", "Enter XK 200 at the till."),
    ("Do you ship abroad?", "No, we do not ship abroad.", "No, we do not."),
    ("法国的首都是哪里？", "法国的首都是巴黎。", "法国的首都是巴黎。"),
    ("How do I reset it?", "Hold the red button until the light blinks.", "Hold the red button; the light blinks."),
]
WRONG = [
    ("What is the capital of France?", "Paris.", "The capital of France is Lyon."),
    ("How long is the warranty?", "The warranty lasts 30 days.", "The warranty lasts three years."),
    ("Who founded it?", "It was founded by Mara Lindqvist in 1987.", "Mara Lindqvist founded it in 1989."),
    ("Who founded it?", "It was founded by Mara Lindqvist in 1987.", "It was founded by Mara Berg in 1987."),
    ("Where do I write?", "Write to help@brightwell.example.", "Use help@other.example, please."),
    ("Do you ship abroad?", "No, we do not ship abroad.", "Yes, we ship abroad."),
    ("How many are there?", "There are 7.", "There are 1, 2, 3, 4, 5, 6, 7, 8 or 9."),
    ("Which code?", "The code is XK-200.", ""),
    ("法国的首都是哪里？", "法国的首都是巴黎。", "我不知道。"),
    ("How do I reset it?", "Hold the red button until the light blinks.", "Write to the support."),
]


@pytest.mark.parametrize(("question", "reference", "answer"), RIGHT)
def test_it_is_right_in_whatever_words(question: str, reference: str, answer: str) -> None:
    assert right(question, reference, answer)
    assert right(question, reference, reference)


@pytest.mark.parametrize(("question", "reference", "answer"), WRONG)
def test_one_wrong_fact_is_enough(question: str, reference: str, answer: str) -> None:
    assert not right(question, reference, answer)


def test_what_the_question_holds_is_no_fact() -> None:
    found = facts("Is the Skylark 4 from Tolvane?", "The Skylark 4 comes from Tolvane, near Harrow, since 1990.")
    assert found.numbers == {"1990"}
    assert found.names == {"harrow"}


def test_the_answer_that_was_rejected_is_wrong() -> None:
    assert not right(
        "How was it?", "The day was fine and sunny.", "The day was fine and rainy.", "The day was fine and rainy."
    )
