"""People: names, languages and rights, asked of Slack once and kept for a while."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import structlog

from adapters.slack.calls import Calls, Unsupported
from bot.delivery import SendError
from bot.request import Author, one_line

log = structlog.get_logger(__name__)

KEEP = 3600.0
"""Seconds for which a profile is taken to be right."""
MOST = 5_000
LONGEST = 2.0
"""Seconds to wait for a profile; an answer goes without a name rather than late."""
NAMED = 10


class People:
    """The profiles of one workspace's people."""

    def __init__(self, calls: Calls, realm: str = "") -> None:
        self._calls = calls
        self._realm = realm
        self._known: OrderedDict[str, tuple[float, Author]] = OrderedDict()
        self._may = True

    async def author(self, user: str) -> Author:
        """Who `user` is; only the id where Slack does not tell."""
        kept = self._known.get(user)
        if kept is not None and time.monotonic() - kept[0] < KEEP:
            return kept[1]
        profile = await self._profile(user)
        if profile is None:
            return kept[1] if kept is not None else Author(user, name=user, realm=self._realm)
        author = replace(_author(user, profile), realm=self._realm)
        self._known[user] = (time.monotonic(), author)
        self._known.move_to_end(user)
        if len(self._known) > MOST:
            self._known.popitem(last=False)
        return author

    async def names(self, users: Iterable[str]) -> dict[str, str]:
        """What some people are called, for showing a mention without making one."""
        wanted = list(users)[:NAMED]
        authors = await asyncio.gather(*(self.author(user) for user in wanted))
        return {author.id: author.name for author in authors}

    async def _profile(self, user: str) -> dict[str, Any] | None:
        if not self._may or not self._calls.free("users.info"):
            return None
        try:
            async with asyncio.timeout(LONGEST):
                answer = await self._calls("users.info", user=user, include_locale=True)
        except Unsupported as error:
            if error.error == "missing_scope":
                self._may = False
                log.warning("slack_lacks", method="users.info", error=error.error, remedy="add the scope users:read")
            return None
        except (SendError, TimeoutError) as error:
            log.info("slack_profile_unknown", kind=type(error).__name__)
            return None
        profile = answer.get("user")
        return profile if isinstance(profile, dict) else None


def _author(user: str, profile: dict[str, Any]) -> Author:
    own = profile.get("profile") or {}
    name = own.get("display_name") or own.get("real_name") or profile.get("name") or user
    admin = bool(profile.get("is_admin") or profile.get("is_owner"))
    return Author(user, one_line(str(name)), locale=str(profile.get("locale") or "en"), admin=admin)
