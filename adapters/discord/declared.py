"""All commands that Discord is told of, and how they compare with what stands there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import discord
from discord import app_commands

from adapters.discord.commands import Run, Translator, message_command, payloads, slash_command
from adapters.discord.menus import MENUS, Menu
from adapters.discord.setup import setup_command
from bot.commands import Command

Interaction = discord.Interaction[Any]
Payload = Mapping[str, Any]
LEFT_ALONE = frozenset({"dm_permission"})
"""What Discord works out from other fields."""


def declare(
    tree: app_commands.CommandTree[Any], commands: Sequence[Command], run: Run,
    pick: Callable[[Menu, Interaction, discord.Message], Awaitable[None]],
    set_up: Callable[[Interaction], Awaitable[None]],
) -> None:  # fmt: skip
    """Put every slash command, message command and /setup into a tree, with who answers them."""
    for command in commands:
        tree.add_command(slash_command(command, run))
    tree.add_command(setup_command(set_up))
    for menu in MENUS:
        tree.add_command(message_command(menu.name, menu.names, partial(pick, menu), guild_only=menu.guild_only))


async def declared(commands: Sequence[Command]) -> Sequence[Payload]:
    """Every command as Discord is told of it, where nobody is there to answer."""

    async def nobody(*_: Any) -> None:
        raise NotImplementedError

    tree = app_commands.CommandTree[Any](discord.Client(intents=discord.Intents.none()))
    declare(tree, commands, nobody, nobody, nobody)
    return await payloads(tree, Translator())


@dataclass(frozen=True, slots=True)
class Compared:
    """The names of commands that Discord lacks, has otherwise, or has too much."""

    missing: tuple[str, ...]
    changed: tuple[str, ...]
    left_over: tuple[str, ...]

    @property
    def words(self) -> str:
        """What differs, in words; "" for nothing."""
        parts = {"missing": self.missing, "changed": self.changed, "left over": self.left_over}
        return "; ".join(f"{what}: {', '.join(names)}" for what, names in parts.items() if names)


def compare(ours: Sequence[Payload], theirs: Sequence[Payload]) -> Compared:
    """Hold the declared commands against those that Discord gave back."""
    wanted, standing = _by_name(ours), _by_name(theirs)
    return Compared(
        tuple(_shown(key) for key in wanted if key not in standing),
        tuple(_shown(key) for key in wanted if key in standing and not _agrees(wanted[key], standing[key])),
        tuple(_shown(key) for key in standing if key not in wanted),
    )


def _by_name(commands: Sequence[Payload]) -> dict[tuple[int, str], Payload]:
    return {(int(command.get("type") or 1), str(command["name"])): command for command in commands}


def _shown(key: tuple[int, str]) -> str:
    kind, name = key
    return f"/{name}" if kind == 1 else name


def _agrees(ours: Any, theirs: Any) -> bool:
    """Whether what is declared stands there; Discord leaves out what is empty and adds fields of its own."""
    if not ours and not theirs:
        return True
    if isinstance(ours, Mapping):
        return isinstance(theirs, Mapping) and all(
            _agrees(value, theirs.get(name)) for name, value in ours.items() if name not in LEFT_ALONE
        )
    if isinstance(ours, list):
        return (
            isinstance(theirs, list)
            and len(ours) == len(theirs)
            and all(_agrees(one, other) for one, other in zip(ours, theirs, strict=True))
        )
    return str(ours) == str(theirs)  # permissions come as text
