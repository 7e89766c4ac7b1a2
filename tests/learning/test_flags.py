"""Flags: read from any form, kept once a person and turn."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.errors import UserError
from bot.learning.flags import Reason, Report
from tests.core.conftest import Core
from tests.learning.people import ANN, BOB, EVE, HERE, answered, pressed


@pytest.mark.parametrize(
    ("value", "report"),
    [
        ("wrong_fact", Report((Reason.WRONG_FACT,))),
        ("Wrong fact, style, wrong fact", Report((Reason.WRONG_FACT, Reason.STYLE))),
        ("spam: sells shoes", Report((Reason.SPAM,), "sells shoes")),
        ("it closes at six: not at five", Report((Reason.OTHER,), "it closes at six: not at five")),
        ('{"reasons": ["harmful"], "note": " n ", "correction": "c"}', Report((Reason.HARMFUL,), "n", "c")),
        ('{"reasons": []}', Report((Reason.OTHER,))),
        ("my key sk-abcdefghijklmnopqrst", Report((Reason.OTHER,), "my key [secret]")),
    ],
)
def test_a_report_is_read(value: str, report: Report) -> None:
    assert Report.parse(value) == report
    assert Report.parse(report.value) == report


@pytest.mark.parametrize("value", ["", "  ", "{", '{"reasons": 5}', '{"reasons": ["spam"], "note": {}}', "[]{"])
def test_a_report_that_says_nothing_is_one_sentence(value: str) -> None:
    if value == "[]{":
        assert Report.parse(value).note == value
        return
    with pytest.raises(UserError) as caught:
        Report.parse(value)
    assert caught.value.words.endswith(".")


async def test_one_flag_a_person_and_turn_the_last_wins(core: Core) -> None:
    turn = await answered(core)
    assert await pressed(core, turn, "flag", "spam", author=BOB) == "Flagged, thank you. A moderator will look at it."
    assert await pressed(core, turn, "flag", "style: too long", author=BOB) == "Your flag is changed, thank you."
    await pressed(core, turn, "flag", "wrong fact", author=ANN)
    flags = await core.stores.flags.of_turn(turn.id)
    assert sorted((flag.user, flag.reasons, flag.note) for flag in flags) == [
        ("test:ann", (Reason.WRONG_FACT,), ""),
        ("test:bob", (Reason.STYLE,), "too long"),
    ]
    assert len(await core.stores.reviews.queue()) == 1


async def test_nobody_flags_what_they_cannot_see(core: Core) -> None:
    turn = await answered(core)
    refused = await pressed(core, turn, "flag", "spam", author=EVE, place=replace(HERE, channel="secret"))
    assert refused == "Only the person who asked can press this one."
    assert await core.stores.reviews.queue() == []


async def test_a_turn_that_left_no_words_cannot_be_flagged(core: Core) -> None:
    turn = await answered(core)
    await core.stores.turns.finish(turn.id, answer="", question="")
    assert await pressed(core, turn, "flag", "spam", author=BOB) == (
        "I keep nothing of that answer, so nobody could review it."
    )
    assert await core.stores.flags.of_turn(turn.id) == []
