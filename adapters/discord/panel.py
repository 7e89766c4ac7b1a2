"""The /setup panel as drawn: what is set, and a control for each setting."""

from __future__ import annotations

from typing import Any

import discord
from discord import ui

from bot.place_settings import ChannelSettings, Mode, ServerSettings
from bot.settings import SCENARIOS

PREFIX = "parley-setup"
MODES = {
    Mode.MENTION: "Answer mentions and replies", Mode.EVERY: "Answer every new question, in a thread",
    Mode.THREADS: "Answer in threads only", Mode.OFF: "Be silent here",
}  # fmt: skip
TALK = {"chat": "Plain words are talk", "support": "Plain words are support questions"}
CONSOLE = {"trainers": "train on", "viewers": "look on at"}
QUOTA_BACK = "quota_back"


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
    _add(view, ui.UserSelect(custom_id=f"{PREFIX}:{QUOTA_BACK}", placeholder="Give somebody their quota back"))
    consent, flags = "off" if server.training else "on", "off" if server.flags else "on"
    view.add_item(ui.ActionRow(
        ui.Button(label="Persona, language, quota", custom_id=f"{PREFIX}:texts"),
        ui.Button(label="Persona of this channel", custom_id=f"{PREFIX}:here"),
        ui.Button(label="Link this channel", custom_id=f"{PREFIX}:link"),
        ui.Button(label=f"Flags {flags}", custom_id=f"{PREFIX}:flags-{flags}"),
        ui.Button(label=f"Training {consent}", custom_id=f"{PREFIX}:training-{consent}"),
    ))  # fmt: skip
    view.stop()
    return view


def _choice(setting: str, labels: dict[str, str], chosen: str) -> ui.Select[ui.LayoutView]:
    options = [
        discord.SelectOption(label=label, value=value, default=value == chosen) for value, label in labels.items()
    ]
    return ui.Select(custom_id=f"{PREFIX}:{setting}", options=options)


def _add(view: ui.LayoutView, select: ui.Item[Any]) -> None:
    row: ui.ActionRow[ui.LayoutView] = ui.ActionRow()
    row.add_item(select)
    view.add_item(row)
