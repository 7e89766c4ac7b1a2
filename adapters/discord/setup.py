"""/setup: a server's settings on one panel, held against what the bot is allowed to do before they are saved."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import discord
import structlog
from discord import app_commands

from adapters.discord.commands import localized
from adapters.discord.modals import Typed, data_of, filled, modal
from adapters.discord.panel import CONSOLE, MODES, PREFIX, QUOTA_BACK, TALK, panel
from adapters.discord.requests import PLATFORM, place_of, presser_of
from bot.errors import UserError
from bot.place_settings import ChannelSettings, Mode, ServerSettings, Value, is_of_channel
from bot.places import Places
from bot.quotas import Quotas
from bot.request import Place

log = structlog.get_logger(__name__)

FORMS = {
    "texts": {
        "persona": "Persona (first sentences to the model)",
        "language": "Language of answers (empty: the reader's)",
        "quota": "Answers a person gets: 30/hour, 200/day",
        "lines": "What stories leave out, with commas between",
        "days": "Days that answers are kept (empty: host’s)",
    },
    "here": {
        "channel_persona": "Persona here (empty: the server’s)",
        "channel_language": "Language of answers (empty: the server’s)",
    },
    "link": {
        "link": "Name of the link (empty: none)",
        "tongue": "Language of this channel, such as French",
    },
}
NEEDED = {
    "view_channel": "View Channel", "send_messages": "Send Messages", "read_message_history": "Read Message History",
    "attach_files": "Attach Files",
}  # fmt: skip
THREADED = {"create_public_threads": "Create Public Threads", "send_messages_in_threads": "Send Messages in Threads"}
LONG = ("persona", "channel_persona", "lines")
CHANGES = 5
NAMES = {"zh-CN": "设置", "es-ES": "configurar", "fr": "reglages", "de": "einrichten", "ja": "設定"}
DESCRIPTIONS = {
    "zh-CN": "我在这个服务器上可以做什么", "es-ES": "Lo que puedo hacer en este servidor",
    "fr": "Ce que je peux faire sur ce serveur", "de": "Was ich auf diesem Server darf",
    "ja": "このサーバーで私ができること",
}  # fmt: skip

Interaction = discord.Interaction[Any]


def setup_command(run: Callable[[Interaction], Awaitable[None]]) -> app_commands.Command[Any, ..., None]:
    """/setup as Discord draws it."""

    async def setup(interaction: Interaction) -> None:
        await run(interaction)

    made: app_commands.Command[Any, ..., None] = app_commands.Command(
        name=localized("setup", NAMES),
        description=localized("What I may do on this server", DESCRIPTIONS),
        callback=setup,
        allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=False, private_channel=False),
        allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
    )
    # Discord shows it to those alone who manage the server; each change is checked here as well.
    made.default_permissions = discord.Permissions(manage_guild=True)
    return made


class SetUp:
    """The panel. Rights are checked at every change, whoever was shown the panel."""

    def __init__(self, places: Places, quotas: Quotas, message_content: bool) -> None:
        self._places = places
        self._quotas = quotas
        self._message_content = message_content

    async def open(self, interaction: Interaction) -> None:
        """Show the panel to who may see it."""
        await self._show(interaction, interaction.response.send_message)

    async def handle(self, interaction: Interaction) -> bool:
        """Take a change from the panel, if the interaction is one."""
        prefix, _, setting = str(data_of(interaction).get("custom_id", "")).partition(":")
        if prefix != PREFIX:
            return False
        if setting in FORMS and interaction.type is not discord.InteractionType.modal_submit:
            await self._ask(interaction, setting)
            return True
        try:
            for name, value in self._changes(interaction, setting):
                await self._change(interaction, name, value)
        except UserError as error:
            await interaction.response.send_message(error.words, ephemeral=True)
            return True
        await self._show(interaction, interaction.response.edit_message)
        return True

    def _changes(self, interaction: Interaction, setting: str) -> list[tuple[str, Value]]:
        if setting in FORMS:
            return list(filled(interaction).texts.items())
        values = [str(value) for value in data_of(interaction).get("values", ())]
        name, _, state = setting.partition("-")
        if state:
            # The button says what it does, so that pressing an old panel does not surprise.
            return [(name, state == "on")]
        if setting in ("moderators_channel", "mode", "scenario", QUOTA_BACK):
            return [(setting, values[0] if values else "")]
        return [(setting, values)]

    async def _change(self, interaction: Interaction, setting: str, value: Value) -> None:
        place = place_of(interaction.channel, interaction.guild_id)
        if setting == QUOTA_BACK:
            await self._places.note(place, presser_of(interaction), "quota given back to", f"<@{value}>")
            await self._quotas.reset(f"{PLATFORM}:{value}")
            return
        if setting == "moderators_channel" and value:
            self._must(interaction, int(str(value)), NEEDED)
        if setting == "mode" and value in (Mode.EVERY, Mode.THREADS):
            if value == Mode.EVERY and not self._message_content:
                raise UserError(
                    "Without the Message Content intent I do not see such questions. The owner has to switch it on in "
                    "the developer portal and set DISCORD_MESSAGE_CONTENT=true."
                )
            self._must(interaction, int(place.channel), NEEDED | THREADED)
        if setting == "link" and value:
            self._must(interaction, int(place.channel), NEEDED | {"manage_webhooks": "Manage Webhooks"})
            if not self._message_content:
                raise UserError("Without the Message Content intent I cannot read what I would carry over.")
        await self._places.change(place, presser_of(interaction), setting, value)

    def _must(self, interaction: Interaction, channel_id: int, needed: dict[str, str]) -> None:
        """Raises UserError for what the bot lacks in a channel."""
        if missing := lacking(interaction.guild, channel_id, needed):
            raise UserError(f"I lack these permissions in <#{channel_id}>: {', '.join(missing)}. Nothing was changed.")

    async def _show(self, interaction: Interaction, respond: Callable[..., Awaitable[Any]]) -> None:
        place = place_of(interaction.channel, interaction.guild_id)
        if not presser_of(interaction).admin:
            await interaction.response.send_message(
                "Only people who manage this server can change its settings.", ephemeral=True
            )
            return
        server = await self._places.server(PLATFORM, place.server)
        channel = await self._places.channel(replace(place, thread=""))
        lines = [*self._summary(interaction, place, server, channel), *await self._history(place)]
        view = panel("\n".join(lines), server, channel)
        if respond == interaction.response.send_message:
            await respond(view=view, ephemeral=True)
        else:
            await respond(view=view)

    def _summary(
        self, interaction: Interaction, place: Place, server: ServerSettings, channel: ChannelSettings
    ) -> list[str]:
        off = ", ".join(f"/{name}" for name in sorted(server.scenarios_off)) or "none"
        roles = ", ".join(f"<@&{role}>" for role in sorted(server.moderator_roles)) or "those who manage the server"
        console = "; ".join(
            f"{', '.join(f'<@&{role}>' for role in sorted(getattr(server, setting)))} may {words} it"
            for setting, words in CONSOLE.items()
            if getattr(server, setting)
        )
        desk = f"<#{server.moderators_channel}>" if server.moderators_channel else "none, so flags wait"
        lines = [
            "## Parley on this server",
            f"**Switched off** {off}",
            f"**This channel** {MODES[channel.mode].lower()}; {TALK[channel.scenario].lower()}{channel.own}",
            f"**Moderators** {roles}; their channel: {desk}",
            *([f"**The console** {console}"] if console else []),
            f"**Language** {server.language or 'the reader’s'} · **Quota** {server.quota or 'the host’s'} · "
            f"**Persona** {server.persona or 'Parley’s own'}",
            f"**I answer** {_people(server)}",
            f"**Stories leave out** {', '.join(server.lines) or 'nothing of their own accord'} · "
            f"**Kept** {f'{server.days} days' if server.days else 'as long as the host keeps it'}",
            f"**Training** on approved answers from here: {'yes' if server.training else 'no'} · "
            f"**Flags** translate: {_flags(server)}",
            *([f"**Linked** with “{channel.link}”, in {channel.tongue or 'no language yet'}"] if channel.link else []),
        ]
        missing = lacking(interaction.guild, int(place.channel), NEEDED)
        if missing:
            lines.append(f"⚠️ In this channel I lack: {', '.join(missing)}")
        if server.moderators_channel and (gone := lacking(interaction.guild, int(server.moderators_channel), NEEDED)):
            lines.append(f"⚠️ In the moderators' channel I lack: {', '.join(gone)}")
        if not self._message_content:
            lines.append("⚠️ Without the Message Content intent: commands, mentions, replies and direct messages only")
        return lines

    async def _history(self, place: Place) -> list[str]:
        changes = await self._places.audit(PLATFORM, place.server, CHANGES)
        return [
            f"-# {one.created:%Y-%m-%d %H:%M} {one.name}: {one.setting} → {str(one.after or 'default')[:80]}"
            for one in changes
        ]

    async def _ask(self, interaction: Interaction, form: str) -> None:
        """Open one of the forms, with what is set standing in it."""
        place = replace(place_of(interaction.channel, interaction.guild_id), thread="")
        server, channel = await self._places.server(PLATFORM, place.server), await self._places.channel(place)
        fields = [
            Typed(name, label, _typed(channel if is_of_channel(name) else server, name), long=name in LONG)
            for name, label in FORMS[form].items()
        ]
        await interaction.response.send_modal(modal("Settings", f"{PREFIX}:{form}", fields))


def _people(server: ServerSettings) -> str:
    """Whom the bot answers, in words."""
    wanted = ", ".join(f"<@&{role}>" for role in sorted(server.only_roles)) or "everybody"
    out = f", but {len(server.shut_out)} whom I do not answer" if server.shut_out else ""
    return f"{wanted}{out}"


def _flags(server: ServerSettings) -> str:
    if not server.flags:
        return "no"
    return "in " + ", ".join(f"<#{one}>" for one in sorted(server.flag_channels)) if server.flag_channels else "yes"


def lacking(guild: discord.Guild | None, channel_id: int, needed: dict[str, str]) -> list[str]:
    """The permissions that the bot lacks in a channel, as Discord names them."""
    channel = guild.get_channel_or_thread(channel_id) if guild is not None else None
    if guild is None or channel is None:
        return [needed["view_channel"]] if "view_channel" in needed else []
    granted = channel.permissions_for(guild.me)
    return [label for name, label in needed.items() if not getattr(granted, name)]


def _typed(settings: ServerSettings | ChannelSettings, name: str) -> str:
    """A setting as one would type it."""
    value = getattr(settings, name)
    return ", ".join(value) if isinstance(value, tuple) else str(value or "")
