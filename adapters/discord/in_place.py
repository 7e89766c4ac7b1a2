"""Answers written anew where they stand, through the press that asked for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord

from adapters.discord.errors import sending
from adapters.discord.layout import Page
from adapters.discord.posts import ChannelPost


class InPlacePost(ChannelPost):
    """The messages of an earlier answer, written anew; what fails is told to the presser alone."""

    def __init__(self, interaction: discord.Interaction[Any], standing: Sequence[Any]) -> None:
        assert isinstance(interaction.channel, discord.abc.Messageable)
        super().__init__(interaction.channel, standing=standing)
        self._interaction = interaction

    async def begin(self) -> None:
        with sending():
            await self._interaction.response.defer()

    async def tell(self, words: str) -> None:
        with sending():
            await self._interaction.followup.send(view=Page(words).view(), ephemeral=True)


class PressedMessage:
    """The message under which something was pressed, changed through the interaction; that works for private ones."""

    def __init__(self, interaction: discord.Interaction[Any]) -> None:
        assert interaction.message is not None
        self._interaction = interaction
        self.id = interaction.message.id

    async def edit(self, **changes: Any) -> None:
        await self._interaction.edit_original_response(**changes)

    async def delete(self) -> None:
        await self._interaction.delete_original_response()
