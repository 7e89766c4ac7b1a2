"""Message commands: what can be done with any message, answered to the clicker alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import discord
import structlog

from adapters.discord.answers import Answers
from adapters.discord.layout import turn_of
from adapters.discord.moderation import flag_modal
from adapters.discord.posts import InteractionPost
from adapters.discord.reply import MOST_MESSAGES
from adapters.discord.requests import attachments_of, place_of, presser_of, quote_of, words_of
from bot.request import Quote, Request
from bot.scenarios.detection import detect

log = structlog.get_logger(__name__)

FROM_HERE = 100
"""The most messages that are summarised from one on."""

Interaction = discord.Interaction[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Menu:
    """One message command: its name, and its names in other languages."""

    name: str
    names: Mapping[str, str]
    guild_only: bool = False


TRANSLATE = Menu("Translate", {
    "zh-CN": "翻译", "es-ES": "Traducir", "fr": "Traduire", "de": "Übersetzen", "ja": "翻訳",
})  # fmt: skip
CORRECT = Menu("Correct my text", {
    "zh-CN": "修改我的文字", "es-ES": "Corregir mi texto", "fr": "Corriger mon texte",
    "de": "Meinen Text korrigieren", "ja": "文章を直す",
})  # fmt: skip
SUPPORT = Menu("Ask support about this", {
    "zh-CN": "就此询问支持", "es-ES": "Preguntar al soporte", "fr": "Demander au support",
    "de": "Support dazu fragen", "ja": "サポートに聞く",
})  # fmt: skip
SUMMARISE = Menu("Summarise from here", {
    "zh-CN": "从这里开始总结", "es-ES": "Resumir desde aquí", "fr": "Résumer à partir d’ici",
    "de": "Ab hier zusammenfassen", "ja": "ここから要約",
})  # fmt: skip
FLAG = Menu("Flag to moderators", {
    "zh-CN": "报告给管理员", "es-ES": "Avisar a los moderadores", "fr": "Signaler aux modérateurs",
    "de": "Den Moderatoren melden", "ja": "モデレーターに報告",
}, guild_only=True)  # fmt: skip
MENUS = (TRANSLATE, CORRECT, SUPPORT, SUMMARISE, FLAG)


class Menus:
    """The message commands that need nothing but a scenario."""

    def __init__(self, answers: Answers, hosts: frozenset[str]) -> None:
        self._answers = answers
        self._hosts = hosts

    async def run(self, menu: Menu, interaction: Interaction, message: discord.Message) -> None:
        """Do what a menu's entry is for."""
        runs = {
            TRANSLATE: self._translate, CORRECT: self._correct, SUPPORT: self._support, SUMMARISE: self._summarise,
            FLAG: self._flag,
        }  # fmt: skip
        await runs[menu](interaction, message)

    async def _translate(self, interaction: Interaction, message: discord.Message) -> None:
        # The language is the clicker's own, which the scenario reads from the author.
        await self._ask(interaction, message, "translate", words_of(message))

    async def _correct(self, interaction: Interaction, message: discord.Message) -> None:
        words = words_of(message)
        guess = await detect(words)
        language = guess.language.name if guess is not None else "English"
        await self._ask(interaction, message, "tutor", words, {"mode": "practice", "subject": language})

    async def _support(self, interaction: Interaction, message: discord.Message) -> None:
        await self._ask(interaction, message, "support", words_of(message))

    async def _flag(self, interaction: Interaction, message: discord.Message) -> None:
        turn_id = await self._turn(interaction, message)
        if not turn_id:
            post = InteractionPost(interaction, private=True)
            await post.tell("Only answers of mine can be flagged; for people, use Discord's own report.")
            return
        await interaction.response.send_modal(flag_modal(turn_id))

    async def _turn(self, interaction: Interaction, message: discord.Message) -> str:
        """The turn that a message is an answer of; the controls stand under an answer's last message."""
        channel = interaction.channel
        me = interaction.client.user
        if me is None or message.author.id != me.id:
            return ""
        if (found := turn_of(message)) or not isinstance(channel, discord.abc.Messageable):
            return found
        try:
            async for following in channel.history(limit=MOST_MESSAGES, after=message, oldest_first=True):
                if following.author.id == message.author.id and (found := turn_of(following)):
                    return found
        except discord.HTTPException:
            log.info("history_not_read", channel=interaction.channel_id)
        return ""

    async def _summarise(self, interaction: Interaction, message: discord.Message) -> None:
        post = InteractionPost(interaction, private=True)
        await post.begin()
        quotes = [quote_of(message)]
        channel = interaction.channel
        if isinstance(channel, discord.abc.Messageable):
            try:
                quotes += [quote_of(one) async for one in channel.history(limit=FROM_HERE, after=message)]
            except discord.HTTPException:
                await post.tell("I may not read this channel's messages: I need to see it and read its history.")
                return
        request = self._request(interaction, "summarize", "", {}, tuple(quote for quote in quotes if quote))
        await self._answers.give(request, post, shareable=True)

    async def _ask(
        self, interaction: Interaction, message: discord.Message, command: str, text: str,
        options: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        post = InteractionPost(interaction, private=True)
        if not text and not message.attachments:
            await post.tell("There are no words in that message.")
            return
        request = self._request(interaction, command, text, options or {}, message=message)
        await self._answers.give(request, post, shareable=True)

    def _request(
        self, interaction: Interaction, command: str, text: str, options: Mapping[str, str],
        quotes: tuple[Quote, ...] = (), message: discord.Message | None = None,
    ) -> Request:  # fmt: skip
        return Request(
            id=str(interaction.id),
            place=place_of(interaction.channel, interaction.guild_id),
            author=presser_of(interaction),
            text=text,
            command=command,
            options=options,
            quotes=quotes,
            private=True,
            attachments=attachments_of(message, self._hosts) if message is not None else (),
        )
