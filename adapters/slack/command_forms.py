"""Forms for commands: their options to fill in, drawn from each command's one declaration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from adapters.slack.blocks import Block, plain
from adapters.slack.forms import box, modal
from bot.commands import Command, Option
from bot.errors import UserError
from bot.router import check

COMMAND_FORM = "command_form"
SUGGEST = "suggest"
MOST_SUGGESTED = 25
LONGEST_VALUE = 150
"""Characters that Slack takes in the value of a choice."""
YES_NO = (("yes", "Yes"), ("no", "No"))


def command_form(command: Command, locale: str, kept: Mapping[str, Any]) -> Block:
    """The form of a command, in the language of `locale` where the declaration has it. `kept` comes back with it."""
    # What has to be there and the free words stand before what only shapes them.
    order = sorted(command.options, key=lambda option: not (option.required or option.rest))
    blocks = [_input(command, option, locale) for option in order]
    return modal(COMMAND_FORM, f"/{command.name}", blocks, {"command": command.name, **kept}, "Go")


def options_in(command: Command, values: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """What was filled in, and what is wrong with it, each by option."""
    options: dict[str, str] = {}
    errors: dict[str, str] = {}
    for option in command.options:
        value = _value(values.get(option.name, {}))
        if not value:
            continue
        try:
            options[option.name] = check(command, option, value)
        except UserError as error:
            errors[option.name] = error.words
    return options, errors


def suggestions(option: Option, typed: str, locale: str) -> list[dict[str, Any]]:
    """What completes the words typed so far; they themselves can always be taken as they are."""
    found = [(choice.value, choice.label) for choice in option.suggest(typed, locale)] if option.suggest else []
    typed = typed.strip()
    if typed and typed.lower() not in {words.lower() for pair in found for words in pair}:
        found.insert(0, (typed, typed))
    return [_choice(value, label) for value, label in found[:MOST_SUGGESTED]]


def typed_line(command: Command, options: Mapping[str, str]) -> str:
    """The command as one would have typed it."""
    rest = next((option.name for option in command.options if option.rest), "")
    named = [f"{name}:{_quoted(value)}" for name, value in options.items() if name != rest]
    return " ".join([command.name, *named, *([options[rest]] if rest in options else [])])


def kept_of(view: Mapping[str, Any]) -> dict[str, str]:
    """What a form was made with."""
    kept: dict[str, str] = json.loads(view["private_metadata"])
    return kept


def localized(texts: Mapping[str, str], locale: str, default: str) -> str:
    """The text in a reader's language, where there is one."""
    return texts.get(locale) or texts.get(locale.partition("-")[0]) or _relative(texts, locale) or default


def _relative(texts: Mapping[str, str], locale: str) -> str:
    """The same language as it is written elsewhere: es-ES for es-MX."""
    language = locale.partition("-")[0]
    return next((text for name, text in texts.items() if name.partition("-")[0] == language), "")


def _input(command: Command, option: Option, locale: str) -> Block:
    label = localized(option.descriptions, locale, option.description)
    if not option.choices and option.kind == "text" and not option.suggest:
        return box(option.name, label, optional=not option.required, lines=option.rest)
    block = {"type": "input", "block_id": option.name, "optional": not option.required, "label": plain(label, 2000)}
    return {**block, "element": _element(command, option)}


def _element(command: Command, option: Option) -> Block:
    if option.kind == "integer":
        limits = {"min_value": option.minimum, "max_value": option.maximum}
        given = {name: str(value) for name, value in limits.items() if value is not None}
        return {"type": "number_input", "action_id": option.name, "is_decimal_allowed": False, **given}
    if option.suggest and not option.choices:
        action = f"{SUGGEST}:{command.name}:{option.name}"
        return {"type": "external_select", "action_id": action, "min_query_length": 0}
    pairs = YES_NO if option.kind == "boolean" else tuple((one.value, one.label) for one in option.choices)
    choices = [_choice(value, label) for value, label in pairs]
    select: Block = {"type": "static_select", "action_id": option.name, "options": choices}
    if initial := [choice for choice in choices if choice["value"] == option.default]:
        select["initial_option"] = initial[0]
    return select


def _choice(value: str, label: str) -> dict[str, Any]:
    return {"text": plain(label[:1].upper() + label[1:]), "value": value[:LONGEST_VALUE]}


def _value(state: Mapping[str, Any]) -> str:
    """What one block was filled with; it has one element, whatever its action is called."""
    element: Mapping[str, Any] = next(iter(state.values()), {})
    chosen = element.get("selected_option") or {}
    return str(chosen.get("value") or element.get("value") or "").strip()


def _quoted(value: str) -> str:
    return f'"{value}"' if " " in value else value
