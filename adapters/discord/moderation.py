"""Flags and the moderators' cards: an answer is flagged in its channel and decided on in another one."""

from __future__ import annotations

from typing import Any

import discord
from discord import ui

from adapters.discord.errors import sending
from adapters.discord.layout import Page, Pressed, answer_rows
from adapters.discord.modals import Filled, Ticked, Typed, modal
from adapters.discord.posts import partial
from bot.controls import Control
from bot.delivery import SendForbidden
from bot.learning.flags import Reason, Report
from bot.learning.review_cards import Card
from bot.messengers import Notice
from bot.request import MessageRef, Place, one_line

QUESTION = 700
ANSWER = 1500
NOTES = 500


def flag_modal(turn_id: str) -> ui.Modal:
    """What is wrong with an answer, and what it should have been."""
    reasons = [(reason.value, reason.label.capitalize()) for reason in Reason]
    return modal("Flag to the moderators", Pressed(turn_id, Control.FLAG).custom_id, (
        Ticked("reasons", "What is wrong?", reasons, required=True),
        Typed("note", "Tell the moderators more (may stay empty)"),
        Typed("words", "What should it have said? (may stay empty)"),
    ))  # fmt: skip


def report_of(form: Filled) -> str:
    """A filled flag form as the value of a press."""
    reasons = tuple(Reason(value) for value in form.ticks.get("reasons", ()) if value in list(Reason))
    return Report(reasons, form.texts.get("note", ""), form.texts.get("words", "")).value


class CardDesk:
    """Posts the review queue's cards and keeps them up to date."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client

    async def post(self, card: Card, channel: str) -> MessageRef:
        """Put a card into the moderators' channel."""
        with sending():
            sent = await (await self._channel(int(channel))).send(view=drawn(card).view())
        return MessageRef("discord", channel, (str(sent.id),))

    async def update(self, card: Card, at: MessageRef) -> None:
        """Have a card show what the item is by now."""
        with sending(repeatable=True):
            await partial(await self._channel(int(at.channel)), int(at.messages[0])).edit(view=drawn(card).view())

    async def _channel(self, number: int) -> Any:
        channel = self._client.get_channel(number) or await self._client.fetch_channel(number)
        if not isinstance(channel, discord.abc.Messageable):
            raise SendForbidden("the moderators' channel takes no messages")
        return channel


def drawn(card: Card) -> Page:
    """A card as Discord shows it."""
    link = _link(card.place, card.message)
    reasons = ", ".join(f"{label} ×{count}" if count > 1 else label for label, count in card.reasons.items())
    parts = [f"### Flagged: {reasons or 'a better answer was given'}", f"-# /{card.scenario} {card.model}{link}"]
    if card.question:
        parts.append(_quoted("Question", card.question, QUESTION))
    if card.answer:
        parts.append(_quoted("Answer", card.answer, ANSWER))
    if card.sources:
        parts.append(f"-# Sources: {', '.join(card.sources)[:300]}")
    if card.notes:
        parts.append(_quoted("Said of it", "\n".join(card.notes), NOTES))
    better = card.correction or card.suggestion
    if better and card.state != "rejected":
        parts.append(_quoted("Better answer", better, ANSWER - 300))
    parts.append(f"**{card.status}**")
    return Page("\n".join(parts), answer_rows(card.turn_id, card.buttons))


def noticed(notice: Notice) -> Page:
    """A notice as Discord shows it."""
    link = _link(notice.place, notice.message)
    parts = [f"### {notice.title}", _quoted("Question", notice.words, QUESTION)]
    return Page("\n".join([*parts, f"-#{link}"] if link else parts), answer_rows(notice.turn_id, notice.buttons))


def _link(place: Place, message: MessageRef | None) -> str:
    """A link to an answer, with a space before it; "" where it has no place of its own."""
    if message is None or not message.messages or not place.server:
        return ""
    where = place.thread or place.channel
    return f" [see it](https://discord.com/channels/{place.server}/{where}/{message.messages[-1]})"


def _quoted(title: str, text: str, most: int) -> str:
    short = text if len(text) <= most else text[: most - 1] + "…"
    lines = "\n".join(f"> {one_line(line, most)}" for line in short.splitlines() if line.strip())
    return f"**{title}**\n{lines}"
