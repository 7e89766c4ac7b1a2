"""Redelivery: answers that a crash kept from their readers, sent where they were asked for."""

from __future__ import annotations

import discord

from adapters.discord.answers import Answers
from adapters.discord.errors import sending
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
        channel = int(place.thread or place.channel)
        with sending():
            found = self._client.get_channel(channel) or await self._client.fetch_channel(channel)
        if not isinstance(found, discord.abc.Messageable):
            raise SendForbidden("that channel takes no messages")
        return await self._answers.show(turn, ChannelPost(found), note)
