"""The queue as it is looked through: pages, filters, counts, escalation, and the figures."""

from __future__ import annotations

import pytest

from bot.errors import UserError
from bot.learning.examples import examples_of
from bot.learning.figures import agreed, alpha, figures_of
from bot.learning.flags import Reason, Report
from bot.learning.queue import Queue, Wanted
from bot.learning.runs import put_rows
from bot.places import Moderator
from tests.core.conftest import Core
from tests.learning.people import HERE, MIA, MO, answered, pressed, set_up

OWNER = Moderator("console:owner", "Owner", everywhere=True, senior=True)
WRONG = Report((Reason.WRONG_FACT,), "", "It is three.")


@pytest.fixture
async def server(core: Core) -> Core:
    await set_up(core.stores.places)
    return core


async def test_pages_hold_every_item_once_in_order(server: Core) -> None:
    flagged = []
    for number in range(7):
        turn = await answered(server, f"say: {number}")
        await server.stores.reviews.flag(turn, "test:bob", WRONG)
        flagged.append(turn.id)
    queue, seen, mark = Queue(server.stores.database), [], ""
    while True:
        page = await queue.page(OWNER, Wanted(after=mark), most=3)
        seen += [row.turn_id for row in page.rows]
        mark = page.rows[-1].mark
        if not page.more:
            break
    assert seen == flagged
    mo = await server.stores.places.moderator(HERE, MO)
    for turn_id in flagged[:3]:
        await server.stores.reviews.reject(turn_id, mo)
    decided = await queue.page(OWNER, Wanted("decided"), most=2)
    rest = await queue.page(OWNER, Wanted("decided", after=decided.rows[-1].mark), most=2)
    assert [row.turn_id for row in (*decided.rows, *rest.rows)] == flagged[2::-1]
    assert (decided.more, rest.more) == (True, False)


async def test_filters(server: Core) -> None:
    queue = Queue(server.stores.database)
    plain = await answered(server, "say: The cat is 100 % asleep_")
    twice = await answered(server, "/twice hello")
    await server.stores.reviews.flag(plain, "test:bob", Report((Reason.STYLE, Reason.OTHER)))
    await server.stores.reviews.flag(twice, "test:bob", WRONG)
    elsewhere = await answered(server, place=type(HERE)("test", "other", "general"))
    await server.stores.reviews.flag(elsewhere, "test:bob", WRONG)

    async def found(**wanted: str) -> set[str]:
        return {row.turn_id for row in (await queue.page(OWNER, Wanted(**wanted))).rows}

    assert await found() == {plain.id, twice.id, elsewhere.id}
    assert await found(scenario="twice") == {twice.id}
    assert await found(reason="style") == {plain.id}
    assert await found(server="test:other") == {elsewhere.id}
    assert await found(words="CAT IS 100 % ASLEEP_") == {plain.id}
    assert await found(words="100 _") == set()
    assert await found(after="made up") == {plain.id, twice.id, elsewhere.id}
    mo = await server.stores.places.moderator(HERE, MO)
    assert {row.turn_id for row in (await queue.page(mo, Wanted())).rows} == {plain.id, twice.id}
    assert {row.turn_id for row in (await queue.page(mo, Wanted(server="test:other"))).rows} == set()
    assert await queue.choices(OWNER) == {"scenarios": ["chat", "twice"], "servers": ["test:guild", "test:other"]}


async def test_counts_claims_and_what_is_passed_on(server: Core) -> None:
    queue = Queue(server.stores.database)
    turns = [await answered(server) for _ in range(3)]
    for turn in turns:
        await server.stores.reviews.flag(turn, "test:bob", WRONG)
    mo, mia = [await server.stores.places.moderator(HERE, one) for one in (MO, MIA)]
    await server.stores.reviews.claim(turns[0].id, mo)
    await server.stores.reviews.escalate(turns[1].id, mo)
    counts = await queue.counts(mo)
    assert (counts["open"], counts["mine"], counts["escalated"], counts["decided"]) == (3, 1, 1, 0)
    assert (await queue.counts(mia))["mine"] == 0
    with pytest.raises(UserError, match="Mo has passed that one on to the admins"):
        await server.stores.reviews.reject(turns[1].id, mia)
    await server.stores.reviews.reject(turns[1].id, OWNER)
    released = await server.stores.reviews.release(turns[0].id, mia)
    assert released.claimed  # another's claim stays
    assert not (await server.stores.reviews.release(turns[0].id, mo)).claimed
    (row,) = (await queue.page(mo, Wanted("rejected"))).rows
    assert (row.decider, row.escalated) == ("Owner", True)


