"""Messages on Discord: which are meant for the bot, and what is asked with them."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any

import discord
import structlog

from adapters.discord.answers import Answers
from adapters.discord.layout import rerun_row, turn_of
from adapters.discord.posts import ChannelPost, InteractionPost, ThreadPost, partial
from adapters.discord.reply import DiscordReply
from adapters.discord.requests import (
    HOSTS,
    adults_only,
    attachments_of,
    author_of,
    place_of,
    quote_of,
    without_mention,
    words_of,
)
from bot.controls import Control
from bot.delivery import SendError
from bot.place_settings import Mode
from bot.request import Attachment, Place, Quote, Request

log = structlog.get_logger(__name__)

SETTLE = 0.6
"""Seconds in which a further message of the same person joins the first."""
KEPT = 2000
"""Questions whose answers are remembered, so that editing or deleting the question reaches them."""
SERVERS_ONLY = "I answer on servers only. Mention me there, or use my commands here."
KINDS = (discord.MessageType.default, discord.MessageType.reply)


@dataclass(slots=True)
class Given:
    """A question that was asked with a message, and its answer."""

    request: Request
    reply: DiscordReply
    edited: bool = False


class Channels:
    """Talk: mentions, replies to the bot, its own threads, support channels, direct messages."""

    def __init__(
        self, answers: Answers, client: discord.Client, hosts: frozenset[str] = HOSTS, *, direct: bool = True
    ) -> None:
        self._answers = answers
        self._client = client
        self._hosts = hosts
        self._direct = direct
        self._given: OrderedDict[int, Given] = OrderedDict()
        self._pointed: set[int] = set()

    async def on_message(self, message: discord.Message) -> None:
        me = self._client.user
        if me is None or message.author.bot or message.webhook_id or message.type not in KINDS:
            return
        place, starts = place_of(message.channel, message.guild.id if message.guild else None), False
        if message.guild is not None:
            heard, starts = await self._heard(message, place, me.id)
            if not heard or not await self._welcome(message, place):
                return
        elif not self._direct:
            await self._point_elsewhere(message)
            return
        words = without_mention(words_of(message), me.id)
        if not words and not message.attachments and not (message.reference and words_of_reference(message)):
            words = "/help"
        request = Request(
            id=str(message.id),
            # A thread that begins at a message has the message's id.
            place=replace(place, thread=str(message.id)) if starts else place,
            author=author_of(message.author, _locale(message.guild)),
            text=words,
            quotes=await self._quotes(message, me.id),
            attachments=self._files(message),
            settle=SETTLE,
            adult=adults_only(message.channel),
            order=message.id,
        )
        post = ThreadPost(message) if starts else ChannelPost(message.channel, _reference(message))
        await self._give(message.id, request, post)

    async def _give(self, message_id: int, request: Request, post: ChannelPost) -> None:
        where = request.place.thread or request.place.channel
        reply = DiscordReply(post, where, self._answers.versions, locale=request.author.locale)
        given = self._given[message_id] = Given(request, reply)
        while len(self._given) > KEPT:
            self._given.popitem(last=False)
        await self._answers.give_in(request, reply)
        if given.edited:
            await self._offer(message_id, given)

    async def on_raw_message_edit(self, edit: discord.RawMessageUpdateEvent) -> None:
        """An edited question: offer to answer it anew."""
        given = self._given.get(edit.message_id)
        me = self._client.user
        if given is None or me is None or "content" not in edit.data:
            return
        if without_mention(edit.data["content"], me.id) != given.request.text and not given.edited:
            given.edited = True
            if given.reply.answered:
                await self._offer(edit.message_id, given)

    async def on_raw_message_delete(self, deleted: discord.RawMessageDeleteEvent) -> None:
        """A deleted question: its answer stops, goes, and is forgotten."""
        given = self._given.pop(deleted.message_id, None)
        if given is None:
            return
        given.reply.unwanted = True
        if given.reply.running:
            await self._answers.press(given.request, given.reply.turn_id, Control.STOP)
            await given.reply.done()
        if given.reply.turn_id:
            await self._answers.press(given.request, given.reply.turn_id, Control.UNDO)
        await given.reply.post.drop(0)

    async def rerun(self, interaction: discord.Interaction[Any], message_id: int) -> None:
        """Answer an edited question anew, in the place of the first answer."""
        given = self._given.get(message_id)
        post = InteractionPost(interaction, private=True)
        if given is None or given.request.author.id != str(interaction.user.id):
            words = "Only the person who asked can press this one." if given else "Please ask anew; I lost track of it."
            await post.tell(words)
            return
        await interaction.response.defer()
        try:
            message = await partial(interaction.channel, message_id).fetch()
        except discord.HTTPException:
            return  # deleted meanwhile, which takes the answer along
        me = self._client.user
        request = replace(
            given.request, id=f"{message_id}:{interaction.id}", settle=0.0,
            text=without_mention(words_of(message), me.id if me else 0),
        )  # fmt: skip
        await self._answers.press(request, given.reply.turn_id, Control.UNDO)
        assert isinstance(interaction.channel, discord.abc.Messageable)
        standing = [partial(interaction.channel, int(one)) for one in given.reply.post.ids]
        await self._give(message_id, request, ChannelPost(interaction.channel, standing=standing))

    async def _offer(self, message_id: int, given: Given) -> None:
        """Put a button under an answer whose question was edited."""
        last = given.reply.last
        page = replace(last, rows=(*last.rows, rerun_row(given.reply.turn_id, message_id, given.reply.locale)))
        try:
            await given.reply.post.show(len(given.reply.post.ids) - 1, page)
        except SendError as error:
            log.info("rerun_not_offered", detail=error.detail)

    async def _heard(self, message: discord.Message, place: Place, me: int) -> tuple[bool, bool]:
        """Whether a message is for the bot, and whether its answer begins a thread."""
        settings = await self._answers.stores.places.channel(place)
        thread = message.channel if isinstance(message.channel, discord.Thread) else None
        replied = message.reference.resolved if message.reference else None
        called = any(user.id == me for user in message.mentions)
        answers = isinstance(replied, discord.Message) and replied.author.id == me
        elsewhere = bool(message.mentions) or (replied is not None and not answers)
        ours = thread is not None and (
            thread.owner_id == me or (settings.mode == Mode.EVERY and _post(thread, message))
        )
        if not called and not answers:
            if elsewhere:
                return False, False  # between people
            if ours and thread is not None and message.id != thread.id:
                # Where a person has taken over, the bot is silent until that is solved, or it is called.
                return not await self._answers.stores.gaps.with_a_person(place), False
        heard = settings.hears(
            named=called or answers,
            new_post=not elsewhere and (thread is None or message.id == thread.id),
            in_thread=thread is not None,
        )
        support = settings.mode == Mode.EVERY and isinstance(message.channel, discord.TextChannel)
        return heard, heard and support and not answers

    async def _welcome(self, message: discord.Message, place: Place) -> bool:
        """Whether the server's admins let this person talk to the bot; whom they do not gets silence in channels."""
        server = await self._answers.stores.places.server(place.platform, place.server)
        return server.welcomes(author_of(message.author))

    async def _point_elsewhere(self, message: discord.Message) -> None:
        """Direct messages are switched off: said once, where it was tried."""
        if message.author.id in self._pointed:
            return
        self._pointed.add(message.author.id)
        with contextlib.suppress(discord.HTTPException):
            await message.channel.send(SERVERS_ONLY)

    def _files(self, message: discord.Message) -> tuple[Attachment, ...]:
        """What was sent along, and what the answered message had: "what does this say?" is about that."""
        replied = message.reference.resolved if message.reference else None
        theirs = attachments_of(replied, self._hosts) if isinstance(replied, discord.Message) else ()
        return (*attachments_of(message, self._hosts), *theirs)

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


def _post(thread: discord.Thread, message: discord.Message) -> bool:
    """Whether a message is its author's own in the forum post they began."""
    return isinstance(thread.parent, discord.ForumChannel) and thread.owner_id == message.author.id


def words_of_reference(message: discord.Message) -> bool:
    """Whether a message answers one that has words: then nothing more needs saying than the bot's name."""
    replied = message.reference.resolved if message.reference else None
    return isinstance(replied, discord.Message) and bool(words_of(replied))


def _reference(message: discord.Message) -> discord.MessageReference:
    return message.to_reference(fail_if_not_exists=False)


def _locale(guild: discord.Guild | None) -> str:
    return guild.preferred_locale.value if guild is not None else "en"
