"""The Home tab: what I can do, what I keep of you; for moderators their queue, for admins the settings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from adapters.slack.commands import Commands
from adapters.slack.desk import Spot
from adapters.slack.home_forms import channel_form, channel_in, person_form, person_in, server_form, server_in, told
from adapters.slack.home_page import HomePage
from adapters.slack.office import Office
from adapters.slack.reply import hand_out
from bot.delivery import SendError, attempt
from bot.errors import UserError
from bot.learning.consent import PREFERENCE
from bot.place_settings import Value, read
from bot.quotas import Quotas
from bot.reply import SilentReply
from bot.request import Author, Place, Request
from bot.turn import File

log = structlog.get_logger(__name__)

Body = Mapping[str, Any]
Acknowledge = Callable[..., Awaitable[Any]]
ADMINS_ONLY = "Only people who manage this workspace can do that."


class Home:
    """One page a person, drawn anew when it is opened and after each change."""

    def __init__(self, office: Office, quotas: Quotas, commands: Commands) -> None:
        self._office = office
        self._quotas = quotas
        self._commands = commands
        self._page = HomePage(office, quotas)

    async def show(self, user: str) -> None:
        """Draw the page of a person."""
        view = {"type": "home", "blocks": await self._page.blocks(user)}
        await attempt(lambda: self._office.desk.calls("views.publish", user_id=user, view=view))

    async def pressed(self, body: Body) -> None:
        """A button on the page, or a channel picked in a form."""
        user, action = str(body["user"]["id"]), body["actions"][0]
        what = str(action["action_id"]).partition(":")[2]
        author = await self._office.people.author(user)
        match what:
            case "quiz":
                await self._commands.typed(await self._typed(body, "tutor mode:quiz"))
            case "server" | "channel" | "person" | "picked":
                await self._settings(body, author, what, str(action.get("selected_conversation") or ""))
            case "review":
                _, _, words = await self._run(body, author, "review", {})
                await self._open(body, told(words))
            case "kept":
                await self._kept(body, author)
            case "allow" | "refuse":
                consent = "on" if what == "allow" else "off"
                await self._office.stores.members.prefer(self._office.key(user), PREFERENCE, consent)
            case _ if what.startswith("form:"):
                await self._commands.open_form(body, what.partition(":")[2])
            case _:
                await self._memory(body, author, what)
        if not what.startswith(("form:", "picked")):
            await self.show(user)

    async def server_sent(self, ack: Acknowledge, body: Body) -> None:
        """The workspace's settings, sent in."""
        await self._sent(ack, body, "", server_in(body["view"]["state"]["values"]), {})

    async def channel_sent(self, ack: Acknowledge, body: Body) -> None:
        """A channel's settings, sent in."""
        channel, chosen, blocks = channel_in(body["view"]["state"]["values"])
        await self._sent(ack, body, channel, chosen, blocks)

    async def person_sent(self, ack: Acknowledge, body: Body) -> None:
        """A person's quota, sent in."""
        person, quota, again = person_in(body["view"]["state"]["values"])
        server = await self._office.stores.places.server("slack", self._office.team)
        quotas = {who: kept for who, kept in server.quotas.items() if who != person}
        wanted = {"quotas": quotas | ({person: quota} if quota else {})}
        if await self._sent(ack, body, "", wanted, {"quotas": "quota"}) and again:
            await self._quotas.reset(self._office.key(person))
            await self.show(str(body["user"]["id"]))

    async def _sent(
        self, ack: Acknowledge, body: Body, channel: str, wanted: Mapping[str, Value], blocks: Mapping[str, str]
    ) -> bool:
        """Check everything, say so, then change it. What is wrong is told beside its box, and nothing is changed.

        `blocks`: the blocks that settings stood in, where they are called otherwise.
        """
        office, user = self._office, str(body["user"]["id"])
        author = await office.people.author(user)
        errors = _wrong(author, wanted)
        if errors:
            told = {blocks.get(setting, setting): office.desk.own(words) for setting, words in errors.items()}
            await ack(response_action="errors", errors=told)
            return False
        # Slack waits three seconds for this, and a busy store may need longer.
        await ack()
        for setting, value in wanted.items():
            await office.stores.places.change(Place("slack", office.team, channel), author, setting, value)
        await self.show(user)
        return True

    async def _settings(self, body: Body, author: Author, what: str, channel: str) -> None:
        places, team = self._office.stores.places, self._office.team
        if not author.admin:
            await self._open(body, told(ADMINS_ONLY))
        elif what == "picked":
            view = channel_form(channel, await places.channel(Place("slack", team, channel)))
            await self._office.desk.calls("views.update", view_id=str(body["view"]["id"]), view=view)
        elif what == "server":
            await self._open(body, server_form(await places.server("slack", team)))
        else:
            await self._open(body, channel_form() if what == "channel" else person_form())

    async def _kept(self, body: Body, author: Author) -> None:
        """All facts, wherever they were told, and what else is kept of a person and has learned from it."""
        facts = await self._page.facts(self._office.key(author.id))
        _, _, words = await self._run(body, author, "privacy", {"action": "show"})
        await self._open(body, told(f"{facts}\n\n{words}"))

    async def _memory(self, body: Body, author: Author, action: str) -> None:
        """Run a command of /memory, and show what it says."""
        options = {"action": "forget", "what": "everything"} if action == "forget" else {"action": action}
        spot, files, words = await self._run(body, author, "memory", options)
        if files:
            await hand_out(self._office.desk, spot, files, private=True)
            words += " It is in our conversation, under Messages."
        await self._open(body, told(words))

    async def _run(
        self, body: Body, author: Author, command: str, options: Mapping[str, str]
    ) -> tuple[Spot, tuple[File, ...], str]:
        """Run a command in the two's own conversation; gives that, the files and the words of its answer."""
        office = self._office
        spot = Spot(office.team, await office.desk.direct(author.id), author.id)
        silent = SilentReply("slack")
        request = Request(
            id=f"{body['trigger_id']}:{command}", place=Place("slack", spot.team, spot.channel), author=author,
            command=command, options=options, private=True,
        )  # fmt: skip
        await office.core.handle(request, silent)
        answer = silent.answer
        words = office.desk.own(answer.text if answer is not None else silent.words)
        return spot, answer.files if answer is not None else (), words

    async def _typed(self, body: Body, text: str) -> Body:
        """A slash command as if it was typed in the conversation with the bot."""
        user, desk = str(body["user"]["id"]), self._office.desk
        return {
            "team_id": self._office.team, "channel_id": await desk.direct(user), "user_id": user, "text": text,
            "command": desk.command, "trigger_id": body["trigger_id"],
        }  # fmt: skip

    async def _open(self, body: Body, view: Mapping[str, Any]) -> None:
        try:
            await self._office.desk.calls("views.open", trigger_id=str(body["trigger_id"]), view=view)
        except SendError as error:
            log.warning("slack_form_not_opened", kind=type(error).__name__, detail=error.detail)


def _wrong(author: Author, wanted: Mapping[str, Value]) -> dict[str, str]:
    """What is wrong with what somebody wants to set, by setting."""
    if not author.admin:
        return {next(iter(wanted)): ADMINS_ONLY}
    errors = {}
    for setting, value in wanted.items():
        try:
            read(setting, value)
        except UserError as error:
            errors[setting] = error.words
    return errors
