"""Messengers: what the bot says of its own accord, to one person or into a channel, and whom it can ask for there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bot.controls import Button
from bot.reply import Reply
from bot.request import Author, MessageRef, Place


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that people should see: a title, somebody's words, and where they stand.

    `buttons` come back as presses on `turn_id`. Texts are whole: the adapter cuts them and lets none of them ping.
    """

    title: str
    words: str
    turn_id: str
    place: Place
    message: MessageRef | None = None
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True, slots=True)
class Door:
    """A person's own conversation with the bot, and a reply into it."""

    place: Place
    author: Author
    reply: Reply


class Messenger(Protocol):
    """What an adapter offers. Raises a `bot.delivery.SendError` when the platform refuses."""

    async def direct(self, user_id: str) -> Door:
        """The conversation of the bot with one person alone; `user_id` is the platform's."""
        ...

    async def notify(self, notice: Notice, channel: str) -> MessageRef:
        """Post a notice into a channel."""
        ...

    async def member(self, server: str, user_id: str) -> Author | None:
        """A person as a member of a server, with their roles; None where they or the bot are none."""
        ...
