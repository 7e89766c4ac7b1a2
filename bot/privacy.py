"""Privacy: everything kept of a person or a server, to take along or to have deleted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from bot.database import CHUNK, now
from bot.places import LEFT
from bot.stores import Stores
from bot.turns import turns


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
        "learned": await _learned(stores, user),
        "cards": [asdict(card) for card in await stores.cards.list(user)],
        "visits": [asdict(visit) for visit in await stores.visitors.visits() if visit.visitor.user == user],
    }


async def _learned(stores: Stores, user: str) -> dict[str, Any]:
    trace = await trace_of(stores, user)
    return {"datasets": trace.datasets, "adapters": trace.adapters}


@dataclass(frozen=True, slots=True)
class Trace:
    """What there is of a person: numbers of what is kept, and by name how many of their answers a dataset was made
    from and an adapter has learned."""

    turns: int
    facts: int
    ratings: int
    flags: int
    cards: int
    datasets: dict[str, int]
    adapters: dict[str, int]


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was deleted. `adapters` had learned from it and are marked so."""

    turns: int
    adapters: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        told = "1 turn" if self.turns == 1 else f"{self.turns} turns"
        said = f"Everything I kept of you is deleted: {told}, your facts, cards and ratings."
        if self.datasets:
            said += " It is taken out of the datasets that it was in."
        if self.adapters:
            said += (
                f" {', '.join(self.adapters)} had learned from it; that is noted there, and the next adapter is "
                "trained without it."
            )
        return said


async def trace_of(stores: Stores, user: str) -> Trace:
    """Where a person's words are."""
    ids = {row.id for row in await stores.turns.of_user(user)}
    theirs = ids | {row.turn_id for row in await stores.flags.of_user(user) if row.correction}
    learned = Counter(name for names in (await stores.registry.trained_on(theirs)).values() for name in names)
    return Trace(
        turns=len(ids), facts=len(await stores.memory.all_facts(user)),
        ratings=len(await stores.feedback.of_user(user)), flags=len(await stores.flags.of_user(user)),
        cards=len(await stores.cards.list(user)), datasets=await stores.files.holding(theirs), adapters=dict(learned),
    )  # fmt: skip


async def forget_everything(stores: Stores, user: str) -> Forgotten:
    """Delete all that is kept of a person, and what was derived from it."""
    ids = [row.id for row in await stores.turns.of_user(user)]
    adapters, datasets = await unlearn(stores, ids)
    await stores.gaps.forget(ids)
    await stores.reviews.forget(user, ids)
    await stores.notices.forget(user, ids)
    await stores.cards.forget(user)
    await stores.parties.forget(user)
    count = await stores.memory.forget_user(user)
    await stores.members.forget(user)
    await stores.visitors.forget(user)
    return Forgotten(count, tuple(adapters), tuple(datasets))


async def forget_conversation(stores: Stores, conversation_id: str) -> None:
    """Delete a conversation, and what was to be learned from it."""
    ids = await stores.turns.ids_in(conversation_id)
    await unlearn(stores, ids)
    await stores.memory.delete(conversation_id)


async def unlearn(stores: Stores, ids: Sequence[str]) -> tuple[list[str], list[str]]:
    """Take turns out of everything that learns and tests. Returns the adapters and datasets that knew some of them."""
    adapters = await stores.registry.mark_forgotten(ids)
    datasets = await stores.files.forget(ids)
    await stores.golden.remove(ids)
    await stores.splits.forget(ids)
    await stores.wordings.forget(ids)
    return adapters, datasets


async def purge_server(stores: Stores, platform: str, server: str) -> int:
    """Delete all that is kept of a guild or workspace that the bot has left. Returns the number of turns."""
    ids = await stores.turns.of_server(platform, server)
    for start in range(0, len(ids), CHUNK):
        part = ids[start : start + CHUNK]
        await stores.gaps.forget(part)
        await stores.feedback.forget(turn_ids=part)
        await stores.flags.forget(part)
    await unlearn(stores, ids)
    await stores.reviews.purge(platform, server)
    await stores.memory.purge(platform, server)
    await stores.glossary.forget(f"{platform}:{server}")
    for document in await stores.library.list(server):
        await stores.library.remove(server, document.id)
    await stores.parties.purge(platform, server)
    await stores.copies.purge(platform, server)
    await stores.places.purge(platform, server)
    return len(ids)


async def leave_server(stores: Stores, platform: str, server: str, days: int) -> int:
    """The bot was removed: all of the server goes, at once or after `days`. Returns how many turns went."""
    if not days:
        return await purge_server(stores, platform, server)
    await stores.places.note_left(platform, server, now())
    return 0


async def purge_left(stores: Stores, days: int) -> None:
    """Delete what is kept of servers that the bot left more than `days` ago."""
    for platform, server, left in await stores.places.having(LEFT):
        if now().timestamp() - float(left) >= days * 86_400:
            await purge_server(stores, platform, server)


async def keep_within_days(stores: Stores) -> None:
    """Delete turns and where copies stand that are older than their server's admins want them kept."""
    for platform, server, days in await stores.places.having("days"):
        here = (turns.c.platform == platform, turns.c.server == server, turns.c.state != "running")
        await stores.turns.forget(turns.c.created < now() - timedelta(days=int(days)), *here)
        await stores.copies.sweep(int(days), platform, server)
    await stores.memory.sweep()
