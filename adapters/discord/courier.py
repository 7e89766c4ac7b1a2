"""Redelivery: answers that a crash kept from their readers, sent where they were asked for."""

from __future__ import annotations

from typing import Any

import discord

from adapters.discord.answers import Answers
from adapters.discord.errors import sending
from adapters.discord.linked import THREAD
from adapters.discord.posts import ChannelPost
from bot.delivery import SendForbidden
from bot.request import MessageRef, Place
from bot.turns import TurnRow


class DiscordCourier:
    """Writes stored answers into their channels."""

    def __init__(self, client: discord.Client, answers: Answers) -> None:
        self._client = client
        self._answers = answers

    async def deliver(self, place: Place, turn: TurnRow, note: str) -> MessageRef:
        with sending():
            found = await self._place(place, turn)
        if not isinstance(found, discord.abc.Messageable):
            raise SendForbidden("that channel takes no messages")
        return await self._answers.show(turn, ChannelPost(found), note)

    async def _place(self, place: Place, turn: TurnRow) -> Any:
        """The channel; for an answer that only its asker was to see, the two's own."""
        if "@private" in turn.options:
            user = await self._client.fetch_user(int(turn.user.partition(":")[2]))
            return await user.create_dm()
        if place.thread == THREAD:
            raise SendForbidden("what was said in a linked channel is carried when it is said")
        channel = int(place.thread or place.channel)
        return self._client.get_channel(channel) or await self._client.fetch_channel(channel)
