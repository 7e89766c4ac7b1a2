"""Where an answer's messages stand: in a channel, or behind an interaction that has to be acknowledged."""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
from collections.abc import Sequence
from typing import Any, Protocol

import discord
import structlog

from adapters.discord.errors import ALREADY_ACKNOWLEDGED, UNKNOWN_INTERACTION, sending
from adapters.discord.layout import Page
from bot.delivery import SendForbidden
from bot.request import one_line
from bot.turn import File

log = structlog.get_logger(__name__)

QUICK = 0.25
"""Seconds in which an answer may come before Discord hears that it takes longer; it waits for three."""
TOKEN_MARGIN = 30.0
"""Seconds before an interaction's token dies at which the bot's own is taken."""
TITLE = 80
TYPING = 8.0
"""Seconds between two signs of typing; one is seen for ten."""


class Post(Protocol):
    """The messages of one answer, counted from 0: `show` writes the next one or changes one."""

    async def begin(self) -> None: ...

    async def show(self, number: int, page: Page, files: Sequence[File] = (), *, private: bool = False) -> None: ...

    async def tell(self, words: str) -> None:
        """Say that nothing will come, to the asker alone where that is possible."""
        ...

    async def drop(self, number: int) -> None:
        """Take away a message that is no longer needed, and all behind it."""
        ...

    async def end(self) -> None: ...

    async def open_thread(self, title: str) -> discord.Thread | None:
        """A thread at the last message; None where it stands in one, or none may be made."""
        ...

    @property
    def ids(self) -> tuple[str, ...]: ...


class ChannelPost:
    """Messages in a channel, the first one an answer to `prompt`."""

    def __init__(
        self, channel: discord.abc.Messageable, prompt: discord.MessageReference | None = None,
        standing: Sequence[Any] = (),
    ) -> None:  # fmt: skip
        self._channel = channel
        self._prompt = prompt
        self._messages: list[Any] = list(standing)
        self._typing: asyncio.Task[None] | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(str(message.id) for message in self._messages)

    async def begin(self) -> None:
        self._typing = asyncio.create_task(self._type())

    async def end(self) -> None:
        if self._typing is not None:
            self._typing.cancel()
            await asyncio.wait([self._typing])

    async def show(self, number: int, page: Page, files: Sequence[File] = (), *, private: bool = False) -> None:
        await self.end()
        if number < len(self._messages):
            with sending(repeatable=True):
                await self._messages[number].edit(view=page.view(), **_attached(files))
            return
        with sending():
            self._messages.append(await self._send(page, files))

    async def tell(self, words: str) -> None:
        await self.show(len(self._messages), Page(words))

    async def drop(self, number: int) -> None:
        gone, self._messages = self._messages[number:], self._messages[:number]
        for message in gone:
            with contextlib.suppress(discord.HTTPException):
                await message.delete()

    async def open_thread(self, title: str) -> discord.Thread | None:
        return await thread_at(self._channel, self.ids, title)

    async def _send(self, page: Page, files: Sequence[File]) -> discord.Message:
        more: dict[str, Any] = {"files": opened(files)} if files else {}
        if self._prompt is not None and not self._messages:
            more["reference"] = self._prompt
        return await self._channel.send(view=page.view(), **more)

    async def _type(self) -> None:
        """Show typing until the first message; a channel where that is not allowed shows nothing."""
        with contextlib.suppress(discord.HTTPException):
            while True:
                await self._channel.typing()
                await asyncio.sleep(TYPING)


class ThreadPost(ChannelPost):
    """Messages in a thread that begins at a question; in its channel, where none may be made."""

    def __init__(self, question: discord.Message) -> None:
        super().__init__(question.channel, question.to_reference(fail_if_not_exists=False))
        self._question = question

    async def show(self, number: int, page: Page, files: Sequence[File] = (), *, private: bool = False) -> None:
        if not self._messages and self._prompt is not None:
            try:
                self._channel = await self._question.create_thread(name=title_of(self._question.content))
                self._prompt = None
            except discord.HTTPException as error:
                log.warning("thread_not_made", channel=self._question.channel.id, detail=error.text)
        await super().show(number, page, files, private=private)


