"""Review cards: each item has one card, which shows what became of it, whatever crashes."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.database import now
from bot.delivery import SendFailed, SendForbidden
from bot.learning.flags import Reason, Report
from bot.learning.review import reviews
from bot.learning.review_cards import Announcer, Card
from bot.privacy import forget_everything
from bot.request import MessageRef
from tests.core.conftest import Core
from tests.learning.people import ADMIN, HERE, MIA, MO, Board, answered, pressed, set_up

WRONG = Report((Reason.WRONG_FACT, Reason.STYLE), "look it up", "It is three.")


@pytest.fixture
async def server(core: Core) -> Core:
    await set_up(core.stores.places)
    return core


def announcer(core: Core, board: Board) -> Announcer:
    """An announcer that delivers when it is told to."""
    made = Announcer(core.stores.reviews, core.stores.turns, core.stores.places)
    made._couriers["test"] = board
    return made


async def test_a_card_shows_the_item_and_follows_it(server: Core) -> None:
    board, turn = Board(), await answered(server)
    cards = announcer(server, board)
    await server.stores.reviews.flag(turn, "test:bob", WRONG)
    await server.stores.reviews.flag(turn, "test:eve", Report((Reason.STYLE,)))
    assert await cards.deliver() == 1
    (card,) = board.cards.values()
    assert (card.question, card.answer, card.suggestion) == ("say: It is two.", "It is two.", "It is three.")
    assert (card.reasons, card.notes) == ({"style": 2, "wrong fact": 1}, ("look it up",))
    assert (card.place, card.message) == (HERE, MessageRef("test", "c", (f"m-{turn.id}",)))
    assert card.status == "Waits for a moderator"
    assert [button.control for button in card.buttons] == ["approve", "correct", "reject", "claim"]
    assert await cards.deliver() == 0

    await pressed(server, turn, "claim", author=MO)
    await cards.deliver()
    assert only(board).status == "Mo is looking at this"
    await pressed(server, turn, "correct", "It is 3.", author=MO)
    await cards.deliver()
    assert only(board).status.startswith("One reviewer agrees; a second one has to")
    revision = only(board).buttons[0].value
    await pressed(server, turn, "approve", revision, author=MIA)
    await cards.deliver()
    assert (only(board).status, only(board).correction) == ("Edited by Mia", "It is 3.")
    assert [button.control for button in only(board).buttons] == ["reopen"]


def only(board: Board) -> Card:
    (card,) = board.cards.values()
    return card


async def test_a_card_that_is_not_taken_is_due_again(server: Core) -> None:
    board, turn = Board(errors=[SendFailed("down")]), await answered(server)
    cards = announcer(server, board)
    await server.stores.reviews.flag(turn, "test:bob", WRONG)
    assert await cards.deliver() == 0
    assert await cards.deliver() == 0  # not at once
    await later(server)
    assert await announcer(server, board).deliver() == 1  # a new process as well


async def test_a_crash_while_sending_loses_no_card(server: Core) -> None:
    class Killed(BaseException):
        pass

    class Dying(Board):
        async def post(self, card, channel):
            raise Killed

    turn = await answered(server)
    await server.stores.reviews.flag(turn, "test:bob", WRONG)
    with pytest.raises(Killed):
        await announcer(server, Dying()).deliver()
    board = Board()
    assert await announcer(server, board).deliver() == 0  # another host may still be at it
    await later(server)
    assert await announcer(server, board).deliver() == 1


async def test_a_card_somebody_deleted_is_posted_anew_while_it_is_open(server: Core) -> None:
    board, turn = Board(), await answered(server)
    cards = announcer(server, board)
    await server.stores.reviews.flag(turn, "test:bob", WRONG)
    await cards.deliver()
    board.errors.append(SendForbidden("unknown message"))
    await pressed(server, turn, "claim", author=MO)
    while await cards.deliver():
        pass
    assert len(board.cards) == 2
    board.errors.append(SendForbidden("unknown message"))
    await pressed(server, turn, "reject", author=MO)
    while await cards.deliver():
        pass
    assert len(board.cards) == 2


async def test_cards_wait_for_a_channel(server: Core) -> None:
    await server.stores.places.change(HERE, ADMIN, "moderators_channel", "")
    board, turn = Board(), await answered(server)
    cards = announcer(server, board)
    await server.stores.reviews.flag(turn, "test:bob", WRONG)
    assert await cards.deliver() == 0
    assert board.calls == 0
    await server.stores.places.change(HERE, ADMIN, "moderators_channel", "mods")
    await later(server)
    assert await cards.deliver() == 1


async def test_what_a_person_has_deleted_leaves_the_card(server: Core) -> None:
    board, turn = Board(), await answered(server)
    cards = announcer(server, board)
    await server.stores.reviews.flag(turn, "test:bob", WRONG)
    await cards.deliver()
    await forget_everything(server.stores, "test:ann")
    await server.stores.reviews.sweep()
    await cards.deliver()
    card = only(board)
    assert (card.question, card.answer, card.suggestion, card.notes, card.buttons) == ("", "", "", (), ())
    await server.stores.reviews.sweep()
    assert await server.stores.reviews.get(turn.id) is None


async def test_two_hosts_post_one_card(server: Core) -> None:
    board, turn = Board(), await answered(server)
    await server.stores.reviews.flag(turn, "test:bob", WRONG)
    sent = await asyncio.gather(announcer(server, board).deliver(), announcer(server, board).deliver())
    assert sum(sent) == 1
    assert len(board.cards) == 1


async def test_a_registered_courier_gets_what_waits_and_what_comes(server: Core) -> None:
    board, first = Board(most=2), await answered(server)
    await server.stores.reviews.flag(first, "test:bob", WRONG)
    cards = Announcer(server.stores.reviews, server.stores.turns, server.stores.places)
    cards.announce("test", board)
    second = await answered(server)
    await server.stores.reviews.flag(second, "test:bob", WRONG)
    async with asyncio.timeout(30):
        await board.full.wait()
    await cards.close()


async def later(core: Core) -> None:
    """Time has gone by: what was put off is due."""
    async with core.stores.database.write() as connection:
        await connection.execute(reviews.update().values(card_after=now() - timedelta(seconds=1)))
