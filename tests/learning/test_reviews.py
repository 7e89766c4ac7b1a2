"""Reviews: one item a turn, decided once, by a moderator who has not flagged it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.database import now
from bot.errors import UserError
from bot.learning.flags import Reason, Report
from bot.learning.quorum import states_facts
from bot.learning.review import reviews
from bot.privacy import forget_everything
from tests.core.conftest import Core
from tests.learning.people import ANN, BOB, EVE, HERE, MIA, MO, MODERATION, answered, pressed, set_up

WRONG = Report((Reason.WRONG_FACT,), "", "It is three.")


@pytest.fixture
async def server(core: Core) -> Core:
    await set_up(core.stores.places)
    return core


async def test_flags_and_better_answers_join_one_item(server: Core) -> None:
    turn = await answered(server)
    await pressed(server, turn, "flag", "wrong fact: look it up", author=BOB)
    await pressed(server, turn, "down", "It is three.", author=EVE)
    (item,) = await server.stores.reviews.queue()
    assert (item.turn_id, item.scenario, item.suggestion, item.state) == (turn.id, "chat", "It is three.", "open")
    said = await server.stores.reviews.complaints(turn.id)
    assert [(one.user, one.note, one.correction) for one in said] == [
        ("test:bob", "look it up", ""), ("test:eve", "", "It is three."),
    ]  # fmt: skip


async def test_a_thumb_alone_opens_nothing_and_a_thumb_turned_up_takes_its_item_back(server: Core) -> None:
    turn = await answered(server)
    assert await pressed(server, turn, "down", author=BOB) == "Noted, thank you. Nobody else sees it."
    assert await server.stores.reviews.get(turn.id) is None
    said = await pressed(server, turn, "down", "It is three.", author=BOB)
    assert said == "Noted, thank you. Your better answer waits for review."
    assert len(await server.stores.reviews.queue()) == 1
    await pressed(server, turn, "up", author=BOB)
    assert await server.stores.reviews.queue() == []
    assert await pressed(server, turn, "approve", author=MO) == (
        "That is no longer in the queue: the answer was deleted or the flag was taken back."
    )
    await pressed(server, turn, "down", "It is three.", author=BOB)
    assert len(await server.stores.reviews.queue()) == 1


async def test_approve_edit_reject(server: Core) -> None:
    ends = {}
    for control, value in (("approve", ""), ("correct", "It is many."), ("reject", "")):
        turn = await answered(server)
        await server.stores.reviews.flag(turn, "test:bob", WRONG)
        ends[control] = await pressed(server, turn, control, value, author=MO)
        item = await server.stores.reviews.get(turn.id)
        assert item is not None
        ends[control] = (ends[control], item.state, item.correction, item.decided_by, item.decider)
    assert ends == {
        "approve": ("Approved: this is the better answer.", "approved", "It is three.", "test:2", "Mo"),
        "correct": ("Approved: this is the better answer.", "edited", "It is many.", "test:2", "Mo"),
        "reject": ("Rejected: the answer stands.", "rejected", "", "test:2", "Mo"),
    }
    assert await server.stores.reviews.queue() == []
    assert len(await server.stores.reviews.queue("rejected", platform="test", server="guild")) == 1


async def test_who_is_no_moderator_decides_nothing(server: Core) -> None:
    turn = await answered(server)
    await server.stores.reviews.flag(turn, "test:bob", WRONG)
    for control in ("claim", "approve", "correct", "reject", "reopen"):
        refused = await pressed(server, turn, control, "x", author=EVE)
        assert refused == "Only this server's moderators can do that."
    stranger = await server.stores.places.moderator(HERE, MO)
    other = await answered(server, place=type(HERE)("test", "other", "general"))
    await server.stores.reviews.flag(other, "test:bob", WRONG)
    with pytest.raises(UserError, match="Only that server's moderators"):
        await server.stores.reviews.approve(other.id, stranger)
    assert len(await server.stores.reviews.queue()) == 2


@pytest.mark.parametrize("how", ["flag", "down"])
async def test_nobody_reviews_what_they_flagged(server: Core, how: str) -> None:
    turn = await answered(server)
    await pressed(server, turn, how, "It is three.", author=MO, place=HERE)
    for control in ("approve", "correct", "reject"):
        assert await pressed(server, turn, control, "x", author=MO) == (
            "You flagged that answer yourself, so somebody else has to decide."
        )
    assert await pressed(server, turn, "reject", author=MIA) == "Rejected: the answer stands."


async def test_a_decision_is_made_once_and_can_be_undone(server: Core) -> None:
    turn = await answered(server)
    await server.stores.reviews.flag(turn, "test:bob", WRONG)
    mo, mia = [await server.stores.places.moderator(HERE, one) for one in (MO, MIA)]
    outcomes = await asyncio.gather(
        server.stores.reviews.approve(turn.id, mo), server.stores.reviews.reject(turn.id, mia), return_exceptions=True
    )
    assert sorted(isinstance(one, UserError) for one in outcomes) == [False, True]
    refused = next(one for one in outcomes if isinstance(one, UserError))
    assert "already; reopen it to change that." in refused.words
    assert await pressed(server, turn, "reopen", author=MIA) == "It is open again."
    item = await server.stores.reviews.get(turn.id)
    assert item is not None
    assert (item.state, item.decided_by, item.correction) == ("open", "", "")
    assert await server.stores.reviews.verdicts(turn.id) == []
    await pressed(server, turn, "reject", author=MIA)


async def test_a_claim_keeps_others_off_until_it_runs_out(server: Core) -> None:
    turn = await answered(server)
    await server.stores.reviews.flag(turn, "test:bob", WRONG)
    assert str(await pressed(server, turn, "claim", author=MO)).startswith("It is yours until ")
    refused = str(await pressed(server, turn, "approve", author=MIA))
    assert refused.startswith("Mo is looking at that one; it is free again at ")
    async with server.stores.database.write() as connection:
        await connection.execute(reviews.update().values(claimed_until=now() - timedelta(seconds=1)))
    assert await pressed(server, turn, "approve", author=MIA) == "Approved: this is the better answer."


async def test_what_was_not_seen_is_not_approved(server: Core) -> None:
    turn = await answered(server)
    await server.stores.reviews.flag(turn, "test:bob", WRONG)
    item = await server.stores.reviews.get(turn.id)
    assert item is not None
    await server.stores.reviews.flag(turn, "test:eve", Report((Reason.OTHER,), "", "Buy my shoes."))
    refused = await pressed(server, turn, "approve", str(item.revision), author=MO)
    assert refused == "This one has changed since you opened it; look at it again."
    assert await pressed(server, turn, "approve", str(item.revision + 1), author=MO) == (
        "Approved: this is the better answer."
    )


async def test_numbers_prices_and_links_need_two_reviewers(server: Core) -> None:
    turn = await answered(server)
    await server.stores.reviews.flag(turn, "test:bob", WRONG)
    kept = "Kept. It states numbers, prices or links, so a second moderator has to agree."
    assert await pressed(server, turn, "correct", "It costs 3 euros.", author=MO) == kept
    assert await pressed(server, turn, "approve", author=MO) == kept  # oneself is no second one
    await server.stores.reviews.flag(turn, "test:eve", Report((Reason.OTHER,), "", "It is free."))
    item = await server.stores.reviews.get(turn.id)
    assert item is not None
    assert (item.state, item.suggestion) == ("open", "It costs 3 euros.")
    assert await pressed(server, turn, "approve", author=MIA) == "Approved: this is the better answer."
    item = await server.stores.reviews.get(turn.id)
    assert item is not None
    assert (item.state, item.correction, item.decider) == ("edited", "It costs 3 euros.", "Mia")


@pytest.mark.parametrize("text", ["at 6", "€ six", "see https://a.b", "www.a", "parley.com", "٣ days"])
def test_facts_that_want_a_second_reviewer(text: str) -> None:
    assert states_facts(text)
    assert not states_facts("We close on Sundays, e.g. at noon.")


async def test_two_people_who_flag_at_once_make_one_item(server: Core) -> None:
    turn = await answered(server)
    users = [f"test:{number}" for number in range(8)]
    new = await asyncio.gather(*(server.stores.reviews.flag(turn, user, WRONG) for user in users * 2))
    assert sum(new) == 8
    assert len(await server.stores.flags.of_turn(turn.id)) == 8
    assert len(await server.stores.reviews.queue()) == 1


async def test_forgetting_takes_flags_and_items_along(server: Core) -> None:
    asked, flagged = await answered(server, author=ANN), await answered(server, author=BOB)
    for turn, user in ((asked, "test:bob"), (flagged, "test:ann")):
        await server.stores.reviews.flag(turn, user, WRONG)
    await forget_everything(server.stores, "test:ann")
    assert await server.stores.flags.of_user("test:ann") == []
    assert await server.stores.reviews.queue() == []
    await server.stores.reviews.sweep()
    assert await server.stores.reviews.get(asked.id) is None


async def test_items_whose_turn_is_swept_leave_the_queue(server: Core) -> None:
    turn = await answered(server)
    await server.stores.reviews.flag(turn, "test:bob", WRONG)
    await server.stores.memory.delete(turn.conversation)
    await server.stores.reviews.sweep()
    assert await server.stores.reviews.get(turn.id) is None
    assert await pressed(server, turn, "approve", author=MO, place=MODERATION) == (
        "That answer is no longer kept, so its buttons do nothing any more."
    )
