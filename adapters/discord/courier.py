"""What is sent unasked: answers that a crash kept from their readers, notices, and words to one person alone."""

from __future__ import annotations

import io
from typing import Any

import discord

from adapters.discord.answers import Answers
from adapters.discord.errors import sending
from adapters.discord.linked import THREAD
from adapters.discord.moderation import noticed
from adapters.discord.posts import ChannelPost
from adapters.discord.reply import DiscordReply
from adapters.discord.requests import PLATFORM, author_of
from bot.delivery import SendForbidden
from bot.messengers import Door, Notice
from bot.request import Author, MessageRef, Place
from bot.turns import TurnRow

NO_PINGS = discord.AllowedMentions.none()


class DiscordCourier:
    """Writes stored answers into their channels, and what the bot says of its own accord."""

    def __init__(self, client: discord.Client, answers: Answers) -> None:
        self._client = client
        self._answers = answers

    async def direct(self, user_id: str) -> Door:
        """The conversation with one person alone."""
        with sending():
            user = await self._client.fetch_user(int(user_id))
            channel = await user.create_dm()
        reply = DiscordReply(ChannelPost(channel), str(channel.id), self._answers.versions)
        return Door(Place(PLATFORM, "", str(channel.id)), author_of(user), reply)

    async def notify(self, notice: Notice, channel: str) -> MessageRef:
        """Post a notice with a link to what it is about."""
        with sending():
            found = self._client.get_channel(int(channel)) or await self._client.fetch_channel(int(channel))
            if not isinstance(found, discord.abc.Messageable):
                raise SendForbidden("that channel takes no messages")
            sent = await found.send(view=noticed(notice).view())
        return MessageRef(PLATFORM, channel, (str(sent.id),))

    async def member(self, server: str, user_id: str) -> Author | None:
        """A member as Discord has them now; nothing is asked of servers that the bot is not on."""
        guild = self._client.get_guild(int(server))
        if guild is None:
            return None
        try:
            with sending(repeatable=True):
                return author_of(await guild.fetch_member(int(user_id)))
        except SendForbidden:  # they have left it
            return None

    async def deliver(self, place: Place, turn: TurnRow, note: str) -> MessageRef:
        with sending():
            found = await self._place(place, turn)
        if not isinstance(found, discord.abc.Messageable):
            raise SendForbidden("that channel takes no messages")
        return await self._answers.show(turn, ChannelPost(found), note)

    async def tell(self, person: str, words: str) -> None:
        with sending():
            user = await self._client.fetch_user(int(person))
            await user.send(words, allowed_mentions=NO_PINGS)

    async def post(self, channel: str, words: str, picture: bytes) -> None:
        with sending():
            found = self._client.get_channel(int(channel)) or await self._client.fetch_channel(int(channel))
            if not isinstance(found, discord.abc.Messageable):
                raise SendForbidden("that channel takes no messages")
            files = [discord.File(io.BytesIO(picture), "parley.png")] if picture else []
            await found.send(words, files=files, allowed_mentions=NO_PINGS)

    async def _place(self, place: Place, turn: TurnRow) -> Any:
        """The channel; for an answer that only its asker was to see, the two's own."""
        if "@private" in turn.options:
            user = await self._client.fetch_user(int(turn.user.partition(":")[2]))
            return await user.create_dm()
        if place.thread == THREAD:
            raise SendForbidden("what was said in a linked channel is carried when it is said")
        channel = int(place.thread or place.channel)
        return self._client.get_channel(channel) or await self._client.fetch_channel(channel)
