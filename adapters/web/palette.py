"""The command palette: every command with its options, from the one declaration."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from adapters.web.chat import Core
from adapters.web.sessions import locale_of
from bot.commands import Choice, Command, Option

MOST = 25


class Palette:
    """What can be typed behind a slash, and how it goes on."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/commands", self.index), web.get("/commands/suggest", self.suggest)]

    async def index(self, request: web.Request) -> web.Response:
        locale = locale_of(request)
        return web.json_response({"commands": [_command(command, locale) for command in self._core.commands]})

    async def suggest(self, request: web.Request) -> web.Response:
        """Choices for what is being typed: `?command=translate&option=to&typed=fr`."""
        wanted = request.query
        command = next((one for one in self._core.commands if one.name == wanted.get("command")), None)
        option = command.option(wanted.get("option", "")) if command else None
        if option is None:
            raise web.HTTPNotFound(text="There is no such option.")
        choices = suggestions(option, wanted.get("typed", "")[:100], locale_of(request))
        return web.json_response({"choices": [_choice(choice) for choice in choices]})


def suggestions(option: Option, typed: str, locale: str) -> list[Choice]:
    """At most 25 choices that `typed` can become; those that begin like it come first."""
    if option.suggest is not None:
        return option.suggest(typed, locale)[:MOST]
    start = typed.casefold()
    fitting = [choice for choice in option.choices if start in choice.label.casefold() or start in choice.value]
    return sorted(fitting, key=lambda choice: not choice.label.casefold().startswith(start))[:MOST]


def _command(command: Command, locale: str) -> dict[str, object]:
    return {
        "name": command.name,
        "title": _localized(command.names, locale, command.name),
        "description": _localized(command.descriptions, locale, command.description),
        "usage": command.usage,
        "help": command.help,
        "examples": list(command.examples),
        "options": [_option(option, locale) for option in command.options],
    }


def _option(option: Option, locale: str) -> dict[str, object]:
    choices = option.choices
    if option.kind == "boolean" and not choices:
        choices = (Choice("yes", "yes"), Choice("no", "no"))
    return {
        "name": option.name,
        "description": _localized(option.descriptions, locale, option.description),
        "kind": option.kind,
        "required": option.required,
        "rest": option.rest,
        "lead": option.lead,
        "default": option.default,
        "minimum": option.minimum,
        "maximum": option.maximum,
        "suggests": option.suggest is not None,
        "choices": [_choice(choice) for choice in choices],
    }


def _choice(choice: Choice) -> dict[str, str]:
    return {"value": choice.value, "label": choice.label}


def _localized(texts: Mapping[str, str], locale: str, default: str) -> str:
    return texts.get(locale) or texts.get(locale.partition("-")[0]) or default
