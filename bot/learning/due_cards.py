"""Due cards: which items' cards do not show yet what the items are, by the columns `card*` of `reviews`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa

from bot.database import Database, now
from bot.learning.review import Review, review_of, reviews
from bot.request import MessageRef


class DueCards:
    """A card is due while it shows an older revision than the item's, so that nothing else is kept of deliveries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(self, platforms: Sequence[str], most: int = 20) -> list[Review]:
        """Items whose card does not show what they are by now, on `platforms`, the longest waiting first."""
        query = reviews.select().where(
            reviews.c.card_revision < reviews.c.revision, reviews.c.card_after <= now(),
            reviews.c.platform.in_(platforms), sa.or_(reviews.c.state == "open", reviews.c.card.is_not(None)),
        )  # fmt: skip
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(reviews.c.card_after).limit(most))).all()
        return [review_of(row) for row in rows]

    async def take(self, item: Review, wait: timedelta) -> bool:
        """Have no other host send an item's card for a while. False: one does already, or the item has changed."""
        mine = reviews.update().where(
            reviews.c.turn_id == item.turn_id, reviews.c.revision == item.revision, reviews.c.card_after <= now()
        )
        return await self._database.execute(mine.values(card_after=now() + wait)) == 1

    async def put_off(self, item: Review, wait: timedelta) -> None:
        """The platform did not take the card: it is due again after `wait`."""
        mine = reviews.update().where(reviews.c.turn_id == item.turn_id, reviews.c.revision == item.revision)
        await self._database.execute(mine.values(card_after=now() + wait))

    async def shown(self, item: Review, at: MessageRef) -> None:
        """The card of `item` stands at `at` and shows its revision."""
        card = {"platform": at.platform, "channel": at.channel, "messages": list(at.messages)}
        mine = reviews.update().where(reviews.c.turn_id == item.turn_id)
        await self._database.execute(mine.values(card=card, card_revision=item.revision))

    async def gone(self, item: Review) -> None:
        """Somebody deleted the card: an open item gets a new one."""
        mine = reviews.update().where(reviews.c.turn_id == item.turn_id)
        await self._database.execute(mine.values(card=sa.null(), card_revision=0, card_after=now()))
