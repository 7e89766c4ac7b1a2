"""/write: what is sent, what is kept of what comes back, and what its author is told to verify."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bot.controls import Control
from bot.database import Database
from bot.errors import UserError
from bot.scenarios.headlines import Tidy
from bot.scenarios.kinds import KINDS
from bot.scenarios.onward import Onward
from bot.scenarios.verifying import to_verify
from bot.scenarios.write import REFINEMENTS, Write
from bot.turn import Plan, Pressed, Say
from tests.scenarios.plans import run_plan, stored, stores_over, turn

FACTS = "The mill on Oak Lane closes on 3 June. 41 people worked there."


@pytest.mark.parametrize("kind", list(KINDS))
async def test_each_kind_is_asked_with_an_example_and_the_facts(sqlite: Database, kind: str) -> None:
    asked = turn(stores_over(sqlite), kind=kind, facts=FACTS, tone="sober", language="German")
    ran = await run_plan(await Write().plan(asked), lambda prompt: "The mill closes.")
    (prompt,) = ran.prompts
    assert [message.role for message in prompt[:3]] == ["system", "user", "assistant"]
    assert prompt[-1].content == f"{KINDS[kind].ask} Tone: sober. Write in German.\n\n{FACTS}"
    assert ran.finished.text == "The mill closes."


async def test_the_first_try_is_greedy_and_another_is_drawn(sqlite: Database) -> None:
    asked = turn(stores_over(sqlite), kind="article", facts=FACTS)
    first, second = await Write().plan(asked), await Write().plan(replace(asked, again=True))
    assert isinstance(first, Plan)
    assert isinstance(second, Plan)
    assert first.steps[0].sampling.temperature == 0.0
    assert second.steps[0].sampling.temperature > 0.0


async def test_headlines_are_numbered_once_each_and_one_is_picked(sqlite: Database) -> None:
    said = iter(('Headline: "Mill on Oak Lane Closes."', "Mill Closes", "Mill Closes"))
    stores = stores_over(sqlite)
    asked = turn(stores, kind="headline", facts=FACTS)
    ran = await run_plan(await Write().plan(asked), lambda prompt: next(said))
    assert ran.shown == "1. Mill on Oak Lane Closes\n2. Mill Closes\n3. Mill Closes"
    assert ran.finished.text == "1. Mill on Oak Lane Closes\n2. Mill Closes"
    assert [(button.control, button.value) for button in ran.finished.buttons] == [("pick", "1"), ("pick", "2")]

    again = iter(("A", "B", "B"))
    row = await stored(Write(), asked, lambda prompt: next(again))
    pressed = turn(stores, pressed=Pressed(Control.PICK, "2", row))
    picked = await Write().plan(pressed)
    assert isinstance(picked, Say)
    assert picked.finished.text == "**B**"
    for record in picked.finished.records:
        await record.write(stores, pressed)
    (kept,) = await stores.feedback.of_turn(row.id)
    assert (kept.kind, kept.detail) == ("pick", {"chosen": "B", "rejected": ["A"]})


@pytest.mark.parametrize("value", ["3", "0", "-1", "²", "", "x"])
async def test_a_pick_that_is_not_in_the_list_is_refused(sqlite: Database, value: str) -> None:
    stores = stores_over(sqlite)
    said = iter(("A", "B", "B"))
    row = await stored(Write(), turn(stores, kind="headline", facts=FACTS), lambda prompt: next(said))
    with pytest.raises(UserError, match="no longer in the list"):
        await Write().plan(turn(stores, pressed=Pressed(Control.PICK, value, row)))


@pytest.mark.parametrize("name", list(REFINEMENTS))
async def test_a_refinement_is_asked_of_the_text_as_it_stands(sqlite: Database, name: str) -> None:
    stores = stores_over(sqlite)
    row = await stored(Write(), turn(stores, kind="email", facts=FACTS), lambda prompt: "The mill closes.")
    ran = await run_plan(
        await Write().plan(turn(stores, pressed=Pressed(Control.REFINE, name, row))), lambda prompt: "It closes."
    )
    assert ran.prompts[0][-1].content == f"{REFINEMENTS[name][1]}\n\nThe mill closes."
    assert ran.finished.text == "It closes."


async def test_an_outline_leads_to_its_chapters(sqlite: Database) -> None:
    stores = stores_over(sqlite)
    outline = "1. The mill\n2. The people\n3. The end"
    ran = await run_plan(await Write().plan(turn(stores, kind="outline", facts=FACTS)), lambda prompt: outline)
    assert [button.label for button in ran.finished.buttons if button.control == Control.CONTINUE] == [
        "Write 1. The mill", "Write 2. The people", "Write 3. The end",
    ]  # fmt: skip
    row = await stored(Write(), turn(stores, kind="outline", facts=FACTS), lambda prompt: outline)
    ran = await run_plan(
        await Write().plan(turn(stores, pressed=Pressed(Control.CONTINUE, "2", row))), lambda prompt: "They worked."
    )
    assert ran.prompts[0][-1].content == f"The book:\n{outline}\n\nWrite the chapter “The people”."
    assert ran.finished.text == "## The people\n\nThey worked."
    with pytest.raises(UserError, match="not in the outline"):
        await Write().plan(turn(stores, pressed=Pressed(Control.CONTINUE, "7", row)))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The mill on Oak Lane closes on 3 June.", ()),
        ("Subject: The mill\n\nHello,\n\nthe mill closes. Kind regards", ()),
        ("**Summary**\n- 41 people worked there.\n1. Inform Oak Lane.", ()),
        ("The mill closes on 4 June.", ("4",)),
        ("See https://mill.example for more.", ("https://mill.example",)),
        ("The mayor, Anna Berg, is sorry.", ("Anna", "Berg")),
        ("Run `mill --stop` now.", ("--stop",)),
    ],
)
def test_what_is_not_among_the_facts_is_listed(text: str, found: Sequence[str]) -> None:
    note = to_verify(text, FACTS)
    assert note == ((f"Not among your facts, please verify: {', '.join(found)}.",) if found else ())


def test_a_title_is_checked_for_its_numbers() -> None:
    assert to_verify("1. Old Mill Says Goodbye After 50 Years", FACTS, titled=True) == (
        "Not among your facts, please verify: 50.",
    )


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("One sentence here.\nAnother one here.", "One sentence here.\nAnother one here."),
        ("**Steps**\n1. Do this now.\n\n**More**\n1. Do this now.\n2. And that.", "**Steps**\n1. Do this now.\n"),
        ("It is so, indeed.\nIt is so, indeed.\nIt is", "It is so, indeed.\n"),
        ("It is so, indeed.\nIt is so", "It is so, indeed.\nIt is so"),
        ("Yes.\nYes.\nYes.", "Yes.\nYes.\nYes."),
        ("The end of it.\n\n**Left over**\n", "The end of it.\n"),
        ("1. Bees and the bees\n2. Bees and the bees\n3. Bees", "1. Bees and the bees\n"),
        ("", ""),
    ],
)
def test_a_text_ends_where_it_goes_in_circles(said: str, shown: str, size: int) -> None:
    onward = Onward()
    parts = [onward.feed(said[start : start + size]) for start in range(0, len(said), size)]
    assert "".join(parts) + onward.end() == shown


async def test_an_outline_is_its_chapters_once_each_and_six_at_most(sqlite: Database) -> None:
    said = "\n".join(f"{number}. About the {number}th thing" for number in range(1, 9))
    ran = await run_plan(await Write().plan(turn(stores_over(sqlite), kind="outline", facts=FACTS)), lambda _: said)
    assert ran.finished.text.splitlines()[-1] == "6. About the 6th thing"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Norway Bans Cars in Centre. Norway Bans Cars in", "Norway Bans Cars in Centre"),
        ("Dr. Berg Wins Oslo Marathon", "Dr. Berg Wins Oslo Marathon"),
        ("Ferry Hits Pier in Kiel, 42.5 Tonnes of Oil Lost", "Ferry Hits Pier in Kiel, 42.5 Tonnes of Oil Lost"),
        ("", ""),
    ],
)
def test_a_headline_is_one_sentence(said: str, shown: str) -> None:
    tidy = Tidy()
    assert tidy.feed(said) == ""
    assert tidy.end() == shown


def test_a_headline_loses_its_label_quotes_and_full_stop() -> None:
    tidy = Tidy()
    assert tidy.feed('Headline: "Mill') == ""
    assert tidy.feed(' Closes."\n') == ""
    assert tidy.end() == "Mill Closes"
