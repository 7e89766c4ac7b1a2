"""Commands declared once: Discord, Slack, the web page and the console draw them from here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["text", "choice", "integer", "boolean"]
Locale = str


@dataclass(frozen=True, slots=True)
class Choice:
    """One of an option's values and how it is shown."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a command.

    `rest`: free words without a name go here. `lead`: may be written in front as "value: words".
    `suggest(typed, locale)` completes what is being typed, at most 25 choices.
    """

    name: str
    description: str
    kind: Kind = "text"
    required: bool = False
    choices: tuple[Choice, ...] = ()
    suggest: Callable[[str, Locale], list[Choice]] | None = None
    rest: bool = False
    lead: bool = False
    default: str = ""
    minimum: int | None = None
    maximum: int | None = None
    names: Mapping[Locale, str] = field(default_factory=dict)
    descriptions: Mapping[Locale, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command. `examples` are whole typed lines that work as they stand.

    `form`: it needs so much that platforms which can ask in a form do, where it was typed without. `private`: its
    answers are for the asker alone, so nobody else has to see that one is on its way.
    """

    name: str
    description: str
    options: tuple[Option, ...] = ()
    examples: tuple[str, ...] = ()
    help: str = ""
    form: bool = False
    private: bool = False
    names: Mapping[Locale, str] = field(default_factory=dict)
    descriptions: Mapping[Locale, str] = field(default_factory=dict)

    def option(self, name: str) -> Option | None:
        return next((option for option in self.options if option.name == name), None)

    @property
    def usage(self) -> str:
        """The command as one would type it: "/translate text to:… [from:…]"."""
        parts = [f"/{self.name}"]
        for option in self.options:
            word = option.name if option.rest else f"{option.name}:…"
            parts.append(word if option.required else f"[{word}]")
        return " ".join(parts)


def choices(*values: str) -> tuple[Choice, ...]:
    """Choices whose labels are their values."""
    return tuple(Choice(value, value) for value in values)
