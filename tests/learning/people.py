"""A server with members, moderators and a moderators' channel."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from bot.delivery import SendError
from bot.learning.review_cards import Card
from bot.places import Places
from bot.request import Author, MessageRef, Place, Press, Request
from bot.turn import Answer
from bot.turns import TurnRow, new_id
from tests.core.conftest import Core

HERE = Place("test", "guild", "general")
MODERATION = Place("test", "guild", "mods")
ADMIN = Author("1", "Ada", admin=True)
MO = Author("2", "Mo", roles=frozenset({"mods"}))
MIA = Author("3", "Mia", roles=frozenset({"mods"}))
ANN, BOB, EVE = Author("ann", "Ann"), Author("bob", "Bob"), Author("eve", "Eve")


async def set_up(places: Places) -> None:
    """Mo and Mia moderate, in a channel of their own."""
    await places.change(HERE, ADMIN, "moderator_roles", "mods")
    await places.change(HERE, ADMIN, "moderators_channel", "mods")


async def answered(core: Core, text: str = "say: It is two.", *, author: Author = ANN, place: Place = HERE) -> TurnRow:
    """A turn of `author`, stored."""
    reply = await core.handle(Request(new_id(), place, author, text))
    row = await core.stores.turns.get(reply.turn_id)
    assert row is not None
    return row


async def pressed(
    core: Core, turn: TurnRow, control: str, value: str = "", *, author: Author, place: Place | None = None
) -> Answer | str:
    """The answer to a press, or the sentence that refuses it."""
    where = place or (MODERATION if control in ("claim", "approve", "correct", "reject", "reopen") else HERE)
    reply = await core.handle(Request(new_id(), where, author, press=Press(turn.id, control, value)))
    return reply.failures[0] if reply.failures else reply.answer.text


@dataclass
class Board:
    """A moderators' channel. `errors` are raised, one a call, before anything stands there; `full` at `most` cards."""

    cards: dict[str, Card] = field(default_factory=dict)
    errors: list[SendError] = field(default_factory=list)
    calls: int = 0
    most: int = 1
    full: asyncio.Event = field(default_factory=asyncio.Event)

    async def post(self, card: Card, channel: str) -> MessageRef:
        self._trouble()
        at = MessageRef("test", channel, (f"card-{len(self.cards) + 1}",))
        self.cards[at.messages[0]] = card
        if len(self.cards) >= self.most:
            self.full.set()
        return at

    async def update(self, card: Card, at: MessageRef) -> None:
        self._trouble()
        assert at.messages[0] in self.cards
        self.cards[at.messages[0]] = card

    def _trouble(self) -> None:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
