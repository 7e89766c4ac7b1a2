"""/setup: a server's settings on one panel, held against what the bot is allowed to do before they are saved."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import discord
import structlog
from discord import app_commands, ui

from adapters.discord.commands import localized
from adapters.discord.modals import Typed, data_of, filled, modal
from adapters.discord.requests import PLATFORM, place_of, presser_of
from bot.errors import UserError
from bot.place_settings import ChannelSettings, Mode, ServerSettings, Value, is_of_channel
from bot.places import Places
from bot.request import Place
from bot.settings import SCENARIOS

log = structlog.get_logger(__name__)

PREFIX = "parley-setup"
MODES = {
    Mode.MENTION: "Answer mentions and replies", Mode.EVERY: "Answer every new question, in a thread",
    Mode.THREADS: "Answer in threads only", Mode.OFF: "Be silent here",
}  # fmt: skip
TALK = {"chat": "Plain words are talk", "support": "Plain words are support questions"}
FORMS = {
    "texts": {
        "persona": "Persona (first sentences to the model)",
        "language": "Language of answers (empty: the reader's)",
        "quota": "Answers a person gets: 30/hour, 200/day",
        "lines": "What stories leave out, with commas between",
        "days": "Days that answers are kept (empty: host’s)",
    },
    "link": {
        "link": "Name of the link (empty: none)",
        "tongue": "Language of this channel, such as French",
    },
}
CONSOLE = {"trainers": "train on", "viewers": "look on at"}
NEEDED = {
    "view_channel": "View Channel", "send_messages": "Send Messages", "read_message_history": "Read Message History",
    "attach_files": "Attach Files",
}  # fmt: skip
THREADED = {"create_public_threads": "Create Public Threads", "send_messages_in_threads": "Send Messages in Threads"}
LONG = ("persona", "lines")
CHANGES = 5
NAMES = {"zh-CN": "设置", "es-ES": "configurar", "fr": "reglages", "de": "einrichten", "ja": "設定"}
DESCRIPTIONS = {
    "zh-CN": "我在这个服务器上可以做什么", "es-ES": "Lo que puedo hacer en este servidor",
    "fr": "Ce que je peux faire sur ce serveur", "de": "Was ich auf diesem Server darf",
    "ja": "このサーバーで私ができること",
}  # fmt: skip

Interaction = discord.Interaction[Any]


class SetUp:
    """The panel. Rights are checked at every change, whoever was shown the panel."""

    def __init__(self, places: Places, message_content: bool) -> None:
        self._places = places
        self._message_content = message_content

    @property
    def command(self) -> app_commands.Command[Any, ..., None]:
        async def setup(interaction: Interaction) -> None:
            await self._show(interaction, interaction.response.send_message)

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
        if setting in ("moderators_channel", "mode", "scenario"):
            return [(setting, values[0] if values else "")]
        return [(setting, values)]

    async def _change(self, interaction: Interaction, setting: str, value: Value) -> None:
        place = place_of(interaction.channel, interaction.guild_id)
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
            f"**This channel** {MODES[channel.mode].lower()}; {TALK[channel.scenario].lower()}",
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


def panel(text: str, server: ServerSettings, channel: ChannelSettings) -> ui.LayoutView:
    """The panel as drawn: what is set, and a control for each setting."""
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.TextDisplay(text[:3900]))
    off = [
        discord.SelectOption(label=f"/{name}", value=name, default=name in server.scenarios_off) for name in SCENARIOS
    ]
    _add(view, ui.Select(
        custom_id=f"{PREFIX}:scenarios_off", placeholder="Switch commands off", options=off, min_values=0,
        max_values=len(off),
    ))  # fmt: skip
    _add(view, _choice("mode", {mode.value: label for mode, label in MODES.items()}, channel.mode.value))
    _add(view, _choice("scenario", TALK, channel.scenario))
    _add(view, ui.ChannelSelect(
        custom_id=f"{PREFIX}:moderators_channel", placeholder="The moderators' channel",
        channel_types=[discord.ChannelType.text], min_values=0,
    ))  # fmt: skip
    _add(view, ui.RoleSelect(
        custom_id=f"{PREFIX}:moderator_roles", placeholder="The moderators' roles", min_values=0, max_values=10,
    ))  # fmt: skip
    for setting, words in CONSOLE.items():
        placeholder = f"Roles that may {words} the console"
        _add(view, ui.RoleSelect(
            custom_id=f"{PREFIX}:{setting}", placeholder=placeholder, min_values=0, max_values=10,
        ))  # fmt: skip
    _add(view, ui.RoleSelect(
        custom_id=f"{PREFIX}:only_roles", placeholder="Answer these roles only (none: everybody)", min_values=0,
        max_values=10,
    ))  # fmt: skip
    _add(view, ui.MentionableSelect(
        custom_id=f"{PREFIX}:shut_out", placeholder="Do not answer these people and roles", min_values=0, max_values=25,
    ))  # fmt: skip
    _add(view, ui.ChannelSelect(
        custom_id=f"{PREFIX}:flag_channels", placeholder="Flags translate in these channels (none: everywhere)",
        channel_types=[discord.ChannelType.text], min_values=0, max_values=25,
    ))  # fmt: skip
    consent, flags = "off" if server.training else "on", "off" if server.flags else "on"
    view.add_item(ui.ActionRow(
        ui.Button(label="Persona, language, quota", custom_id=f"{PREFIX}:texts"),
        ui.Button(label="Link this channel", custom_id=f"{PREFIX}:link"),
            ui.Button(label=f"Flags {flags}", custom_id=f"{PREFIX}:flags-{flags}"),
            ui.Button(label=f"Training {consent}", custom_id=f"{PREFIX}:training-{consent}"),
    ))  # fmt: skip
    view.stop()
    return view


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


def _choice(setting: str, labels: dict[str, str], chosen: str) -> ui.Select[ui.LayoutView]:
    options = [
        discord.SelectOption(label=label, value=value, default=value == chosen) for value, label in labels.items()
    ]
    return ui.Select(custom_id=f"{PREFIX}:{setting}", options=options)


def _add(view: ui.LayoutView, select: ui.Item[Any]) -> None:
    row: ui.ActionRow[ui.LayoutView] = ui.ActionRow()
    row.add_item(select)
    view.add_item(row)
