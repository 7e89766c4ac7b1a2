"""Messages on Discord: which are meant for the bot, and what is asked with them."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import Any

import discord
import structlog

from adapters.discord.answers import Answers
from adapters.discord.layout import rerun_button, turn_of
from adapters.discord.posts import ChannelPost, InteractionPost, ThreadPost, partial
from adapters.discord.reply import DiscordReply
from adapters.discord.requests import (
    HOSTS,
    PLATFORM,
    adults_only,
    attachments_of,
    author_of,
    place_of,
    presser_of,
    quote_of,
    without_mention,
    words_of,
)
from bot.place_settings import Mode
from bot.request import Attachment, Place, Quote, Request
from bot.turns import TurnRow

log = structlog.get_logger(__name__)

SETTLE = 0.6
"""Seconds in which a further message of the same person joins the first."""
SERVERS_ONLY = "I answer on servers only. Mention me there, or use my commands here."
KINDS = (discord.MessageType.default, discord.MessageType.reply)


@dataclass(slots=True)
class Given:
    """A question that is being answered; later the store knows which message asked for which turn."""

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
        self._running: dict[int, Given] = {}
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
        # A thread that begins at a message has the message's id.
        place = replace(place, thread=str(message.id)) if starts else place
        request = await self._request(message, place, words, me.id)
        await self._give(request, ThreadPost(message) if starts else ChannelPost(message.channel, _reference(message)))

    async def _request(self, message: discord.Message, place: Place, words: str, me: int) -> Request:
        """What a message asks."""
        return Request(
            id=str(message.id),
            place=place,
            author=author_of(message.author, _locale(message.guild)),
            text=words,
            quotes=await self._quotes(message, me),
            attachments=self._files(message),
            settle=SETTLE,
            adult=adults_only(message.channel),
            order=message.id,
        )

    async def _give(self, request: Request, post: ChannelPost) -> None:
        where = request.place.thread or request.place.channel
        reply = DiscordReply(post, where, self._answers.versions, locale=request.author.locale)
        given = Given(request, reply)
        first = self._running.setdefault(request.order, given) is given  # else Discord sent the message once more
        try:
            await self._answers.give_in(request, reply)
        finally:
            if first:
                del self._running[request.order]
        if given.edited and (row := await self._asked_with(request.order)) is not None:
            await self._offer(row, request.order, request.author.locale)

    async def on_raw_message_edit(self, edit: discord.RawMessageUpdateEvent) -> None:
        """An edited question: offer to answer it anew."""
        me = self._client.user
        if me is None or "content" not in edit.data or int(edit.data["author"]["id"]) == me.id:
            return
        words = without_mention(edit.data["content"], me.id)
        given = self._running.get(edit.message_id)
        if given is not None:
            given.edited = given.edited or words != given.request.text
            return
        row = await self._asked_with(edit.message_id)
        # Without the Message Content intent an edit may come without its words.
        if row is not None and words not in ("", row.question):
            await self._offer(row, edit.message_id, _locale(self._client.get_guild(edit.guild_id or 0)))

    async def on_raw_message_delete(self, deleted: discord.RawMessageDeleteEvent) -> None:
        """A deleted question: its answer stops, goes, and is forgotten."""
        given = self._running.get(deleted.message_id)
        if given is not None:
            given.reply.unwanted = True
            if given.reply.running:
                self._answers.core.stop(given.reply.turn_id)
                await given.reply.done()
            if given.reply.turn_id:
                await self._answers.core.take_back(given.reply.turn_id)
            await given.reply.post.drop(0)
            return
        row = await self._asked_with(deleted.message_id)
        if row is None:
            return
        await self._answers.core.take_back(row.id)
        await self._standing(row).drop(0)

    async def rerun(self, interaction: discord.Interaction[Any], message_id: int) -> None:
        """Answer an edited question anew, in the place of the first answer."""
        row = await self._asked_with(message_id)
        me = self._client.user
        post = InteractionPost(interaction, private=True)
        if row is None or me is None or row.user != f"{PLATFORM}:{interaction.user.id}":
            await post.tell(
                "Only the person who asked can press this one." if row else "That answer is no longer kept."
            )
            return
        await interaction.response.defer()
        # A question at which a thread began stands in the channel, any other where its answer is.
        asked_in = row.channel if row.thread in ("", str(message_id)) else row.thread
        try:
            message = await partial(self._client.get_partial_messageable(int(asked_in)), message_id).fetch()
        except discord.HTTPException:
            return  # deleted meanwhile, which takes the answer along
        request = await self._request(message, row.place, without_mention(words_of(message), me.id), me.id)
        # A message that was fetched knows neither its author's roles nor its channel.
        request = replace(
            request, id=f"{message_id}:{interaction.id}", settle=0.0, edit_of=str(message_id),
            author=presser_of(interaction), adult=adults_only(interaction.channel),
        )  # fmt: skip
        await self._answers.core.take_back(row.id)
        await self._give(request, self._standing(row))

    async def _asked_with(self, message_id: int) -> TurnRow | None:
        return await self._answers.stores.turns.asked_with(PLATFORM, str(message_id))

    def _standing(self, row: TurnRow) -> ChannelPost:
        """The messages in which a turn's answer stands."""
        where = row.standing
        channel = self._client.get_partial_messageable(int(where.channel if where else row.thread or row.channel))
        return ChannelPost(channel, standing=[partial(channel, int(one)) for one in (where.messages if where else ())])

    async def _offer(self, row: TurnRow, message_id: int, locale: str) -> None:
        """Put a button under an answer whose question was edited."""
        where = row.standing
        if where is None or not where.messages:
            return
        try:
            channel = self._client.get_partial_messageable(int(where.channel))
            message = await partial(channel, int(where.messages[-1])).fetch()
            view = discord.ui.LayoutView.from_message(message, timeout=None)
            button = rerun_button(row.id, message_id, locale)
            if any(getattr(item, "custom_id", None) == button.custom_id for item in view.walk_children()):
                return
            view.add_item(discord.ui.ActionRow(button))
            view.stop()  # presses are read by their custom_id; the library need not keep it
            await message.edit(view=view)
        except (discord.HTTPException, ValueError) as error:  # ValueError: the message has all the parts it may have
            log.info("rerun_not_offered", turn=row.id, detail=str(error))

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
