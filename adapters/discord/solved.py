"""Solved: what was asked in a thread is answered, and its post or first message shows so."""

from __future__ import annotations

from typing import Any

import discord
import structlog

from bot.request import Place

log = structlog.get_logger(__name__)

TAGS = frozenset({
    "solved", "resolved", "answered", "done", "gelöst", "erledigt", "résolu", "resuelto", "解決済み", "解決", "已解决",
})  # fmt: skip
"""What servers call the tag of a post that needs nothing more."""
MARK = "✅"


async def mark_solved(client: discord.Client, place: Place) -> None:
    """Give a forum post the server's own tag for it, or its first message a tick; without the right to, neither."""
    thread = client.get_channel(int(place.thread)) if place.thread.isdigit() else None
    if not isinstance(thread, discord.Thread):
        return
    try:
        tag = _tag(thread.parent)
        if tag is not None and tag.id not in {one.id for one in thread.applied_tags}:
            await thread.add_tags(tag)
            return
        if tag is None:
            await _first_message(thread).add_reaction(MARK)
    except discord.HTTPException as error:
        log.info("solved_not_shown", thread=thread.id, detail=error.text)


def _tag(parent: Any) -> discord.ForumTag | None:
    if not isinstance(parent, discord.ForumChannel):
        return None
    return next((tag for tag in parent.available_tags if tag.name.strip().lower() in TAGS), None)


def _first_message(thread: discord.Thread) -> discord.PartialMessage:
    """The message that a thread began at: in a forum it stands in the thread, elsewhere in the channel."""
    if isinstance(thread.parent, discord.TextChannel):
        return thread.parent.get_partial_message(thread.id)
    return thread.get_partial_message(thread.id)
