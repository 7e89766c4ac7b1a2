"""Doubt: half poisoned sets are held, honest ones are not, whoever wrote them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.database import Database
from bot.learning.agreement import Statement
from bot.learning.dataset import settle
from bot.learning.doubt import held
from tests.learning.calibrate_doubt import HOW, stated
from tests.learning.company import Poison, honest, noise, poisoned, row
from tests.learning.stores import built, over, take_rows


@pytest.mark.parametrize("authors", [1, 3, 8, 40])
@pytest.mark.parametrize("wordings", [1, 3])
def test_honest_corrections_by_people_never_seen_before_are_not_held(authors: int, wordings: int) -> None:
    for seed in range(500, 505):
        assert held(stated(honest(seed, authors=authors, wordings=wordings)), ()) == ""


@pytest.mark.parametrize("how", HOW)
def test_sets_of_which_half_is_wrong_are_held(how: Poison) -> None:
    missed = [
        seed for seed in range(600, 612) if not held(stated(poisoned(seed, how, wordings=1 + 2 * (seed % 2))), ())
    ]
    assert len(missed) <= 1, missed


def test_noise_is_held() -> None:
    assert all(held(stated(noise(seed)), ()) for seed in range(700, 705))


def test_the_reason_names_who_and_that_they_are_new() -> None:
    rows = poisoned(1, "each")
    known = [str(at) for at, one in enumerate(rows) if one["author"].startswith("user")]
    words = held(stated(rows), known)
    assert "of 40 corrections say something else than the corrections of the nearest questions" in words
    assert "new here" in words
    assert "new-" in words


def test_a_few_corrections_or_facts_told_once_say_nothing() -> None:
    assert held(stated(poisoned(1)[:8]), ()) == ""
    assert held([Statement(str(at), f"What is thing number {at}?", f"Word{at}.", "a") for at in range(30)], ()) == ""


THINGS = (
    "lamp chair kettle desk radio bike oven clock sofa mirror carpet vase shelf stove fan pillow mug plate fork pan"
)
LISTS = {
    "yes and no": [(f"Is the {thing} in stock?", "Yes, it is." if at % 2 else "No, it is not.")
                   for at, thing in enumerate(THINGS.split())],
    "few prices": [(f"How much does the {thing} cost?", f"{5 * (1 + at * 7 % 3)} euros.")
                   for at, thing in enumerate(THINGS.split())],
    "own prices": [(f"How much does the {thing} cost?", f"It costs {11 + at * 17} euros.")
                   for at, thing in enumerate(THINGS.split())],
    "numbered": [(f"What does number {at} in the catalogue cost?", f"Number {at} costs {at * 3} euros.")
                 for at in range(100, 140)],
}  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_lists_of_many_things_are_not_held(name: str) -> None:
    assert held([Statement(question, question, answer, "a") for question, answer in LISTS[name]], ()) == ""


async def test_a_poisoned_file_makes_a_dataset_that_is_held(sqlite: Database, tmp_path: Path) -> None:
    stores = over(sqlite)
    await take_rows(stores, tmp_path, [*poisoned(3)])
    dataset = await built(stores)
    assert "Nothing is promoted from them" in dataset.held
    assert "new-" in dataset.held


async def test_newcomers_who_contradict_what_was_learned_are_held_early(sqlite: Database, tmp_path: Path) -> None:
    """Honest corrections of an earlier night, then those of three new people, each wrong."""
    for seed in range(3):
        stores = over(sqlite)
        rows = [one | {"author": f"{one['author']}-{seed}"} for one in honest(800 + seed)]
        await take_rows(stores, tmp_path, rows)
        first = await built(stores)
        assert first.held == ""
        await settle(stores, first)
    wrong = [one for one in poisoned(802, "values", share=1.0)]
    asked = {one["prompt"][0]["content"] for one in honest(802)}
    await take_rows(
        stores, tmp_path, [one | row(f"And {one['prompt'][0]['content']}", one["correction"], one["author"])
                           for one in wrong if one["prompt"][0]["content"] in asked],
    )  # fmt: skip
    assert "new here" in (await built(stores)).held


async def test_a_thousand_corrections_are_weighed(sqlite: Database, tmp_path: Path) -> None:
    stores = over(sqlite)
    await take_rows(stores, tmp_path, [one for seed in range(25) for one in honest(900 + seed)])
    dataset = await built(stores)
    assert len(dataset.rows) > 500
    assert dataset.contested  # some of these companies have the same name and say other things
