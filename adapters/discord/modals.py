"""Modals: forms that some presses open, and what comes back of them, also after a restart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import discord
from discord import ui

MOST_TYPED = 4000
LONGEST_LABEL = 45
MOST_FIELDS = 5

Interaction = discord.Interaction[Any]


@dataclass(frozen=True, slots=True)
class Typed:
    """A text to type. `text` stands in it already."""

    id: str
    label: str
    text: str = ""
    required: bool = False
    long: bool = True


@dataclass(frozen=True, slots=True)
class Ticked:
    """Some of several choices (value, label), at most `most` of them; 0 = all."""

    id: str
    label: str
    choices: Sequence[tuple[str, str]]
    required: bool = False
    most: int = 0


@dataclass(frozen=True, slots=True)
class Filled:
    """A form that came back."""

    texts: dict[str, str]
    ticks: dict[str, list[str]]


def modal(title: str, custom_id: str, fields: Sequence[Typed | Ticked]) -> ui.Modal:
    """A form to show. Nothing is kept for it in the library: what comes back is read by its custom_id."""
    made = ui.Modal(title=title, custom_id=custom_id)
    for field in fields:
        made.add_item(ui.Label(text=field.label[:LONGEST_LABEL], component=_component(field)))
    made.stop()
    return made


def filled(interaction: Interaction) -> Filled:
    """What was filled in."""
    texts, ticks = {}, {}
    for component in data_of(interaction).get("components", ()):
        inner: dict[str, Any] = component.get("component") or {}
        if "values" in inner:
            ticks[inner["custom_id"]] = [str(value) for value in inner["values"]]
        elif "value" in inner:
            texts[inner["custom_id"]] = str(inner["value"] or "")
    return Filled(texts, ticks)


def data_of(interaction: Interaction) -> dict[str, Any]:
    """What came with an interaction, as Discord sent it."""
    return cast("dict[str, Any]", interaction.data or {})


def _component(field: Typed | Ticked) -> ui.Item[Any]:
    if isinstance(field, Typed):
        style = discord.TextStyle.paragraph if field.long else discord.TextStyle.short
        return ui.TextInput(
            custom_id=field.id, style=style, max_length=MOST_TYPED, default=field.text[:MOST_TYPED] or None,
            required=field.required,
        )  # fmt: skip
    options = [discord.SelectOption(label=label, value=value) for value, label in field.choices]
    return ui.Select(
        custom_id=field.id, options=options, min_values=int(field.required), max_values=field.most or len(options),
        required=field.required,
    )  # fmt: skip
