"""Linked channels: what is said in one shows in the others, translated, under its author's name and picture."""

from __future__ import annotations

import asyncio
import re
import time
from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import discord
import structlog

from adapters.discord.answers import Answers
from adapters.discord.errors import sending
from adapters.discord.requests import PLATFORM, author_of, place_of
from adapters.discord.splitting import split
from bot.delivery import SendError, SendForbidden, attempt
from bot.place_settings import ChannelSettings
from bot.reply import Stream
from bot.request import MessageRef, Place, Request
from bot.scenarios.languages import language
from bot.turn import Answer

log = structlog.get_logger(__name__)

THREAD = "linked"
"""The place in which carried messages are turns of their own, so that no conversation remembers them."""
WEBHOOK = "Parley link"
MOST = 1900
"""Characters of one message that a webhook posts."""
A_MINUTE = 30
"""So many messages of a link are carried in a minute: a flood in one channel must not become one in all."""
CLAIMED = timedelta(minutes=10)
"""So long a host has to itself what it carries."""
UNKNOWN_MESSAGE = 10008

_RESERVED = re.compile("discord|clyde", re.IGNORECASE)


@dataclass(slots=True)
class Collected:
    """A reply that keeps the answer's words; "" where there is no translation."""

    text: str = ""

    async def send(self, turn_id: str, stream: Stream) -> MessageRef:
        async for event in stream:
            if isinstance(event, Answer) and not (event.private or event.broken or event.stopped):
                self.text = event.text
        return MessageRef("discord")

    async def fail(self, words: str) -> None:
        log.info("not_translated", words=words)


@dataclass(slots=True)
class Copy:
    """A message's copy in another channel."""

    webhook: discord.Webhook
    messages: list[int]


