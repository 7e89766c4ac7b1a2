"""Slash commands as Discord draws them: names and descriptions in six languages, options, completion, registration."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import discord
from discord import app_commands

from adapters.discord.commands import Translator, slash_command
from bot.commands import Command
from bot.scenarios.catalogue import catalogue
from tests.adapters.discord.conftest import Stage
from tests.adapters.discord.peer import Call, Peer
from tests.adapters.discord.people import World, modal_words
from tests.adapters.discord.schema import SPEC, faults
from tests.adapters.discord.test_controls import newest
from tests.conftest import missing

LANGUAGES = ("zh-CN", "es-ES", "fr", "de", "ja")
NAME = re.compile(r"[-_'\w]{1,32}")


async def run(interaction: Any, command: Command, options: dict[str, str]) -> None:
    raise AssertionError("nobody runs it here")


async def payloads() -> list[dict[str, Any]]:
    """Every real command as it is told to Discord."""
    router = catalogue()
    client = discord.Client(intents=discord.Intents.none())
    tree = app_commands.CommandTree[Any](client)
    translator = Translator()
    commands = [slash_command(command, run) for command in router.commands]
    return [await command.get_translated_payload(tree, translator) for command in commands]


async def test_every_command_fits_discords_description() -> None:
    if not SPEC.exists():
        missing("Discord's description is not on this machine")
    body = await payloads()
    assert faults(Call("PUT", "/applications/1/commands", body, 200, 0.0)) == []


async def test_names_and_descriptions_come_in_every_language() -> None:
    for command in await payloads():
        for language in LANGUAGES:
            assert NAME.fullmatch(command["name_localizations"][language]), (command["name"], language)
            assert command["name_localizations"][language].lower() == command["name_localizations"][language]
            assert 1 <= len(command["description_localizations"][language]) <= 100
        names = [command["name_localizations"].get("de")]
        assert None not in names
        for option in command["options"]:
            names, descriptions = option.get("name_localizations", {}), option.get("description_localizations", {})
            assert 1 <= len(option["description"]) <= 100
            for language in LANGUAGES:
                assert NAME.fullmatch(names.get(language, "")), (command["name"], option["name"], language)
                assert 1 <= len(descriptions[language]) <= 100, (command["name"], option["name"], language)
                for choice in option.get("choices", ()):
                    named = choice.get("name_localizations", {})
                    # CEFR's levels are called so everywhere
                    assert re.fullmatch("[ABC][12]", choice["name"]) or 1 <= len(named[language]) <= 100, choice["name"]


async def test_required_options_come_first_and_from_is_called_from() -> None:
    translate = next(command for command in await payloads() if command["name"] == "translate")
    assert [option["name"] for option in translate["options"]] == ["text", "to", "from", "tone", "note"]
    assert translate["contexts"] == [0, 1, 2]
    assert translate["integration_types"] == [0, 1]


async def test_discord_is_told_every_command_in_every_language(real_stage: Stage) -> None:
    told = real_stage.peer.backend.commands[None]
    assert {"translate", "setup", "Translate", "Flag to moderators"} <= {name for name, _ in told}
    for (name, _), command in told.items():
        assert set(LANGUAGES) <= set(command["name_localizations"] or ()), name
        if command["type"] == 1:
            assert set(LANGUAGES) <= set(command["description_localizations"] or ()), name
        for option in command.get("options", ()):
            assert set(LANGUAGES) <= set(option["name_localizations"] or ()), (name, option["name"])
            assert set(LANGUAGES) <= set(option["description_localizations"] or ()), (name, option["name"])


async def test_a_command_that_needs_much_asks_in_a_form(real_stage: Stage) -> None:
    stage = real_stage
    world, peer = stage.world, stage.peer
    world.ann.locale = "de"
    shown = world.ann.slash(world.general, "write", kind="email", tone="warm")
    await peer.until(lambda: shown.modal, words="the form")
    assert next(iter(modal_words(shown))) == "Worum es geht: die Fakten"
    assert "Was geschrieben werden soll" not in list(modal_words(shown)), "that was chosen already"
    record = world.ann.submit(shown, facts="say: The meeting moves to three.", tone="warm", length=["short"])
    said = await peer.until(lambda: newest(peer, world.general, "The meeting moves to three."))
    assert record.responded
    assert not said.is_ephemeral
    (row,) = await stage.stores.turns.of_user(f"discord:{world.ann.id}")
    assert (row.options["kind"], row.options["tone"], row.options["length"]) == ("email", "warm", "short")


async def test_options_are_completed(stage: Stage) -> None:
    record = stage.world.ann.type_into(stage.world.general, "translate", "to", "fr")
    choices = await stage.peer.until(lambda: record.autocomplete_choices)
    assert [choice["value"] for choice in choices] == ["French"]


async def test_commands_of_one_server_stand_there_only(
    peer: Peer, harbour: World, stage_with: Callable[..., AbstractAsyncContextManager[Stage]]
) -> None:
    async with stage_with(discord_guilds=str(harbour.guild)):
        await peer.until(lambda: peer.backend.commands.get(harbour.guild))
        assert not peer.backend.commands.get(None)
        names = {name for name, _ in peer.backend.commands[harbour.guild]}
        assert {"translate", "setup", "Translate", "Flag to moderators"} <= names
    puts = len([call for call in peer.calls if call.method == "PUT"])
    async with stage_with(discord_guilds=str(harbour.guild)):
        pass
    assert len([call for call in peer.calls if call.method == "PUT"]) == puts


async def test_a_member_command_in_two_shards(
    peer: Peer, harbour: World, stage_with: Callable[..., AbstractAsyncContextManager[Stage]]
) -> None:
    async with stage_with(discord_shards="2"):
        await peer.until(lambda: peer.gateway.identified == 2, 30)
