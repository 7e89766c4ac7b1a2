"""Forms for commands: what a command needs is asked for in a modal where it was not typed."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from discord import ui

from adapters.discord.modals import MOST_FIELDS, Filled, Ticked, Typed, modal
from bot.commands import Command, Option
from bot.tongues import choice_names

FORM = "parley-form"
FITS = 100
"""Characters of a custom_id, which carries what was chosen already."""


def wants_form(command: Command, options: Mapping[str, str]) -> bool:
    """Whether a command that opens as a form was given too little."""
    return command.form and any(option.required and option.name not in options for option in command.options)


def command_form(command: Command, options: Mapping[str, str], locale: str) -> ui.Modal:
    """The form: what is needed first; what was chosen already is not asked again, what was typed stands in it."""
    given = {name: value for name, value in options.items() if _is_chosen(command, name)}
    asked = [option for option in command.options if option.name not in given]
    asked.sort(key=lambda option: not option.required)
    fields = [_field(option, options.get(option.name, ""), locale) for option in asked[:MOST_FIELDS]]
    return modal(f"/{command.name}", f"{FORM}:{command.name}:{urlencode(given)}"[:FITS], fields)


def form_of(custom_id: str) -> tuple[str, dict[str, str]] | None:
    """The command and the options that a form was opened with, None for another modal."""
    kind, _, rest = custom_id.partition(":")
    name, _, given = rest.partition(":")
    return (name, dict(parse_qsl(given))) if kind == FORM else None


def options_in(form: Filled) -> dict[str, str]:
    """What was filled in."""
    ticked = {name: values[0] for name, values in form.ticks.items() if values}
    return {name: value.strip() for name, value in (form.texts | ticked).items() if value.strip()}


def _is_chosen(command: Command, name: str) -> bool:
    option = command.option(name)
    return option is not None and bool(option.choices)


def _field(option: Option, typed: str, locale: str) -> Typed | Ticked:
    label = _in_tongue(option.descriptions, locale) or option.description
    if option.choices:
        choices = [
            (choice.value, _in_tongue(choice_names(choice.label), locale) or choice.label) for choice in option.choices
        ]
        return Ticked(option.name, label, choices, required=option.required, most=1)
    return Typed(option.name, label, typed, required=option.required, long=option.rest)


def _in_tongue(texts: Mapping[str, str], locale: str) -> str:
    """The text for a reader of `locale`; "" where there is none."""
    return texts.get(locale) or texts.get(locale.partition("-")[0], "")
