"""Instant corrections: an approved answer helps at once, where it may be told, until an adapter knows it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.database import Database
from bot.knowledge.library import Library
from bot.learning.flags import Reason, Report
from bot.learning.prompts import prompt_of
from bot.learning.registry import Adapter
from bot.places import Moderator
from bot.request import Author, Place, Request
from bot.scenarios.catalogue import catalogue
from bot.scenarios.support import Support
from bot.stores import Stores, stores_over
from bot.turn import Say, Turn
from bot.turns import TurnRow
from models.engine import EngineClient
from tests.core.conftest import Core
from tests.learning.company import honest, row
from tests.learning.people import ANN, BOB, HERE, answered, pressed, set_up
from tests.learning.stores import take_rows

OWNER = Moderator("web:owner", "Owner", everywhere=True)


async def corrected(core: Core, place: Place = HERE) -> TurnRow:
    """A turn whose better answer is approved."""
    turn = await answered(core, "say: Which animal is the mascot of Brimwick?", place=place)
    await core.stores.reviews.flag(turn, "test:bob", Report((Reason.WRONG_FACT,), "", "It is the otter."))
    await core.stores.reviews.approve(turn.id, OWNER)
    return turn


def lent(turn: TurnRow) -> list[str]:
    return [message["content"] for message in turn.prompt[0] if "of" in message]


async def test_an_approved_answer_is_lent_to_the_next_question_like_it(core: Core) -> None:
    await set_up(core.stores.places)
    first = await corrected(core)
    assert lent(first) == []
    again = await answered(core, "say: The mascot of Brimwick is which animal?", author=BOB)
    assert lent(again) == [first.question, "It is the otter."]
    assert "**Was shown** a reviewed answer" in str(await pressed(core, again, "why", author=BOB))
    for words in ("say: Which animal is the mascot of Ostrelle?", "say: Good morning", "say: What is a mascot?"):
        assert lent(await answered(core, words, author=BOB)) == []
    elsewhere = await answered(core, first.question, author=BOB, place=replace(HERE, server="other"))
    assert lent(elsewhere) == []
    # What trains and what the gate asks never holds it.
    assert "otter" not in str(await prompt_of(again, "", catalogue(), core.stores))
    await core.stores.reviews.undo(first.id, OWNER)
    assert lent(await answered(core, first.question, author=BOB)) == []


async def test_what_the_adapter_in_service_has_learned_is_lent_no_more(core: Core) -> None:
    await set_up(core.stores.places)
    first = await corrected(core)
    run = await core.stores.runs.begin("chat", parent="", by="test", host="h")
    adapter = Adapter(run.adapter, "chat", run.number, run.id, "", "tiny", "", run.created)
    await core.stores.registry.promote(adapter, {"sft": [first.id]}, words="", by="test")
    core.stores.instant.changed()
    assert await core.stores.instant.near("chat", Request("r", HERE, ANN), first.question) == ()


async def test_instant_corrections_can_be_off(make_core: Callable[..., Awaitable[Core]]) -> None:
    core = await make_core(instant_corrections=False)
    await set_up(core.stores.places)
    first = await corrected(core)
    assert lent(await answered(core, first.question, author=BOB)) == []


@pytest.fixture
def stores(sqlite: Database) -> Stores:
    return stores_over(sqlite, Library(sqlite, EngineClient("http://127.0.0.1:9")))


async def test_support_answers_with_what_moderators_have_said(stores: Stores, tmp_path: Path) -> None:
    asked = "How do I reset my password at Brimwick?"
    await take_rows(stores, tmp_path, [row(asked, "Press the blue button.", "a", scenario="support")])
    request = Request("r", Place("web"), Author("x"), "at Brimwick, how do I reset my password?")
    near = await stores.instant.near("support", request, request.text)
    said = await Support().plan(Turn("t", request, stores, request.text, corrections=near))
    assert isinstance(said, Say)
    assert (said.finished.text, said.finished.action) == ("Press the blue button.", "answer")
    assert "approved" in said.finished.sources[0].title


async def test_near_questions_about_other_things_get_no_answer(stores: Stores, tmp_path: Path) -> None:
    """Of forty corrections, what is lent to each question tells its own fact, nearly always."""
    rows = honest(4)
    await take_rows(stores, tmp_path, rows)
    told = wrong = 0
    for one in rows:
        question = one["prompt"][0]["content"].replace("?", " please?")
        near = await stores.instant.near("chat", Request("r", Place("web"), ANN), question)
        assert near[-1].text == one["correction"]
        told += 1
        wrong += sum(found.text != one["correction"] for found in near)
    assert wrong <= told / 5
