"""Daily cards: at the hour that a member has chosen, their first due card comes as a direct message."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Protocol

import structlog

from bot.database import now
from bot.delivery import SendError
from bot.errors import UserError
from bot.messengers import Messenger
from bot.reply import Reply
from bot.request import Request
from bot.scenarios.hours import Hour
from bot.scenarios.reminding import DAILY, TODAY
from bot.stores import Stores

log = structlog.get_logger(__name__)

LATE = 3600.0
"""So many seconds after their hour cards still come, as after a restart."""


class Core(Protocol):
    async def handle(self, request: Request, reply: Reply) -> None: ...


class DailyCards:
    """Asks the core for each member's quiz, once a day; the core's claim has one host of several do it."""

    def __init__(self, stores: Stores, core: Core) -> None:
        self._stores = stores
        self._core = core
        self._asked: dict[str, date] = {}

    async def send(self, messengers: Mapping[str, Messenger]) -> int:
        """Send what is due now. Returns to how many members."""
        sent = 0
        for user, words in await self._stores.members.having(DAILY):
            platform, _, user_id = user.partition(":")
            if platform in messengers and await self._due(user, words):
                sent += await self._ask(platform, user_id, words, messengers[platform])
        return sent

    async def _due(self, user: str, words: str) -> bool:
        try:
            day, seconds = Hour.parse(words).since(now())
        except UserError:
            return False  # a zone that this host does not know
        if seconds >= LATE or self._asked.get(user) == day:
            return False
        return bool(await self._stores.cards.due(user, now(), most=1))

    async def _ask(self, platform: str, user_id: str, words: str, messenger: Messenger) -> bool:
        day, _ = Hour.parse(words).since(now())
        self._asked[f"{platform}:{user_id}"] = day
        try:
            door = await messenger.direct(user_id)
        except SendError as error:
            log.info("daily_card_refused", platform=platform, detail=error.detail)
            return False
        request = Request(
            f"daily:{user_id}:{day}", door.place, door.author, command="tutor",
            options={"mode": "quiz", "daily": TODAY}, private=True,
        )  # fmt: skip
        await self._core.handle(request, door.reply)
        return True
