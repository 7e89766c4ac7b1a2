"""Flags as reactions: a message is translated into the flag's language, once, where the admins allow it."""

from __future__ import annotations

import time
from collections import OrderedDict

import discord
import structlog

from adapters.discord.answers import Answers
from adapters.discord.posts import ChannelPost
from adapters.discord.requests import author_of, place_of, words_of
from bot.request import Request
from bot.scenarios.languages import find

log = structlog.get_logger(__name__)

COOLDOWN = 10.0
"""Seconds that a person waits between two flags."""
KEPT = 2000
FLAG_LETTERS = range(0x1F1E6, 0x1F200)


class Reactions:
    """Answers flags."""

    def __init__(self, answers: Answers, client: discord.Client) -> None:
        self._answers = answers
        self._client = client
        self._last: OrderedDict[int, float] = OrderedDict()

    async def on_reaction(self, reaction: discord.RawReactionActionEvent) -> None:
        member, emoji = reaction.member, str(reaction.emoji)
        if member is None or member.bot or not emoji or any(ord(letter) not in FLAG_LETTERS for letter in emoji):
            return
        language = find(emoji)
        channel = self._client.get_channel(reaction.channel_id)
        if language is None or not isinstance(channel, discord.TextChannel | discord.Thread):
            return
        server = await self._answers.stores.places.server("discord", str(channel.guild.id))
        here = place_of(channel, channel.guild.id)
        allowed = not server.flag_channels or here.channel in server.flag_channels
        if not server.flags or not allowed or not server.welcomes(author_of(member)) or not self._may(member.id):
            return
        try:
            message = await channel.fetch_message(reaction.message_id)
        except discord.HTTPException as error:
            log.info("reaction_not_read", detail=error.text)
            return
        words = words_of(message)
        if not words:
            return
        request = Request(
            # The same message is translated into the same language once, whoever asks.
            id=f"{message.id}:{language.code}",
            place=here,
            author=author_of(member),
            command="translate",
            text=words,
            options={"to": language.name},
        )
        post = ChannelPost(channel, message.to_reference(fail_if_not_exists=False))
        await self._answers.give(request, post)

    def _may(self, user: int) -> bool:
        moment = time.monotonic()
        if moment - self._last.get(user, -COOLDOWN) < COOLDOWN:
            return False
        self._last[user] = moment
        self._last.move_to_end(user)
        while len(self._last) > KEPT:
            self._last.popitem(last=False)
        return True
