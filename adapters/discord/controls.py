"""Presses on Discord: read from the custom_id alone, so that they work after a restart."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import discord
import structlog

from adapters.discord.answers import Answers
from adapters.discord.in_place import InPlacePost, PressedMessage
from adapters.discord.layout import SHARE, Page, Pressed
from adapters.discord.modals import Ticked, Typed, filled, modal
from adapters.discord.moderation import flag_modal, report_of
from adapters.discord.posts import ChannelPost, InteractionPost, Post, partial
from adapters.discord.requests import adults_only, place_of, presser_of, words_of
from adapters.discord.solved import mark_solved
from bot.controls import DOWN, EDIT, Control
from bot.delivery import SendError
from bot.learning.review_cards import CORRECT
from bot.request import Press, Request

log = structlog.get_logger(__name__)

IN_PLACE = frozenset({Control.RETRY, Control.VERSION})
"""These write the answer anew where it stands."""
ALONE = frozenset({
    Control.STOP, Control.UP, Control.DOWN, Control.WHY, Control.SOURCES, Control.UNDO, Control.EDIT, Control.FLAG,
    Control.CLAIM, Control.APPROVE, Control.CORRECT, Control.REJECT, Control.REOPEN,
})  # fmt: skip
"""What these say is for the presser alone."""
ASKING = frozenset({Control.DOWN, Control.EDIT, Control.FLAG, Control.CORRECT})
"""These open a form first."""
REASONS = ("Wrong", "Made up", "Not what I asked", "Too long", "Bad tone", "Should not be said")

Interaction = discord.Interaction[Any]


class Controls:
    """Answers presses and the modals that some of them open."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    async def handle(self, interaction: Interaction, pressed: Pressed) -> None:
        """Answer a press on one of an answer's controls, or a modal that one opened."""
        if interaction.type is discord.InteractionType.modal_submit:
            form = filled(interaction)
            value = report_of(form) if pressed.control == Control.FLAG else form.texts.get("words", "")
            await self._press(interaction, pressed, value, form.ticks.get("reasons", ()))
        elif pressed.control == SHARE:
            await self._share(interaction, pressed)
        elif pressed.control in ASKING:
            await self._ask(interaction, pressed)
        else:
            await self._press(interaction, pressed, pressed.value)

    async def _press(self, interaction: Interaction, pressed: Pressed, value: str, reasons: Sequence[str] = ()) -> None:
        alone = seen_alone(interaction)
        request = Request(
            id=str(interaction.id),
            place=place_of(interaction.channel, interaction.guild_id),
            author=presser_of(interaction),
            press=Press(pressed.turn_id, pressed.control, value, tuple(reasons)),
            adult=adults_only(interaction.channel),
            private=alone,
        )
        shown_as = value if pressed.control == Control.VERSION else ""
        post = await self._post(interaction, pressed)
        shareable = alone and pressed.control not in ALONE
        reply = await self._answers.give(request, post, shown_as=shown_as, shareable=shareable)
        if reply.answered and pressed.control in (Control.UNDO, Control.EDIT):
            await self._follow(interaction, pressed)
        if reply.answered and pressed.control == Control.SOLVED:
            await self._solved(interaction, pressed)

    async def _post(self, interaction: Interaction, pressed: Pressed) -> Post:
        if pressed.control in IN_PLACE:
            return InPlacePost(interaction, await self._standing(interaction, pressed))
        alone = pressed.control in ALONE or seen_alone(interaction)
        return InteractionPost(interaction, private=True if alone else None)

    async def _standing(self, interaction: Interaction, pressed: Pressed) -> list[Any]:
        """The messages of the answer under which something was pressed, the pressed one last."""
        here = PressedMessage(interaction)
        row = await self._answers.stores.turns.get(pressed.turn_id)
        kept = (row.message or {}).get("messages", []) if row is not None else []
        before = [int(one) for one in kept if int(one) != here.id] if str(here.id) in kept else []
        return [*(partial(interaction.channel, one) for one in before), here]

    async def _follow(self, interaction: Interaction, pressed: Pressed) -> None:
        """Bring the answer's messages in line: what was taken back goes, what was edited is shown so."""
        row = await self._answers.stores.turns.get(pressed.turn_id)
        if row is None or interaction.message is None or seen_alone(interaction):
            return
        ids = [int(one) for one in (row.message or {}).get("messages", ())] or [interaction.message.id]
        post = ChannelPost(_channel(interaction), standing=[partial(interaction.channel, one) for one in ids])
        if pressed.control == Control.UNDO:
            await post.drop(0)
            return
        try:
            await self._answers.show(row, post, locale=interaction.locale.value)
            await post.drop(len(ids))
        except SendError as error:
            log.warning("edit_not_shown", turn=row.id, detail=error.detail)

    async def _solved(self, interaction: Interaction, pressed: Pressed) -> None:
        """Show where the question stands that it is solved, and on the notice who said so."""
        row = await self._answers.stores.turns.get(pressed.turn_id)
        if row is None:
            return
        await mark_solved(interaction.client, row.place)
        here = place_of(interaction.channel, interaction.guild_id)
        if interaction.message is not None and here.channel != row.channel:
            notice = Page(f"{words_of(interaction.message)}\n**Solved, says {interaction.user.display_name}**")
            with contextlib.suppress(discord.HTTPException):
                await partial(interaction.channel, interaction.message.id).edit(view=notice.view())

    async def _ask(self, interaction: Interaction, pressed: Pressed) -> None:
        """Open the modal of a control that wants words."""
        stores = self._answers.stores
        row = await stores.turns.get(pressed.turn_id)
        answer = row.answer if row is not None else ""
        match pressed.control:
            case Control.FLAG:
                form = flag_modal(pressed.turn_id)
            case Control.DOWN:
                reasons = [(reason.lower(), reason) for reason in REASONS]
                fields = (Ticked("reasons", "What was wrong?", reasons), Typed("words", DOWN.asks))
                form = modal("Better answer", pressed.custom_id, fields)
            case Control.CORRECT:
                item = await stores.reviews.get(pressed.turn_id)
                better = (item.suggestion if item is not None else "") or answer
                form = modal("Better answer", pressed.custom_id, (Typed("words", CORRECT.asks, better, required=True),))
            case _:
                form = modal("Edit", pressed.custom_id, (Typed("words", EDIT.asks, answer, required=True),))
        await interaction.response.send_modal(form)

    async def _share(self, interaction: Interaction, pressed: Pressed) -> None:
        """Show a private answer to everybody, under the name of who asked for it."""
        row = await self._answers.stores.turns.get(pressed.turn_id)
        post = InteractionPost(interaction, private=True)
        if row is None or row.user != author_key(interaction):
            await _tell(post, "That answer is no longer kept, so it cannot be shown.")
            return
        shared = InteractionPost(interaction)
        await shared.begin()
        try:
            note = f"Shared by {interaction.user.display_name}"
            await self._answers.show(row, shared, note, interaction.locale.value)
        except SendError as error:
            log.warning("not_shared", turn=row.id, detail=error.detail)
        finally:
            await shared.end()


def seen_alone(interaction: Interaction) -> bool:
    """Whether something was pressed under a message that the presser alone sees; what follows stays so."""
    return interaction.message is not None and interaction.message.flags.ephemeral


def _channel(interaction: Interaction) -> discord.abc.Messageable:
    assert isinstance(interaction.channel, discord.abc.Messageable)
    return interaction.channel


def author_key(interaction: Interaction) -> str:
    """The presser's key in the store."""
    return f"discord:{interaction.user.id}"


async def _tell(post: Post, words: str) -> None:
    try:
        await post.tell(words)
    except SendError as error:
        log.warning("not_told", detail=error.detail)
    finally:
        await post.end()
