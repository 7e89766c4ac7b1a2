"""Whose words train: nobody's until the owner, the server and the member have said yes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from bot.learning.consent import PREFERENCE
from bot.learning.exports import exported
from bot.learning.flags import Reason, Report
from bot.places import Moderator
from bot.request import Author, Place
from bot.scenarios.catalogue import catalogue
from bot.scenarios.chat import QUOTES
from bot.settings import Settings
from bot.turns import TurnRow
from tests.core.conftest import Core
from tests.learning.people import answered
from tests.learning.stores import built

ROOM = Place("discord", "guild", "general")
ADMIN, ASKER = Author("1", "Ada", admin=True), Author("7", "Ann")
OWNER = Moderator("web:owner", "Owner", everywhere=True)
YES = {"training_discord": True}


async def corrected(core: Core, place: Place = ROOM) -> TurnRow:
    """A member's turn with another member's correction, approved."""
    turn = await answered(core, "say: My name is on the door of which room?", author=ASKER, place=place)
    await core.stores.reviews.flag(turn, "discord:8", Report((Reason.WRONG_FACT,), "", "On that of the tower."))
    await core.stores.reviews.approve(turn.id, OWNER)
    return turn


async def agree(core: Core, *, server: bool = True, member: str = "on") -> None:
    await core.stores.places.change(ROOM, ADMIN, "training", server)
    await core.stores.members.prefer("discord:7", PREFERENCE, member)


@pytest.mark.parametrize(
    ("settings", "server", "member", "reason"),
    [
        ({}, True, "on", "training from discord is off in the settings"),
        (YES, False, "on", "its server has not switched training on"),
        (YES, True, "", "the person who asked has not said that their words may train"),
        (YES, True, "off", "the person who asked has not said that their words may train"),
    ],
)
async def test_each_of_the_three_has_to_say_yes(
    core: Core, settings: dict[str, Any], server: bool, member: str, reason: str
) -> None:
    turn = await corrected(core)
    await agree(core, server=server, member=member)
    dataset = await built(core.stores, **settings)
    assert (dataset.trained, dataset.dropped) == (frozenset(), {turn.id: reason})


async def test_with_all_three_it_trains_and_goes_out_without_names(core: Core) -> None:
    turn = await corrected(core)
    await agree(core)
    dataset = await built(core.stores, **YES)
    assert dataset.trained == {turn.id}
    (line,) = [
        line async for line in exported(core.stores, Settings(_env_file=None, **YES), "chat", catalogue(), Counter())
    ]
    assert (line["correction"], line["rating"], line["consent"]) == ("On that of the tower.", "down", True)
    assert all(name.startswith("person-") for name in (line["author"], *line["reviewers"]))
    await core.stores.members.prefer("discord:8", PREFERENCE, "off")
    assert (await built(core.stores, **YES)).dropped == {
        turn.id: "the person who wrote the better answer does not want to train me"
    }


async def test_a_question_in_a_reviewers_words_needs_no_word_of_its_member(core: Core) -> None:
    turn = await answered(core, "say: Where do I, Ann Smith, find my room?", author=ASKER, place=ROOM)
    await core.stores.reviews.flag(turn, "discord:8", Report((Reason.WRONG_FACT,), "", ""))
    await core.stores.reviews.edit(turn.id, OWNER, "In the tower.", question="Where is the room?")
    await agree(core, member="")
    dataset = await built(core.stores, **YES)
    assert dataset.trained == {turn.id}
    line = next(one.line for one in dataset.rows if one.stage == "sft")
    assert line["prompt"][-1]["content"] == "Where is the room?"
    assert "Ann" not in str(line)


async def test_what_a_person_takes_back_trains_no_more(core: Core) -> None:
    turn = await corrected(core)
    await agree(core)
    await core.stores.turns.finish(turn.id, state="undone", remembered=False)
    assert (await built(core.stores, **YES)).dropped == {turn.id: "taken back by the person who asked"}


async def test_words_of_others_in_a_prompt_keep_it_out(core: Core) -> None:
    turn = await corrected(core)
    await agree(core)
    quoted = [[{"role": "user", "content": f"{QUOTES}\nBob: I moved to Leeds.\n\nWhich room?"}]]
    await core.stores.turns.finish(turn.id, prompt=quoted)
    assert (await built(core.stores, **YES)).dropped == {
        turn.id: "it holds words of other people, who have not been asked"
    }
