"""Slash commands and message commands on Discord, from the one declaration of each command."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

import discord
import structlog
from discord import app_commands

from bot.commands import Choice, Command, Option
from bot.tongues import choice_names

log = structlog.get_logger(__name__)

KEPT = "discord-commands"
"""The file in DATA_DIR that remembers what Discord was told."""
MOST_CHOICES = 25
LONGEST_CHOICE = 100
LATIN_AMERICA = ("es-ES", "es-419")

Interaction = discord.Interaction[Any]
Run = Callable[[Interaction, Command, dict[str, str]], Awaitable[None]]
Menu = Callable[[Interaction, discord.Message], Awaitable[None]]


class Translator(app_commands.Translator):
    """Gives names and descriptions in a member's language; they come along with each text."""

    async def translate(
        self, string: app_commands.locale_str, locale: discord.Locale, context: app_commands.TranslationContextTypes
    ) -> str | None:
        texts: Mapping[str, str] = string.extras.get("texts", {})
        code = "es-ES" if locale.value in LATIN_AMERICA else locale.value
        return texts.get(code) or texts.get(code.partition("-")[0])


def slash_command(command: Command, run: Run) -> app_commands.Command[Any, ..., None]:
    """A command as Discord draws it. `run` gets the options as texts, as they were given."""

    async def callback(interaction: Interaction, **given: Any) -> None:
        await run(interaction, command, {name[:-1]: _text(value) for name, value in given.items() if value is not None})

    # The library reads a command's options from its callback's signature.
    first = inspect.Parameter("interaction", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Interaction)
    # What a form would ask for need not be typed.
    parameters = [first, *(_parameter(option, required=not command.form) for option in command.options)]
    callback.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    options = {_parameter_name(option): option for option in command.options}
    described = {name: localized(option.description, option.descriptions) for name, option in options.items()}
    app_commands.describe(**described)(callback)
    app_commands.rename(**{name: localized(option.name, option.names) for name, option in options.items()})(callback)
    fixed = {name: _fixed(option.choices) for name, option in options.items() if option.choices}
    app_commands.choices(**fixed)(callback)
    completed = {name: _completion(option) for name, option in options.items() if option.suggest and name not in fixed}
    app_commands.autocomplete(**completed)(callback)
    made: app_commands.Command[Any, ..., None] = app_commands.Command(
        name=localized(command.name, command.names),
        description=localized(command.description, command.descriptions),
        callback=callback,
        allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True),
        allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
    )
    return made


def message_command(
    name: str, names: Mapping[str, str], run: Menu, *, guild_only: bool = False
) -> app_commands.ContextMenu:
    """An entry in the menu of every message."""

    async def callback(interaction: Interaction, message: discord.Message) -> None:
        await run(interaction, message)

    return app_commands.ContextMenu(
        name=localized(name, names),
        callback=callback,
        allowed_contexts=app_commands.AppCommandContext(
            guild=True, dm_channel=not guild_only, private_channel=not guild_only
        ),
        allowed_installs=app_commands.AppInstallationType(guild=True, user=not guild_only),
    )


async def payloads(tree: app_commands.CommandTree[Any], translator: app_commands.Translator) -> list[dict[str, Any]]:
    """The commands of a tree as they are told to Discord."""
    return [await command.get_translated_payload(tree, translator) for command in tree.get_commands(type=None)]


async def sync(tree: app_commands.CommandTree[Any], guilds: Sequence[int], kept: Path) -> bool:
    """Tell Discord the commands where they changed since they were told last. Returns whether they had.

    `guilds`: where they are registered; none = everywhere. `kept`: the file that remembers what was told.
    """
    payload = await payloads(tree, tree.translator or Translator())
    told = json.dumps([tree.client.application_id, list(guilds), payload], sort_keys=True)
    print_ = hashlib.sha256(told.encode()).hexdigest()
    if await asyncio.to_thread(_read, kept) == print_:
        return False
    for guild in guilds:
        tree.copy_global_to(guild=discord.Object(guild))
        await tree.sync(guild=discord.Object(guild))
    if guilds:
        # What an earlier start registered everywhere would stand there twice.
        await tree.client.http.bulk_upsert_global_commands(tree.client.application_id or 0, payload=[])
    else:
        await tree.sync()
    await asyncio.to_thread(kept.write_text, print_)
    log.info("commands_told", count=len(payload), guilds=len(guilds))
    return True


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _parameter_name(option: Option) -> str:
    """The option's name in Python, where "from" is taken."""
    return f"{option.name}_"


def _parameter(option: Option, *, required: bool) -> inspect.Parameter:
    kinds: dict[str, Any] = {"integer": int, "boolean": bool}
    kind = kinds.get(option.kind, str)
    if option.kind == "integer" and (option.minimum is not None or option.maximum is not None):
        kind = app_commands.Range[int, option.minimum, option.maximum]
    default = inspect.Parameter.empty if option.required and required else None
    name = _parameter_name(option)
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)


def _completion(option: Option) -> Callable[[Interaction, str], Coroutine[Any, Any, list[app_commands.Choice[str]]]]:
    async def complete(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        assert option.suggest is not None
        return _choices(option.suggest(typed, interaction.locale.value))

    return complete


def _choices(choices: Sequence[Choice]) -> list[app_commands.Choice[str]]:
    return [
        app_commands.Choice(name=choice.label[:LONGEST_CHOICE], value=choice.value[:LONGEST_CHOICE])
        for choice in choices[:MOST_CHOICES]
    ]


def _fixed(choices: Sequence[Choice]) -> list[app_commands.Choice[str]]:
    """The choices of an option that has no others, each called by its name in the member's language."""
    return [
        app_commands.Choice(
            name=localized(choice.label[:LONGEST_CHOICE], choice_names(choice.label)), value=choice.value
        )
        for choice in choices[:MOST_CHOICES]
    ]


def localized(text: str, texts: Mapping[str, str]) -> app_commands.locale_str:
    """A text that Discord shows in a member's language."""
    return app_commands.locale_str(text, texts=texts)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value.value if isinstance(value, app_commands.Choice) else value)
