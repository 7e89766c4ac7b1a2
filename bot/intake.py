"""Intake: each message is answered once, and a burst of one sender's messages is one question. Owner of `claims`."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field, replace
from datetime import timedelta

import sqlalchemy as sa

from bot.database import INSERTS, Database, Moment, metadata, now
from bot.request import Place, Request

claims = sa.Table(
    "claims",
    metadata,
    sa.Column("message", sa.String(160), primary_key=True),
    sa.Column("created", Moment, nullable=False, index=True),
)

LONG_PART = 1800
"""A message this long was probably split by the platform's limit: its next part gets more time."""
LONG_SETTLE = 2.0


@dataclass(slots=True)
class _Burst:
    first: Request
    parts: list[Request]
    news: asyncio.Event = field(default_factory=asyncio.Event)


class Intake:
    """What reaches the core more than once, or in pieces, leaves here once and whole."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._bursts: dict[tuple[str, Place], _Burst] = {}
        self._arrived = itertools.count(1)
        self._closing = asyncio.Event()

    def received(self, request: Request) -> Request:
        """The request with its place in the order of arrival, where its platform gave it none.

        Call it before anything is awaited: what is awaited ends in any order.
        """
        return request if request.order else replace(request, order=next(self._arrived))

    async def settle(self, request: Request) -> Request | None:
        """The request with what its author sent right after it; None when it joined an earlier one.

        Only plain words of the same author in the same place are joined, and only within `request.settle`
        seconds of the last. Commands, presses and files end the wait: they are requests of their own.
        """
        key = (request.user, request.place)
        burst = self._bursts.get(key)
        alone = request.command or request.press or request.attachments or request.text.lstrip()[:1] in ("", "/", "!")
        if request.settle <= 0 or alone:
            if burst is not None:
                burst.news.set()
                self._bursts.pop(key, None)
            return request
        if burst is not None:
            burst.parts.append(request)
            burst.news.set()
            return None
        burst = self._bursts[key] = _Burst(request, [request])
        try:
            while self._bursts.get(key) is burst and not self._closing.is_set():
                burst.news.clear()
                last = burst.parts[-1]
                wait = max(request.settle, LONG_SETTLE) if len(last.text) >= LONG_PART else request.settle
                try:
                    async with asyncio.timeout(wait):
                        await burst.news.wait()
                except TimeoutError:
                    break
        finally:
            if self._bursts.get(key) is burst:
                del self._bursts[key]
        # Claims come back in any order; the words belong in the one in which they were sent.
        parts = sorted(burst.parts, key=lambda part: part.order)
        quotes = tuple(quote for part in parts for quote in part.quotes)
        joined = tuple(part.id for part in parts if part.id != request.id)
        return replace(request, text="\n".join(part.text for part in parts), quotes=quotes, joined=joined)

    @property
    def closed(self) -> bool:
        """Whether the bot is about to end: what comes now is not begun."""
        return self._closing.is_set()

    def close(self) -> None:
        """Let go of every burst at once: the bot is about to end."""
        self._closing.set()
        for burst in self._bursts.values():
            burst.news.set()

    async def release(self, request: Request) -> None:
        """Give a claim back, so that the platform's next delivery of the message is answered."""
        keys = [_key(request.place, message) for message in (request.id, *request.joined)]
        await self._database.execute(claims.delete().where(claims.c.message.in_(keys)))

    async def sweep(self) -> None:
        """Forget claims that no platform will repeat any more."""
        await self._database.execute(claims.delete().where(claims.c.created < now() - timedelta(days=1)))

    async def claim(self, request: Request) -> bool:
        """True for the first to ask about this message id, across restarts and hosts."""
        return await self._database.transact(_claim, _key(request.place, request.id)) == 1


_CLAIM = {name: insert(claims).on_conflict_do_nothing() for name, insert in INSERTS.items()}


def _claim(connection: sa.Connection, message: str) -> int:
    return connection.execute(_CLAIM[connection.dialect.name], {"message": message, "created": now()}).rowcount


def _key(place: Place, message: str) -> str:
    return f"{place.platform}:{message}"