class InteractionPost:
    """Messages behind an interaction: acknowledged in time, private where the answer is.

    After the token's death they go on with the bot's own, in the same channel.
    `private`: whether it is settled that only the asker sees them; None leaves it to the answer.
    """

    def __init__(self, interaction: discord.Interaction[Any], *, private: bool | None = None) -> None:
        self._interaction = interaction
        self._private = private
        self._lock = asyncio.Lock()
        self._pending: asyncio.Task[None] | None = None
        self._messages: list[Any] = []
        self._lost = False
        self._dropped = False

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(str(message.id) for message in self._messages)

    async def begin(self) -> None:
        self._pending = asyncio.create_task(self._acknowledge())

    async def end(self) -> None:
        if self._pending is not None:
            self._pending.cancel()
            await asyncio.wait([self._pending])

    async def show(self, number: int, page: Page, files: Sequence[File] = (), *, private: bool = False) -> None:
        private = private or bool(self._private)
        if private and not self._private and self._messages:
            # What was waited for in front of everybody turned out to be for the asker alone.
            await self.drop(0)
        async with self._lock:
            if number < len(self._messages):
                with sending(repeatable=True):
                    await self._alive(self._messages[number], private).edit(view=page.view(), **_attached(files))
                return
            with sending():
                self._messages.append(await self._next(page, files, private))

    async def tell(self, words: str) -> None:
        await self.show(len(self._messages), Page(words), private=True)

    async def drop(self, number: int) -> None:
        gone, self._messages = self._messages[number:], self._messages[:number]
        for message in gone:
            with contextlib.suppress(discord.HTTPException):
                await message.delete()
        self._dropped = self._dropped or (number == 0 and bool(gone))

    async def open_thread(self, title: str) -> discord.Thread | None:
        return await thread_at(self._interaction.channel, self.ids, title)

    @property
    def _late(self) -> bool:
        left = self._interaction.expires_at - discord.utils.utcnow()
        return self._lost or left.total_seconds() < TOKEN_MARGIN

    async def _acknowledge(self) -> None:
        await asyncio.sleep(QUICK)
        async with self._lock:
            if self._interaction.response.is_done():
                return
            try:
                await self._interaction.response.defer(ephemeral=bool(self._private), thinking=True)
            except discord.HTTPException as error:
                with contextlib.suppress(discord.HTTPException):
                    self._lose(error)

    def _lose(self, error: discord.HTTPException) -> None:
        """Too late, or another host was faster: the answer comes by the bot's own token. Raises what is else."""
        if error.code not in (UNKNOWN_INTERACTION, ALREADY_ACKNOWLEDGED):
            raise error
        self._lost = True
        log.warning("interaction_not_acknowledged", code=error.code, detail=error.text)

    async def _next(self, page: Page, files: Sequence[File], private: bool) -> Any:
        interaction, first = self._interaction, not self._messages
        if self._late:
            return await self._through_channel(page, files, private)
        if not interaction.response.is_done():
            try:
                answered = await interaction.response.send_message(view=page.view(), ephemeral=private, **_sent(files))
            except discord.HTTPException as error:
                self._lose(error)
                return await self._through_channel(page, files, private)
            return answered.resource
        if first and not self._dropped:
            if private == bool(self._private):
                return await interaction.edit_original_response(view=page.view(), **_attached(files))
            await interaction.delete_original_response()
        return await interaction.followup.send(view=page.view(), ephemeral=private, wait=True, **_sent(files))

    async def _through_channel(self, page: Page, files: Sequence[File], private: bool) -> discord.Message:
        channel = self._interaction.channel
        if private or not isinstance(channel, discord.abc.Messageable):
            raise SendForbidden("the interaction is over and its answer was private")
        return await channel.send(view=page.view(), **_sent(files))

    def _alive(self, message: Any, private: bool) -> Any:
        channel = self._interaction.channel
        if not self._late or private or not isinstance(channel, discord.abc.Messageable):
            return message
        return partial(channel, message.id)


def title_of(question: str) -> str:
    """A thread's name: the first words of what it is about."""
    words = one_line(re.sub(r"<[@#:][^>]*>|[*_`~|>#]+", " ", question), TITLE)
    return words or "Question"


async def thread_at(channel: Any, ids: Sequence[str], title: str) -> discord.Thread | None:
    """A thread at the last of some messages."""
    if not ids or not isinstance(channel, discord.TextChannel):
        return None
    try:
        return await partial(channel, int(ids[-1])).create_thread(name=title)
    except discord.HTTPException as error:
        log.warning("thread_not_made", channel=channel.id, detail=error.text)
        return None


def partial(channel: Any, message_id: int) -> discord.PartialMessage:
    """A message that can be edited without having been fetched."""
    found: discord.PartialMessage = channel.get_partial_message(message_id)
    return found


def opened(files: Sequence[File]) -> list[discord.File]:
    """Files as the library uploads them."""
    return [discord.File(io.BytesIO(file.content), filename=file.name) for file in files]


def _sent(files: Sequence[File]) -> dict[str, Any]:
    return {"files": opened(files)} if files else {}


def _attached(files: Sequence[File]) -> dict[str, Any]:
    return {"attachments": opened(files)} if files else {}