class Linked:
    """Carries messages between the channels of a link. Bots and webhooks are not carried, so nothing goes round."""

    def __init__(self, answers: Answers, client: discord.Client) -> None:
        self._answers = answers
        self._client = client
        self._webhooks: dict[int, discord.Webhook] = {}
        self._arriving: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._order: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._underway: dict[int, asyncio.Event] = {}
        self._recent: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)

    async def on_message(self, message: discord.Message) -> None:
        if message.author.bot or message.webhook_id or message.guild is None or not _said(message):
            return
        if self._client.user is not None and self._client.user in message.mentions:
            return  # that one is for the bot
        if message.id in self._underway:
            return  # told twice by the gateway
        carried = self._underway[message.id] = asyncio.Event()
        try:
            place = place_of(message.channel, message.guild.id)
            async with self._arriving[message.channel.id]:  # in the order in which people wrote
                targets = await self._answers.stores.places.linked(place)
                welcome = bool(targets) and not place.thread and await self._within_limit(message, place)
            if welcome:
                await asyncio.gather(*(self._carry(message, int(target), to) for target, to in targets.items()))
        finally:
            carried.set()
            del self._underway[message.id]

    async def on_edit(self, message_id: int, channel: Any) -> None:
        """Bring the copies in line with an edited message."""
        copies = await self._standing(message_id)
        if not copies or not isinstance(channel, discord.TextChannel):
            return
        try:
            message = await channel.fetch_message(message_id)
        except discord.HTTPException:
            return
        targets = await self._answers.stores.places.linked(place_of(channel, channel.guild.id))
        await asyncio.gather(
            *(self._carry(message, target, targets[str(target)], anew=True) for target in copies
              if str(target) in targets)
        )  # fmt: skip

    async def on_delete(self, message_id: int) -> None:
        """Take the copies of a deleted message away."""
        await asyncio.gather(*(self._take_away(message_id, target) for target in await self._standing(message_id)))

    async def _take_away(self, message_id: int, target: int) -> None:
        async with self._order[target]:
            # Read anew: an edit that was under way may have written more of them.
            messages = (await self._known(message_id)).get(target, [])
            try:
                copy = Copy(await self._webhook(target), messages)
                await attempt(partial(self._drop, copy, 0))
            except SendError as error:
                self._webhooks.pop(target, None)
                log.warning("copy_not_deleted", target=target, kind=type(error).__name__, detail=error.detail)
                return  # what stands there still stays known
            await self._answers.stores.copies.remove(PLATFORM, str(message_id), str(target))

    async def _standing(self, message_id: int) -> dict[int, list[int]]:
        """The messages in which a message's copies stand, by channel, once it is carried."""
        if (carried := self._underway.get(message_id)) is not None:
            await carried.wait()
        return await self._known(message_id)

    async def _known(self, message_id: int) -> dict[int, list[int]]:
        """The same, as the store has it now: what holds a channel's lock must not wait for who wants it."""
        kept = await self._answers.stores.copies.of(PLATFORM, str(message_id))
        return {int(target): [int(one) for one in messages] for target, messages in kept.items()}

    async def _carry(self, message: discord.Message, target: int, to: ChannelSettings, *, anew: bool = False) -> None:
        """Put a message into another channel; `anew`: what it says by now, into the copy that stands there."""
        assert message.guild is not None
        copies = self._answers.stores.copies
        async with self._order[target]:
            kept = (await self._known(message.id)).get(target, []) if anew else []
            if anew and not kept:
                return  # deleted meanwhile
            # Two hosts hear the same while one takes the place of the other.
            if not await self._answers.stores.leases.claim(f"linked {_version(message, target)}", PLATFORM, CLAIMED):
                return
            try:
                copy = Copy(await self._webhook(target), list(kept))
                parts = await self._parts(message, target, to)
                try:
                    await self._write(copy, message, parts)
                finally:
                    if copy.messages != kept:
                        shown = [str(one) for one in copy.messages]
                        await copies.put(PLATFORM, str(message.guild.id), str(message.id), str(target), shown)
            except SendError as error:
                self._webhooks.pop(target, None)  # somebody may have removed it
                log.warning("not_carried", target=target, kind=type(error).__name__, detail=error.detail)

    async def _write(self, copy: Copy, message: discord.Message, parts: list[str]) -> None:
        quiet = discord.AllowedMentions.none()
        with sending():
            for number, part in enumerate(parts):
                if number < len(copy.messages):
                    await copy.webhook.edit_message(copy.messages[number], content=part, allowed_mentions=quiet)
                    continue
                author = message.author
                sent = await copy.webhook.send(
                    part, username=shown_name(author.display_name), avatar_url=author.display_avatar.url,
                    allowed_mentions=quiet, wait=True,
                )  # fmt: skip
                copy.messages.append(sent.id)
        await self._drop(copy, len(parts))

    async def _drop(self, copy: Copy, kept: int) -> None:
        """Delete all but the first `kept` messages of a copy. Raises SendError; what still stands is still in it."""
        while len(copy.messages) > kept:
            with sending(repeatable=True):
                try:
                    await copy.webhook.delete_message(copy.messages[-1])
                except discord.NotFound as error:
                    if error.code != UNKNOWN_MESSAGE:
                        raise
            copy.messages.pop()

    async def _parts(self, message: discord.Message, target: int, to: ChannelSettings) -> list[str]:
        """What a copy says: the translation with a link to the original, or the words themselves."""
        files = [file.url for file in message.attachments]
        text = message.content
        note = ""
        if text:
            translated = await self._translated(message, target, to)
            note = f"-# [original](<{message.jump_url}>)" if translated and translated != text else ""
            text = translated or text
        return split("\n".join(part for part in (text, *files, note) if part), MOST)

    async def _translated(self, message: discord.Message, target: int, to: ChannelSettings) -> str:
        assert message.guild is not None
        reply = Collected()
        request = Request(
            id=_version(message, target),
            place=Place("discord", str(message.guild.id), str(target), THREAD),
            author=author_of(message.author),
            command="translate",
            text=message.content,
            options={"to": language(to.tongue).name},
        )
        await self._answers.core.handle(request, reply)
        return reply.text

    async def _webhook(self, channel_id: int) -> discord.Webhook:
        if channel_id in self._webhooks:
            return self._webhooks[channel_id]
        channel: Any = self._client.get_channel(channel_id)
        if channel is None:
            raise SendForbidden("the channel is gone, or not to be seen")
        with sending():
            found = [one for one in await channel.webhooks() if one.name == WEBHOOK and one.token]
            self._webhooks[channel_id] = found[0] if found else await channel.create_webhook(name=WEBHOOK)
        return self._webhooks[channel_id]

    async def _within_limit(self, message: discord.Message, place: Place) -> bool:
        link = (await self._answers.stores.places.channel(place)).link
        recent = self._recent[place.server, link]
        moment = time.monotonic()
        while recent and recent[0] < moment - 60:
            recent.popleft()
        recent.append(moment)
        if len(recent) == A_MINUTE + 1:
            with sending():
                await message.channel.send(
                    f"-# More than {A_MINUTE} messages a minute: the next ones are not carried to the linked channels."
                )
        return len(recent) <= A_MINUTE


def shown_name(name: str) -> str:
    """A name that a webhook may post under: Discord reserves two words."""
    return _RESERVED.sub(lambda match: match[0][0] + "·" + match[0][1:], name)[:80] or "Somebody"


def _version(message: discord.Message, target: int) -> str:
    """A name for what a message says by now, as it is carried into a channel."""
    stamp = int(message.edited_at.timestamp() * 1000) if message.edited_at else 0
    return f"{message.id}:{target}:{stamp}"


def _said(message: discord.Message) -> bool:
    return bool(message.content.strip() or message.attachments)
