"""Commands: slash commands, and the forms that ask for what a command needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

import structlog

from adapters.slack.command_forms import command_form, kept_of, options_in, suggestions, typed_line
from adapters.slack.desk import Spot
from adapters.slack.office import Office
from adapters.slack.reading import as_command
from adapters.slack.reply import PrivateReply, ThreadReply
from adapters.slack.text import incoming, mentioned
from bot.commands import Command
from bot.delivery import SendError
from bot.request import Place, Request, one_line

log = structlog.get_logger(__name__)

IDLE = frozenset({"tutor", "story"})
"""Commands that have nothing to do when typed alone, though no single option of theirs has to be there."""

Body = Mapping[str, Any]
Acknowledge = Callable[..., Awaitable[Any]]


class Commands:
    """What is typed behind a slash, or filled into a form."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._known = {command.name: command for command in office.core.commands}

    async def typed(self, body: Body) -> None:
        """A slash command: with the bot alone it opens a thread, elsewhere only its user sees the answer."""
        office = self._office
        if not office.seen.first(str(body["trigger_id"])):
            return
        typed = str(body.get("text") or "")
        words = incoming(typed)
        name = str(body["command"]).removeprefix("/")
        if name in office.desk.commands and f"/{name}" != office.desk.command:
            text = f"/{name} {words}".strip()
        else:
            text = as_command(words.removeprefix("/"), office.desk.commands) or "/help"
        spot = Spot(
            str(body["team_id"]), str(body["channel_id"]), str(body["user_id"]),
            response_url=str(body.get("response_url") or ""), names=await office.people.names(mentioned(typed)),
        )  # fmt: skip
        if (form := self._form_for(text)) and await self._ask(body, form, spot):
            return
        await self._run(spot, str(body["trigger_id"]), f"{body['command']} {words}", one_line(words, 120), text=text)

    async def filled(self, ack: Acknowledge, body: Body) -> Coroutine[Any, Any, None] | None:
        """A command's form sent in: what is wrong is told beside its box. Gives the work to do, if it is right."""
        kept = kept_of(body["view"])
        command = self._known[kept["command"]]
        options, errors = options_in(command, body["view"]["state"]["values"])
        if errors:
            await ack(response_action="errors", errors=errors)
            return None
        await ack()
        return self._answer_form(body, command, options, kept)

    async def _answer_form(
        self, body: Body, command: Command, options: Mapping[str, str], kept: Mapping[str, str]
    ) -> None:
        user, team = str(body["user"]["id"]), str(body["team"]["id"])
        channel = kept.get("channel") or await self._office.desk.direct(user)
        spot = Spot(team, channel, user, response_url=kept.get("response_url", ""))
        words = typed_line(command, options)
        shown = f"{self._office.desk.command} {words}"
        await self._run(
            spot, f"form:{body['view']['id']}", shown, one_line(words, 120), command=command.name, options=options
        )

    async def open_form(self, body: Body, name: str) -> None:
        """The form of a command, from a button; its answer comes where the bot and the person are alone."""
        spot = Spot(str(body["team"]["id"]), "", str(body["user"]["id"]))
        await self._ask(body, self._known[name], spot)

    async def suggest(self, ack: Acknowledge, body: Body) -> None:
        """What completes the words being typed in a form."""
        _, name, option_name = str(body["action_id"]).split(":", 2)
        command = self._known.get(name)
        option = command.option(option_name) if command is not None else None
        author = await self._office.people.author(str(body["user"]["id"]))
        found = suggestions(option, str(body.get("value") or ""), author.locale) if option is not None else []
        await ack(options=found)

    def _form_for(self, text: str) -> Command | None:
        """The command that was typed alone though it needs words: its form asks for them."""
        command = self._known.get(text.removeprefix("/"))
        if command is None or not (command.name in IDLE or any(option.required for option in command.options)):
            return None
        return command

    async def _ask(self, body: Body, command: Command, spot: Spot) -> bool:
        author = await self._office.people.author(spot.user)
        kept = {"channel": spot.channel, "response_url": spot.response_url}
        view = command_form(command, author.locale, kept)
        try:
            await self._office.desk.calls("views.open", trigger_id=str(body["trigger_id"]), view=view)
        except SendError as error:
            log.warning("slack_form_not_opened", kind=type(error).__name__, detail=error.detail)
            return False
        return True

    async def _run(
        self, spot: Spot, request_id: str, shown: str, title: str, *, text: str = "", command: str | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        if spot.direct:
            spot = await self._opened(spot, shown)
        request = Request(
            id=request_id, place=Place("slack", self._office.team, spot.channel, spot.thread),
            author=await self._office.people.author(spot.user), text=text, command=command, options=options or {},
            private=not spot.thread,
        )  # fmt: skip
        await self._office.core.handle(request, self._reply(spot, title))

    def _reply(self, spot: Spot, title: str) -> ThreadReply | PrivateReply:
        office = self._office
        if spot.thread:
            return ThreadReply(office.desk, spot, office.running.noted, office.versions, title)
        return PrivateReply(office.desk, spot, office.running.noted, office.versions, office.http)

    async def _opened(self, spot: Spot, typed: str) -> Spot:
        """The thread for a command's answer; none between two people, where the bot is no member."""
        try:
            ts = await self._office.desk.post(spot, f"`{typed.strip().replace('`', '´')[:300]}`")
        except SendError as error:
            log.info("slack_command_elsewhere", kind=type(error).__name__, detail=error.detail)
            return spot
        return replace(spot, thread=ts)
