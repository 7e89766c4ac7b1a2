"""Look-up: guesses come from what was there, grow with success, and change no answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.dialect import Sampling
from models.serving.lane import Lane
from models.serving.loading import Room, load
from models.serving.lookup import MOST, Lookup
from models.serving.native.kernels import kernels
from tests.models.test_lane import prompts, run

needed = pytest.mark.skipif(kernels() is None, reason="no compiler, or another CPU: nothing is guessed")


def test_guess_is_what_followed_the_last_time() -> None:
    lookup = Lookup([1, 2, 3, 4, 5, 6, 1, 2, 3])
    assert lookup.guess(8) == [4, 5]
    assert lookup.guess(1) == [4]
    lookup.feed(9)
    assert lookup.guess(8) == []
    assert Lookup([1, 2]).guess(8) == []


def test_guesses_grow_while_they_are_right() -> None:
    lookup = Lookup([*range(40), 0, 1, 2])
    lengths = []
    for right in (2, 4, 8, 8, 1, 1):
        lengths.append(len(lookup.guess(MOST)))
        lookup.note(lengths[-1], right)
    assert lengths == [2, 4, 8, 8, 8, 1]


class Counting:
    """Never guesses, or guesses what it is told to."""

    def __init__(self, answer: list[int]) -> None:
        self._answer = answer
        self._at = 0

    def feed(self, token: int) -> None:
        self._at += 1

    def guess(self, most: int) -> list[int]:
        return self._answer[self._at : self._at + most]

    def note(self, guessed: int, right: int) -> None: ...


@pytest.fixture
def lane(tiny_checkpoint: Path) -> Lane:
    return load(tiny_checkpoint, Room(slots=4, chunk=16, context=512), "cpu", "int8")


@needed
@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(0, max_tokens=20),
        Sampling(1.0, max_tokens=20, seed=3),
        Sampling(0, max_tokens=20, repetition_penalty=1.2),
    ],
    ids=["greedy", "seed", "penalty"],
)
@pytest.mark.parametrize("wrong_from", [0, 1, 7, 20])
def test_right_and_wrong_guesses_change_no_answer(lane: Lane, sampling: Sampling, wrong_from: int) -> None:
    for prompt in prompts(4):
        (plain,) = run(lane, [prompt], sampling)
        told = [token if at < wrong_from else token ^ 1 for at, token in enumerate(plain.answer)]
        before = lane.counts.steps
        answering = lane.submit(prompt, sampling, lambda _: None)
        answering.lookup = Counting(told)  # type: ignore[assignment]
        while lane.busy:
            lane.step()
        assert answering.answer == plain.answer
        if wrong_from == 20:
            # a pass says several tokens
            assert lane.counts.steps - before < 20
        # what the slot holds is what was said, and the next turn begins there
        (following,) = run(lane, [[*answering.tokens, 5, 6]], sampling)
        cold = load_cold(lane, [*answering.tokens, 5, 6], sampling)
        assert following.answer == cold


def load_cold(lane: Lane, prompt: list[int], sampling: Sampling) -> list[int]:
    """The answer when nothing of the prompt is held."""
    for slot in range(4):
        lane.slots.hold(slot, [])
    (answering,) = run(lane, [prompt], sampling)
    return answering.answer


@needed
def test_repetition_is_guessed(lane: Lane) -> None:
    plain = prompts(1)[0]
    (answering,) = run(lane, [plain * 3], Sampling(0, max_tokens=60))
    assert len(answering.answer) == 60
    assert lane.counts.guessed >= lane.counts.right >= 0
