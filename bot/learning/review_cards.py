"""Review cards: items of the queue as moderators see them in their channel, posted and kept up to date."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import structlog

from bot.controls import Button, Control
from bot.delivery import SendError, SendForbidden
from bot.learning.review import Review, Said, State
from bot.learning.reviews import Reviews
from bot.places import Places
from bot.request import MessageRef, Place
from bot.turn import model_name
from bot.turns import TurnRow, Turns

log = structlog.get_logger(__name__)

SENDING = timedelta(seconds=60)
"""How long one host has for sending a card before another one may."""
AGAIN = timedelta(minutes=5)
"""When a card that the platform did not take is tried again."""

CLAIM = Button(Control.CLAIM, "I take this")
REJECT = Button(Control.REJECT, "Reject")
CORRECT = Button(Control.CORRECT, "Edit", asks="The answer as it should have been")
REOPEN = Button(Control.REOPEN, "Reopen")


@dataclass(frozen=True, slots=True)
class Card:
    """One item, ready to be drawn. Texts are whole: the adapter cuts them to its limits and lets none of them ping.

    `place` and `message` are where the answer stands. `reasons` counts people by label ("wrong fact": 2).
    `seconded` is how many reviewers agree on `suggestion` so far, of those it needs. `buttons` come back as presses
    on `turn_id`; the text box of Edit starts with `suggestion`, or with `answer` where that is empty.
    """

    turn_id: str
    state: State
    scenario: str
    place: Place
    message: MessageRef | None
    question: str
    answer: str
    sources: tuple[str, ...]
    model: str
    reasons: dict[str, int]
    notes: tuple[str, ...]
    suggestion: str
    seconded: int
    claimer: str
    decider: str
    correction: str
    buttons: tuple[Button, ...]

    @property
    def status(self) -> str:
        """Where the item stands, in a few words."""
        match self.state:
            case "open" if self.seconded:
                return "One reviewer agrees; a second one has to, as it states numbers, prices or links"
            case "open":
                return f"{self.claimer} is looking at this" if self.claimer else "Waits for a moderator"
            case "withdrawn":
                return "Taken back, or deleted by the person who asked"
            case _:
                return f"{self.state.capitalize()} by {self.decider}"


class CardCourier(Protocol):
    """What an adapter offers for cards. Raises a `bot.delivery.SendError` when the platform refuses."""

    async def post(self, card: Card, channel: str) -> MessageRef:
        """Put a card into a channel."""
        ...

    async def update(self, card: Card, at: MessageRef) -> None:
        """Have the card at `at` show this. SendForbidden: it is no longer there."""
        ...


class Announcer:
    """Brings cards where moderators see them. What is due stands in the store, so a crash loses no card."""

    def __init__(self, reviews: Reviews, turns: Turns, places: Places) -> None:
        self._reviews = reviews
        self._turns = turns
        self._places = places
        self._couriers: dict[str, CardCourier] = {}
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        reviews.listen(self._news.set)

    def announce(self, platform: str, courier: CardCourier) -> None:
        """From now on `courier` has the cards of a platform, those that wait already among them."""
        self._couriers[platform] = courier
        self._news.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="review cards")

    async def close(self) -> None:
        """Stop; a card that is on its way is sent again by the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def deliver(self) -> int:
        """Send every card that is due. Returns how many arrived."""
        due = await self._reviews.cards.due(tuple(self._couriers))
        return sum([await self._deliver(item) for item in due])

    async def _run(self) -> None:
        while True:
            self._news.clear()
            try:
                while await self.deliver():
                    pass
            except Exception as error:
                log.error("review_cards_failed", exc_info=error)
            try:
                async with asyncio.timeout(SENDING.total_seconds()):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def _deliver(self, item: Review) -> bool:
        channel = (await self._places.server(item.platform, item.server)).moderators_channel
        if item.card is None and not channel:
            await self._reviews.cards.put_off(item, AGAIN)
            return False
        if not await self._reviews.cards.take(item, SENDING):
            return False  # another host has it, or it changed just now
        courier, card = self._couriers[item.platform], await self.card(item)
        try:
            if item.card is None:
                at = await courier.post(card, channel)
            else:
                at = item.card
                await courier.update(card, at)
        except SendForbidden as error:
            log.warning("review_card_refused", turn=item.turn_id, detail=error.detail)
            if item.card is not None:  # somebody deleted it: an open item gets a new one
                await self._reviews.cards.gone(item)
                return item.state == "open"
            await self._reviews.cards.put_off(item, AGAIN)
            return False
        except SendError as error:
            log.warning("review_card_failed", turn=item.turn_id, detail=error.detail)
            await self._reviews.cards.put_off(item, AGAIN)
            return False
        await self._reviews.cards.shown(item, at)
        return True

    async def card(self, item: Review) -> Card:
        """What `item` looks like now."""
        turn = await self._turns.get(item.turn_id)
        said = await self._reviews.complaints(item.turn_id)
        agreeing = [
            one for one in await self._reviews.verdicts(item.turn_id)
            if one.decision != "rejected" and one.correction == item.suggestion
        ]  # fmt: skip
        return _card(item, turn, said, len(agreeing) if item.state == "open" else 0)


def _card(item: Review, turn: TurnRow | None, said: Sequence[Said], seconded: int) -> Card:
    reasons = Counter(reason.label for one in said for reason in one.reasons)
    message = turn.message if turn is not None else None
    return Card(
        turn_id=item.turn_id,
        state=item.state,
        scenario=item.scenario,
        place=turn.place if turn is not None else Place(item.platform, item.server),
        message=MessageRef(message["platform"], message["channel"], tuple(message["messages"])) if message else None,
        question=turn.question if turn is not None else "",
        answer=turn.answer if turn is not None else "",
        sources=tuple(str(source["title"]) for source in turn.sources) if turn is not None else (),
        model=model_name(turn.model, turn.adapter) if turn is not None else "",
        reasons=dict(reasons.most_common()),
        notes=tuple(one.note for one in said if one.note),
        suggestion=item.suggestion,
        seconded=seconded,
        claimer=item.claimer if item.claimed else "",
        decider=item.decider,
        correction=item.correction,
        buttons=_buttons(item),
    )


def _buttons(item: Review) -> tuple[Button, ...]:
    if item.state == "withdrawn":
        return ()
    if item.state != "open":
        return (REOPEN,)
    # The revision comes back with the press, so that nobody approves what they have not seen.
    label = "Approve" if item.suggestion else "Bad answer"
    return (Button(Control.APPROVE, label, str(item.revision), primary=True), CORRECT, REJECT, CLAIM)