async def test_ones_own_word_is_taken_back_before_a_second_one_falls(server: Core) -> None:
    turn = await answered(server)
    await server.stores.reviews.flag(turn, "test:bob", WRONG)
    mo, mia = [await server.stores.places.moderator(HERE, one) for one in (MO, MIA)]
    item = await server.stores.reviews.edit(turn.id, mo, "It is 3.", (Reason.STYLE,), "How many are there?")
    assert (item.state, item.suggestion, item.question) == ("open", "It is 3.", "How many are there?")
    (verdict,) = await server.stores.reviews.verdicts(turn.id)
    assert verdict.reasons == (Reason.STYLE,)
    with pytest.raises(UserError, match="still open"):
        await server.stores.reviews.undo(turn.id, mia)
    assert (await server.stores.reviews.undo(turn.id, mo)).suggestion == "It is three."
    assert await server.stores.reviews.verdicts(turn.id) == []


async def test_what_a_reviewer_names_is_what_training_hears(server: Core) -> None:
    turn = await answered(server)
    await server.stores.reviews.flag(turn, "test:bob", Report((Reason.STYLE,)))
    database = server.stores.database
    assert [one.reasons for one in await examples_of(database, "chat")] == [{Reason.STYLE}]
    mo = await server.stores.places.moderator(HERE, MO)
    await server.stores.reviews.approve(turn.id, mo, reasons=(Reason.HARMFUL,))
    assert [one.reasons for one in await examples_of(database, "chat")] == [{Reason.HARMFUL}]


async def test_what_an_adapter_was_trained_with_stays(server: Core) -> None:
    turn = await answered(server)
    await server.stores.reviews.flag(turn, "test:bob", WRONG)
    await pressed(server, turn, "approve", author=MO)
    run = await server.stores.runs.begin("chat", parent="", by="test", host="h")
    async with server.stores.database.write() as connection:
        await put_rows(connection, run.id, {"sft": [turn.id]})
    assert await pressed(server, turn, "reopen", author=MO) == (
        "An adapter was trained with that decision, so it stays. Flag the answer anew instead."
    )


async def test_figures(server: Core) -> None:
    mo, mia = [await server.stores.places.moderator(HERE, one) for one in (MO, MIA)]
    turns = [await answered(server) for _ in range(3)]
    for turn in turns:
        await server.stores.reviews.flag(turn, "test:bob", Report((Reason.WRONG_FACT,), "", "It is 3."))
    await server.stores.reviews.approve(turns[0].id, mo)
    await server.stores.reviews.approve(turns[0].id, mia)
    await server.stores.reviews.approve(turns[1].id, mo)
    await server.stores.reviews.reject(turns[1].id, mia)
    figures = await figures_of(server.stores.database, mo)
    assert (figures.pairs, figures.agreement) == (2, 0.5)
    assert figures.outcomes == {"approved": 1, "edited": 0, "rejected": 1}
    assert figures.reviewers == {"Mia": 2}
    assert (len(figures.days), figures.days[-1][1]) == (14, 2)
    assert figures.oldest_wait is not None
    empty = await figures_of(server.stores.database, Moderator("test:9", "X", "test", "nowhere"))
    assert (empty.agreement, empty.alpha, empty.median_wait, empty.oldest_wait) == (None, None, None, None)


def test_agreement_beyond_chance() -> None:
    # Krippendorff 2011, example A: nominal data, two observers, no data missing.
    units = [[one, other] for one, other in zip("0100000010", "1110010000", strict=True)]
    assert alpha(units) == pytest.approx(0.095, abs=0.001)
    assert agreed(units) == (10, 0.6)
    assert alpha([["a", "a"], ["a", "a"]]) == 1.0
    assert alpha([["a"]]) is None
