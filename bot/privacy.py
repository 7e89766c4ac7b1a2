"""Privacy: everything kept of a person, to take along or to have deleted."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from bot.stores import Stores


async def export_of(stores: Stores, user: str) -> dict[str, Any]:
    """All that any table holds of a person, ready for JSON."""
    return {
        "user": user,
        "preferences": await stores.members.everything(user),
        "facts": [asdict(fact) for fact in await stores.memory.all_facts(user)],
        "conversations": [asdict(row) for row in await stores.memory.conversations(user, most=10_000)],
        "turns": [asdict(row) for row in await stores.turns.of_user(user)],
        "ratings": [asdict(row) for row in await stores.feedback.of_user(user)],
        "cards": [asdict(card) for card in await stores.cards.list(user)],
    }


async def forget_everything(stores: Stores, user: str) -> int:
    """Delete all of that, and what was derived from it. Returns the number of turns."""
    ids = [row.id for row in await stores.turns.of_user(user)]
    await stores.gaps.forget(ids)
    await stores.feedback.forget(user=user, turn_ids=ids)
    await stores.cards.forget(user)
    count = await stores.memory.forget_user(user)
    await stores.members.forget(user)
    return count
