"""Router: from a request to the scenario that answers it, with its options read and checked."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.commands import Command, Option
from bot.errors import UserError
from bot.request import Request
from bot.turn import Scenario

_WORD = re.compile(r"(?P<name>[a-z_]+):(?P<value>\"(?:[^\"\\]|\\.)*\"|\S*)")
_LEAD = re.compile(r"\s*(?P<value>[^:\n\"]{1,60}):\s+(?P<rest>\S.*)", re.DOTALL)
_COMMAND = re.compile(r"\s*[/!](?P<name>[a-z][a-z_-]*)(?:\s+(?P<rest>.*))?", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes: the scenario, its options as given or by default, and the free words."""

    scenario: Scenario
    options: Mapping[str, str] = field(default_factory=dict)
    text: str = ""

    @property
    def name(self) -> str:
        return self.scenario.command.name


class Router:
    """All scenarios by their command's name. The one named `talk` takes plain words."""

    def __init__(self, scenarios: Sequence[Scenario], talk: str = "chat") -> None:
        self._scenarios = {scenario.command.name: scenario for scenario in scenarios}
        self._talk = self._scenarios[talk]

    @property
    def commands(self) -> tuple[Command, ...]:
        return tuple(scenario.command for scenario in self._scenarios.values())

    def known(self, name: str) -> Scenario | None:
        return self._scenarios.get(name)

    def scenario(self, name: str) -> Scenario:
        """The scenario of a command. Raises UserError with the nearest name."""
        found = self._scenarios.get(name)
        if found is None:
            near = difflib.get_close_matches(name, self._scenarios, n=1)
            hint = f"Did you mean /{near[0]}? " if near else ""
            raise UserError(f"There is no command /{name}. {hint}/help lists what there is.")
        return found

    def route(self, request: Request, talk: str = "") -> Route:
        """The route of a request without a press. `talk` names another scenario for plain words. Raises UserError."""
        if request.command is not None:
            scenario = self.scenario(request.command)
            return self._checked(scenario, dict(request.options), request.text)
        if request.text.strip() in ("/", "!"):
            raise UserError("Type a command behind the slash; /help lists what there is.")
        typed = _COMMAND.fullmatch(request.text)
        if typed is None or (request.text.lstrip()[0] == "!" and typed["name"].lower() not in self._scenarios):
            text = request.text.strip()  # "!nice work" is talk
            other = self._scenarios.get(talk, self._talk)
            return Route(self._talk, text=text) if other is self._talk else self._checked(other, {}, text)
        scenario = self.scenario(typed["name"].lower())
        options, rest = parse(scenario.command, typed["rest"] or "")
        return self._checked(scenario, options, rest)

    def _checked(self, scenario: Scenario, options: dict[str, str], text: str) -> Route:
        command = scenario.command
        rest = next((option for option in command.options if option.rest), None)
        if rest is not None and text and rest.name not in options:
            options[rest.name] = text
        checked = {}
        for name, value in options.items():
            option = command.option(name)
            if option is None:
                known = ", ".join(option.name for option in command.options) or "none"
                raise UserError(f"/{command.name} has no option {name}; its options are: {known}.")
            if value.strip():
                checked[name] = check(command, option, value.strip())
        for option in command.options:
            if option.required and option.name not in checked:
                example = f" For example: {command.examples[0]}" if command.examples else ""
                raise UserError(f"/{command.name} needs {option.name}: {_lower(option.description)}.{example}")
            if option.default:
                checked.setdefault(option.name, option.default)
        return Route(scenario, checked, text if rest is None else checked.get(rest.name, ""))


def parse(command: Command, line: str) -> tuple[dict[str, str], str]:
    """The options typed in `line`, and the free words that remain.

    `name:value` and `name:"several words"` anywhere, for names the command has; then bare choices where
    they stand first, in the order of declaration; then "value: words" for the option that may lead.
    """
    options: dict[str, str] = {}
    pieces: list[str] = []
    end = 0
    for match in _WORD.finditer(line):
        at_word_start = match.start() == 0 or line[match.start() - 1].isspace()
        if match.start() < end or not at_word_start or command.option(match["name"]) is None:
            continue
        if match["name"] in options:
            continue
        pieces.append(line[end : match.start()])
        value = match["value"]
        end = match.end()
        if not value and (named := command.option(match["name"])) is not None and not named.rest:
            following = re.compile(r"\s+(\S+)").match(line, end)  # "to: French"
            if following is not None and _WORD.match(following[1]) is None:
                value, end = following[1], following.end()
        options[match["name"]] = _unquoted(value)
    pieces.append(line[end:])
    rest = " ".join(piece.strip() for piece in pieces if piece.strip())
    for option in command.options:
        if option.rest or not rest:
            break  # what is declared behind the free words is always typed with its name
        first, _, others = rest.partition(" ")
        if option.name not in options and any(first.lower() == choice.value.lower() for choice in option.choices):
            options[option.name], rest = first, others.strip()
    lead = next((option for option in command.options if option.lead and option.name not in options), None)
    if lead is not None and (led := _LEAD.fullmatch(rest)) is not None:
        options[lead.name], rest = led["value"].strip(), led["rest"]
    return options, _unquoted(rest)


def check(command: Command, option: Option, value: str) -> str:
    """`value` as the option takes it. Raises UserError."""
    if option.kind == "choice":
        for choice in option.choices:
            if value.lower() in (choice.value.lower(), choice.label.lower()):
                return choice.value
        known = ", ".join(choice.value for choice in option.choices)
        raise UserError(f"/{command.name} does not know {option.name} “{_short(value)}”; it can be: {known}.")
    if option.kind == "boolean":
        if value.lower() in ("yes", "true", "on", "1"):
            return "yes"
        if value.lower() in ("no", "false", "off", "0"):
            return "no"
        raise UserError(f"{option.name} can be yes or no, not “{_short(value)}”.")
    if option.kind == "integer":
        return str(_integer(option, value))
    return value


def _integer(option: Option, value: str) -> int:
    low, high = option.minimum, option.maximum
    try:
        number = int(value)
    except ValueError:
        raise UserError(f"{option.name} has to be a whole number, not “{_short(value)}”.") from None
    if (low is not None and number < low) or (high is not None and number > high):
        raise UserError(f"{option.name} has to be between {low} and {high}, not {number}.")
    return number


def _unquoted(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text


def _short(value: str) -> str:
    return value if len(value) <= 40 else value[:39] + "…"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:].rstrip(".")
