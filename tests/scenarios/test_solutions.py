"""Problems solved by code: the right result for what is understood, and silence for everything else."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.scenarios.solutions import another, solution


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("solve 2x + 3 = 11", "x = 4"),
        ("Find y: 3(y - 2) = 12", "y = 6"),
        ("11 = 2x + 3", "x = 4"),
        ("x/3 + 2 = 5", "x = 9"),
        ("2(x+1) - 3(x-2) = 4x + 1", "x = 7/5"),
        ("0.5x = 2", "x = 4"),
        ("-2x = 8", "x = -4"),
        ("2x = 2x + 1", "there is no solution"),
        ("2x = 2x", "every number is a solution"),
        ("x + y = 10 and x - y = 2", "x = 6, y = 4"),
        ("2x+3y=12, x-y=1", "x = 3, y = 2"),
        ("x + y = 1, 2x + 2y = 2", "there are endless solutions"),
        ("x^2 - 5x + 6 = 0", "x = 2 or x = 3"),
        ("x² = -1", "there is no real solution"),
        ("What is 15% of 80?", "12"),
        ("what is 12 times 7 + 3?", "87"),
        ("(2+3)*4 - 10/5", "18"),
        ("3/4 + 1/8", "7/8"),
        ("2.5 + 0.25", "2.75"),
        ("1,000 + 2,500", "3500"),
        ("square root of 144", "12"),
        ("simplify 2a + 3a", "5a"),
    ],
)
def test_a_problem_ends_in_its_result(text: str, answer: str) -> None:
    solved = solution(text)
    assert solved is not None
    assert solved.answer == answer


@pytest.mark.parametrize(
    "text",
    [
        "why did the Roman Empire fall in 476?",
        "What happened in 1914-1918?",
        "Tell me about the years 1939 - 1945",
        "A 5-year-old has 3 apples",
        "9**9**9",
        "99999999^12 * 99999999^12 * 99999999^12",
        "__import__('os').system('true')",
        "().__class__",
        "differentiate x^2 + 3x",
        "1/0",
        "sin(x) = 0",
        "x^3 = 8",
        "(" * 200 + "1" + ")" * 200,
        "",
    ],
)
def test_what_is_not_understood_is_left_alone(text: str) -> None:
    assert solution(text) is None


@given(st.integers(-12, 12).filter(bool), st.integers(-50, 50), st.integers(-50, 50))
def test_every_step_of_a_linear_equation_is_true_of_its_result(a: int, b: int, x: int) -> None:
    solved = solution(f"solve {a}x {'+' if b >= 0 else '-'} {abs(b)} = {a * x + b}")
    assert solved is not None
    assert solved.values == {"x": (Fraction(x),)}
    for step in solved.steps:
        left, _, right = step.rpartition(":")[2].partition("=")
        found = solution(f"{left.strip()} = {right.strip()}")
        assert found is None or found.values in ({}, {"x": (Fraction(x),)})


@pytest.mark.parametrize("text", ["2x + 3 = 11", "12 * 7 + 3", "x + y = 10, x - y = 2", "x^2 - 5x + 6 = 0"])
def test_another_problem_is_of_the_same_kind_and_comes_out_whole(text: str) -> None:
    solved = solution(text)
    assert solved is not None
    for seed in range(20):
        more = another(solved, seed)
        assert more is not None
        assert more.kind == solved.kind
        assert more.problem != solved.problem
        values = [value for several in more.values.values() for value in several]
        assert all(value.denominator == 1 and value > 1 for value in values)


@pytest.mark.parametrize(
    ("words", "verdict"),
    [("x = 4", True), ("4", True), ("I think it is 8/2", True), ("2x = 8, so x = 4", True), ("x = 5", False),
     ("no idea", None)],
)  # fmt: skip
def test_a_try_is_judged_by_the_number_it_ends_in(words: str, verdict: bool | None) -> None:
    solved = solution("2x + 3 = 11")
    assert solved is not None
    assert solved.accepts(words) is verdict


def test_one_of_two_roots_is_half_an_answer() -> None:
    solved = solution("x^2 - 5x + 6 = 0")
    assert solved is not None
    assert solved.partly("x = 2")
    assert not solved.partly("x = 4")
    assert solved.accepts("2 and 3")
