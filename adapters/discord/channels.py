"""Messages on Discord: which are meant for the bot, and what is asked with them."""

from __future__ import annotations

from collections import OrderedDict

import discord
import structlog

from adapters.discord.answers import Answers
from adapters.discord.layout import read_custom_id
from adapters.discord.posts import ChannelPost
from adapters.discord.requests import (
    HOSTS,
    attachments_of,
    author_of,
    place_of,
    quote_of,
    without_mention,
    words_of,
)
from bot.request import Quote, Request

log = structlog.get_logger(__name__)

SETTLE = 0.6
"""Seconds in which a further message of the same person joins the first."""
KEPT = 2000
"""Questions whose answers are remembered, so that editing or deleting the question reaches them."""
KINDS = (discord.MessageType.default, discord.MessageType.reply)


class Channels:
    """Talk: mentions, replies to the bot, its own threads, direct messages."""

    def __init__(self, answers: Answers, client: discord.Client, hosts: frozenset[str] = HOSTS) -> None:
        self._answers = answers
        self._client = client
        self._hosts = hosts
        self._given: OrderedDict[int, ChannelPost] = OrderedDict()

    async def on_message(self, message: discord.Message) -> None:
        me = self._client.user
        if me is None or message.author.bot or message.webhook_id or message.type not in KINDS:
            return
        if not self._meant(message, me.id):
            return
        words = without_mention(words_of(message), me.id)
        if not words and not message.attachments and not (message.reference and words_of_reference(message)):
            words = "/help"
        request = Request(
            id=str(message.id),
            place=place_of(message.channel, message.guild.id if message.guild else None),
            author=author_of(message.author, _locale(message.guild)),
            text=words,
            quotes=await self._quotes(message, me.id),
            attachments=attachments_of(message, self._hosts),
            settle=SETTLE,
        )
        post = ChannelPost(message.channel, _reference(message))
        self._given[message.id] = post
        while len(self._given) > KEPT:
            self._given.popitem(last=False)
        await self._answers.give(request, post)

    def _meant(self, message: discord.Message, me: int) -> bool:
        """Whether a message is for the bot to answer."""
        if message.guild is None:
            return True
        if any(user.id == me for user in message.mentions):
            return True
        replied = message.reference.resolved if message.reference else None
        if isinstance(replied, discord.Message):
            return replied.author.id == me
        return isinstance(message.channel, discord.Thread) and message.channel.owner_id == me and not message.mentions

    async def _quotes(self, message: discord.Message, me: int) -> tuple[Quote, ...]:
        """The message that this one answers, unless it is in the asker's own conversation already."""
        replied = message.reference.resolved if message.reference else None
        if not isinstance(replied, discord.Message):
            return ()
        if replied.author.id != me:
            quote = quote_of(replied)
            return (quote,) if quote else ()
        turn_id = turn_of(replied)
        row = await self._answers.stores.turns.get(turn_id) if turn_id else None
        if row is None or row.user == f"discord:{message.author.id}":
            return ()
        return (Quote(self._client.user.display_name if self._client.user else "bot", row.answer, trusted=True),)


def turn_of(message: discord.Message) -> str:
    """The turn whose answer a message of the bot's is, by its controls; "" for none."""
    for component in message.components:
        for child in getattr(component, "children", ()):
            pressed = read_custom_id(getattr(child, "custom_id", None) or "")
            if pressed is not None:
                return pressed.turn_id
    return ""


def words_of_reference(message: discord.Message) -> bool:
    """Whether a message answers one that has words: then nothing more needs saying than the bot's name."""
    replied = message.reference.resolved if message.reference else None
    return isinstance(replied, discord.Message) and bool(words_of(replied))


def _reference(message: discord.Message) -> discord.MessageReference:
    return message.to_reference(fail_if_not_exists=False)


def _locale(guild: discord.Guild | None) -> str:
    return guild.preferred_locale.value if guild is not None else "en"
