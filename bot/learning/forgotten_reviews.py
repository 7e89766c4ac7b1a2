"""Reviews that end without a decision, in a transaction of the caller's: their people, turn or server are gone."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.learning.feedback import feedback, forget_feedback, select_feedback
from bot.learning.flags import flags, forget_flags, select_flags
from bot.learning.review import find_review, reviews, verdicts
from bot.learning.review_rows import WITHDRAWN, change_item, refresh_item
from bot.turns import turns


async def forget_person(connection: AsyncConnection, user: str, turn_ids: Sequence[str]) -> None:
    """Forget who asked `turn_ids`, with their flags and thumbs and with all that was said of their turns."""
    said_on = [row.turn_id for row in await select_feedback(connection, feedback.c.user == user)]
    said_on += [row.turn_id for row in await select_flags(connection, flags.c.user == user)]
    await forget_feedback(connection, feedback.c.user == user)
    await forget_flags(connection, flags.c.user == user)
    for turn_id in turn_ids:
        await forget_feedback(connection, feedback.c.turn_id == turn_id)
        await forget_flags(connection, flags.c.turn_id == turn_id)
        await connection.execute(verdicts.delete().where(verdicts.c.turn_id == turn_id))
        if await find_review(connection, turn_id) is not None:
            await change_item(connection, turn_id, **WITHDRAWN)
    for turn_id in set(said_on) - set(turn_ids):
        await refresh_item(connection, turn_id)
    await connection.execute(verdicts.delete().where(verdicts.c.user == user))
    for who, name in (("claimed_by", "claimer"), ("decided_by", "decider"), ("escalated_by", "escalator")):
        theirs = reviews.update().where(reviews.c[who] == user)
        await connection.execute(theirs.values({who: "", name: "somebody"}))


async def withdraw_orphans(connection: AsyncConnection) -> None:
    """Withdraw open items whose turn is no longer kept, and delete withdrawn ones whose cards say so."""
    gone = ~sa.exists().where(turns.c.id == reviews.c.turn_id)
    left = sa.select(reviews.c.turn_id).where(reviews.c.state == "open", gone)
    for turn_id in (await connection.execute(left)).scalars().all():
        await change_item(connection, turn_id, **WITHDRAWN)
    told = sa.or_(reviews.c.card.is_(None), reviews.c.card_revision == reviews.c.revision)
    await connection.execute(reviews.delete().where(reviews.c.state == "withdrawn", told))


async def forget_server(connection: AsyncConnection, platform: str, server: str) -> None:
    """Forget a server's items."""
    mine = (reviews.c.platform == platform, reviews.c.server == server)
    ids = sa.select(reviews.c.turn_id).where(*mine).scalar_subquery()
    await connection.execute(verdicts.delete().where(verdicts.c.turn_id.in_(ids)))
    await connection.execute(reviews.delete().where(*mine))
