"""Privacy: everything kept of a person or a server, to take along or to have deleted."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from bot.database import CHUNK
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
        "flags": [asdict(row) for row in await stores.flags.of_user(user)],
        "cards": [asdict(card) for card in await stores.cards.list(user)],
        "visits": [asdict(visit) for visit in await stores.visitors.visits() if visit.visitor.user == user],
    }


async def forget_everything(stores: Stores, user: str) -> int:
    """Delete all of that, and what was derived from it. Returns the number of turns."""
    ids = [row.id for row in await stores.turns.of_user(user)]
    await stores.gaps.forget(ids)
    await stores.reviews.forget(user, ids)
    await stores.notices.forget(user, ids)
    await stores.cards.forget(user)
    count = await stores.memory.forget_user(user)
    await stores.members.forget(user)
    await stores.visitors.forget(user)
    return count


async def purge_server(stores: Stores, platform: str, server: str) -> int:
    """Delete all that is kept of a guild or workspace that the bot has left. Returns the number of turns."""
    ids = await stores.turns.of_server(platform, server)
    for start in range(0, len(ids), CHUNK):
        part = ids[start : start + CHUNK]
        await stores.gaps.forget(part)
        await stores.feedback.forget(turn_ids=part)
        await stores.flags.forget(part)
    await stores.reviews.purge(platform, server)
    await stores.memory.purge(platform, server)
    await stores.glossary.forget(f"{platform}:{server}")
    for document in await stores.library.list(server):
        await stores.library.remove(server, document.id)
    await stores.places.purge(platform, server)
    return len(ids)
