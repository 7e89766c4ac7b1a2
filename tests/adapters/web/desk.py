"""The moderators' console in tests: a server with moderators, flagged answers, and people who sign in."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.database import now
from bot.learning.flags import Reason, Report, flags
from bot.learning.review import reviews
from bot.request import Author, Place
from bot.stores import Stores
from bot.turns import add_turns, new_id
from bot.visitors import Visitor
from tests.adapters.web.browser import Browser
from tests.adapters.web.conftest import Page

TOKEN = "a-long-token"
GUILD = Place("discord", "77", "general")
ADMIN = Author("1", "Ada", admin=True)
MO = Author("2", "Mo", frozenset({"mods"}))
MIA = Author("3", "Mia", frozenset({"mods"}))
TESS = Author("4", "Tess", frozenset({"trainers"}))
VERA = Author("5", "Vera", frozenset({"watchers"}))
QUESTIONS = (
    ("Is the library open on Sundays?", "The library is open on Sundays from eight.", "It stays closed on Sundays."),
    ("Who wrote the handbook?", "The handbook was written by a friendly robot.", "The documentation team wrote it."),
    ("Can I bring my dog?", "Yes, dogs are welcome everywhere.", "Only guide dogs may come in."),
    ("Is there a lift?", "No, there are stairs only.", "Yes, next to the entrance."),
    ("Do you sell gift cards?", "I do not know.", "Yes, at the desk and online."),
)  # fmt: skip


async def set_up(stores: Stores) -> None:
    """Mo and Mia moderate, Tess trains, Vera may look."""
    for setting, who in (("moderator_roles", "mods"), ("trainers", "trainers"), ("viewers", "watchers")):
        await stores.places.change(GUILD, ADMIN, setting, who)


def turn_row(question: str, answer: str, **more: Any) -> dict[str, Any]:
    """A turn as the store keeps it."""
    row = {
        "id": new_id(), "conversation": "c", "host": "h", "user": "discord:9", "platform": "discord", "server": "77",
        "channel": "general", "thread": "", "scenario": "support", "options": {}, "question": question,
        "prompt": [[
            {"role": "system", "content": "You answer from the documents."}, {"role": "user", "content": question},
        ]],
        "answer": answer, "action": "answer", "sources": [], "buttons": [], "notes": [], "model": "embedded",
        "adapter": "", "state": "done", "error": "", "prompt_tokens": 120, "tokens": 30, "ttft": 0.2, "seconds": 1.1,
        "logprob": None,
        "created": now() - timedelta(hours=2), "message": None, "delivery": "", "delivery_tries": 0, "version_of": "",
        "remembered": True,
    }  # fmt: skip
    return row | more


async def flagged(stores: Stores, question: str, answer: str, better: str = "", *, by: str = "discord:8",
                  reasons: tuple[Reason, ...] = (Reason.WRONG_FACT,), note: str = "", **more: Any) -> str:  # fmt: skip
    """An answer that somebody flagged; its turn's id."""
    row = turn_row(question, answer, **more)
    await stores.database.transact(add_turns, [row])
    turn = await stores.turns.get(row["id"])
    assert turn is not None
    await stores.reviews.flag(turn, by, Report(reasons, note, better))
    return str(row["id"])


async def five(stores: Stores) -> list[str]:
    """Five flags, the longest waiting first."""
    return [await flagged(stores, *texts) for texts in QUESTIONS]


async def many(stores: Stores, count: int) -> None:
    """A long queue, written as the store keeps it."""
    rows = [turn_row(f"Question number {number}?", f"Answer {number}.") for number in range(count)]
    moment = now()
    items = [
        {
            "turn_id": row["id"], "platform": row["platform"], "server": row["server"], "scenario": row["scenario"],
            "state": "open", "opened": moment - timedelta(seconds=count - number), "suggestion": "", "question": "",
            "revision": 1, "claimed_by": "", "claimer": "", "decided_by": "", "decider": "", "correction": "",
            "card_revision": 0, "card_after": moment,
        }
        for number, row in enumerate(rows)
    ]  # fmt: skip
    said = [
        {
            "turn_id": row["id"],
            "user": "discord:8",
            "reasons": ["style"],
            "note": "",
            "correction": "",
            "created": moment,
        }
        for row in rows
    ]
    for start in range(0, count, 500):
        part = slice(start, start + 500)
        await stores.database.transact(add_turns, rows[part])
        async with stores.database.write() as connection:
            await connection.execute(reviews.insert(), items[part])
            await connection.execute(flags.insert(), said[part])


async def link(stores: Stores, author: Author, **more: Any) -> str:
    """The path of a link that signs `author` in."""
    secret = await stores.visitors.invite(replace(Visitor.of(GUILD, author), **more))
    return f"/review/enter/{secret}"


async def signed_in(page: Page, author: Author, **more: Any) -> Browser:
    """A browser of `author`'s, to be closed by the test."""
    browser = Browser(page.url)
    response = await browser.send("POST", await link(page.stores, author, **more))
    assert response.url.path == "/review", await response.text()
    await asyncio.sleep(0)
    return browser
