"""An item's rows in a transaction of the caller's: opened, changed, decided on, and kept at what people say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.database import insert, now
from bot.errors import UserError
from bot.learning.flags import Reason
from bot.learning.review import (
    UNDECIDED,
    Decision,
    Review,
    complaints,
    find_review,
    reviews,
    verdicts,
    verdicts_on,
)
from bot.places import Moderator
from bot.turns import TurnRow

WITHDRAWN = UNDECIDED | {"state": "withdrawn", "suggestion": "", "question": ""}


async def change_item(connection: AsyncConnection, turn_id: str, **values: Any) -> Review:
    """Change an item, so that its card is due."""
    mine = reviews.update().where(reviews.c.turn_id == turn_id)
    await connection.execute(mine.values(revision=reviews.c.revision + 1, card_after=now(), **values))
    item = await find_review(connection, turn_id)
    assert item is not None
    return item


async def put_verdict(
    connection: AsyncConnection, turn_id: str, user: str, decision: Decision, correction: str, reasons: Sequence[Reason]
) -> None:
    """Keep what a moderator says of an item, in place of what they said before."""
    await connection.execute(verdicts.delete().where(verdicts.c.turn_id == turn_id, verdicts.c.user == user))
    row = {
        "turn_id": turn_id, "user": user, "decision": decision, "correction": correction, "reasons": list(reasons),
        "created": now(),
    }  # fmt: skip
    await connection.execute(verdicts.insert().values(row))


async def take_back(connection: AsyncConnection, turn_id: str, moderator: Moderator) -> Review:
    """Delete what a moderator said of an open item, so that it proposes what it did before."""
    mine = verdicts.delete().where(verdicts.c.turn_id == turn_id, verdicts.c.user == moderator.user)
    if (await connection.execute(mine)).rowcount == 0:
        raise UserError("That one is still open.")
    said = [one.correction for one in await complaints(connection, turn_id)]
    said += [one.correction for one in await verdicts_on(connection, turn_id)]
    suggestion = next((correction for correction in reversed(said) if correction), "")
    return await change_item(connection, turn_id, suggestion=suggestion)


async def open_item(connection: AsyncConnection, turn: TurnRow) -> None:
    """Have an item for a turn. Of two who are the first at once, the second waits here for the first one's item."""
    await connection.execute(insert(connection, reviews).values(_new(turn)).on_conflict_do_nothing())


async def refresh_item(connection: AsyncConnection, turn_id: str) -> None:
    """Make an item, if there is one, what people's complaints say by now: open, changed or withdrawn."""
    item = await find_review(connection, turn_id, lock=True)
    if item is None:
        return
    said = await complaints(connection, turn_id)
    suggestion = next((one.correction for one in reversed(said) if one.correction), "")
    if item.state in ("open", "withdrawn") and not said:
        if item.state == "open":
            await change_item(connection, turn_id, **WITHDRAWN)
    elif item.state in ("open", "withdrawn"):
        # What a reviewer proposed stands until another one agrees or does not.
        proposed = item.suggestion if await verdicts_on(connection, turn_id) else suggestion
        await change_item(connection, turn_id, state="open", suggestion=proposed)


def _new(turn: TurnRow) -> dict[str, Any]:
    return {
        "turn_id": turn.id, "platform": turn.platform, "server": turn.server, "scenario": turn.scenario,
        "state": "open", "opened": now(), "suggestion": "", "question": "", "revision": 0, "card": sa.null(),
        "card_revision": 0, "card_after": now(), **UNDECIDED,
    }  # fmt: skip
