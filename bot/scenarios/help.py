"""/help: what there is, and how each command is typed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.commands import Choice, Command, Option
from bot.errors import UserError
from bot.scenarios.wordings import worded
from bot.turn import Say, Turn, say


@dataclass(frozen=True, slots=True)
class Help:
    """`commands` gives every command, itself among them."""

    commands: Callable[[], tuple[Command, ...]]
    instant = True

    @property
    def command(self) -> Command:
        return Command(
            name="help",
            description="What I can do",
            private=True,
            options=(
                Option("command", "The command to explain", rest=True, suggest=self._suggest, **worded("help.command")),
            ),
            examples=("/help", "/help translate"),
            names={"zh-CN": "帮助", "es-ES": "ayuda", "fr": "aide", "de": "hilfe", "ja": "ヘルプ"},
            descriptions={
                "zh-CN": "我能做什么",
                "es-ES": "Lo que sé hacer",
                "fr": "Ce que je sais faire",
                "de": "Was ich kann",
                "ja": "できること",
            },
        )

    async def plan(self, turn: Turn) -> Say:
        wanted = turn.options.get("command", "").lstrip("/!").lower()
        if not wanted:
            lines = [f"- **/{command.name}** {command.description}" for command in self.commands()]
            return say("Talk to me, or type a command:\n\n" + "\n".join(lines) + "\n\n`/help translate` explains one.")
        command = next((command for command in self.commands() if command.name == wanted), None)
        if command is None:
            raise UserError(f"There is no command /{wanted[:40]}. /help lists what there is.")
        return say(explain(command))

    def _suggest(self, typed: str, locale: str) -> list[Choice]:
        names = [command.name for command in self.commands() if command.name.startswith(typed.lower())]
        return [Choice(name, f"/{name}") for name in names[:25]]


def explain(command: Command) -> str:
    """A command's help: usage, options, examples."""
    parts = [f"**{command.usage}**\n\n{command.description}."]
    if command.help:
        parts.append(command.help)
    lines = []
    for option in command.options:
        values = f" ({', '.join(choice.value for choice in option.choices)})" if option.choices else ""
        lines.append(f"- **{option.name}** {option.description}{values}")
    if lines:
        parts.append("\n".join(lines))
    if command.examples:
        parts.append("For example:\n\n```\n" + "\n".join(command.examples) + "\n```")
    return "\n\n".join(parts)
