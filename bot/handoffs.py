"""Handoffs: a person was asked for, and the moderators hear of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import structlog

from bot.delivery import SendError
from bot.messengers import Messenger, Notice
from bot.request import Author, Place, Request
from bot.scenarios.support import SOLVED
from bot.stores import Stores
from bot.turns import TurnRow

log = structlog.get_logger(__name__)

TITLE = "A person is asked for"
NOBODY = Author("")


class Handoffs:
    """Tells each handoff once, whichever of several hosts comes first.

    `claim` and `release` are those of the intake: a claim is what keeps two hosts from telling the same one.
    """

    def __init__(
        self, stores: Stores, claim: Callable[[Request], Awaitable[bool]], release: Callable[[Request], Awaitable[None]]
    ) -> None:
        self._stores = stores
        self._claim = claim
        self._release = release

    async def tell(self, messengers: Mapping[str, Messenger]) -> int:
        """Post what no moderator was told of yet. Returns how many notices were sent."""
        told = 0
        for gap in await self._stores.gaps.handed_over():
            turn = await self._stores.turns.get(gap.turn_id)
            if turn is not None and turn.platform in messengers and turn.message is not None:
                told += await self._tell(turn, gap.question, messengers[turn.platform])
        return told

    async def _tell(self, turn: TurnRow, question: str, messenger: Messenger) -> bool:
        channel = (await self._stores.places.server(turn.platform, turn.server)).moderators_channel
        mark = Request(f"handoff:{turn.id}", Place(turn.platform), author=NOBODY)
        if not channel or not await self._claim(mark):
            return False
        notice = Notice(TITLE, question, turn.id, turn.place, turn.standing, (SOLVED,))
        try:
            await messenger.notify(notice, channel)
        except SendError as error:
            log.warning("handoff_not_told", turn=turn.id, kind=type(error).__name__, detail=error.detail)
            await self._release(mark)
            return False
        except BaseException:  # the bot ends: the next start tells it
            await self._release(mark)
            raise
        return True
