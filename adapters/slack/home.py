"""The Home tab: what I keep of you, your quota and cards; for moderators their queue, for admins the settings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from adapters.slack.blocks import Block, context, plain, section
from adapters.slack.desk import Spot
from adapters.slack.forms import box, modal, picked_in, text_in, ticks
from adapters.slack.office import Office
from adapters.slack.reply import hand_out
from adapters.slack.text import commands_as, mrkdwn
from bot.database import now
from bot.delivery import SendError
from bot.errors import UserError
from bot.place_settings import Mode, ServerSettings, Value, read
from bot.quotas import Quotas
from bot.reply import SilentReply
from bot.request import Author, Place, Request
from bot.settings import SCENARIOS

log = structlog.get_logger(__name__)

HOME = "home"
SERVER_FORM, CHANNEL_FORM = "server_form", "channel_form"
Body = Mapping[str, Any]
Acknowledge = Callable[..., Awaitable[Any]]
MODES: dict[str, str] = {
    Mode.MENTION: "Answer when mentioned",
    Mode.EVERY: "Answer every new message",
    Mode.THREADS: "Answer in threads only",
    Mode.OFF: "Say nothing",
}
SWITCHES = [(name, f"/{name}") for name in SCENARIOS]
TALKS = {"chat": "Talk", "support": "Support, from the documents"}


class Home:
    """One page a person, drawn anew when it is opened and after each change."""

    def __init__(self, office: Office, quotas: Quotas, quiz: Callable[[Body], Awaitable[None]]) -> None:
        self._office = office
        self._quotas = quotas
        self._quiz = quiz

    async def show(self, user: str) -> None:
        """Draw the page of a person."""
        blocks = await self._blocks(user)
        await self._office.desk.calls("views.publish", user_id=user, view={"type": "home", "blocks": blocks})

    async def pressed(self, body: Body) -> None:
        """A button on the page."""
        user, what = str(body["user"]["id"]), str(body["actions"][0]["action_id"]).removeprefix(f"{HOME}:")
        author = await self._office.people.author(user)
        match what:
            case "quiz":
                await self._quiz(await self._typed(body, "tutor mode:quiz"))
            case "server" | "channel":
                view = await self._server_form(author) if what == "server" else _channel_form()
                await self._open(body, view if author.admin else _told("Only people who manage this workspace can."))
            case _:
                await self._memory(body, author, what)
        await self.show(user)

    async def server_sent(self, ack: Acknowledge, body: Body) -> None:
        """The workspace's settings, sent in."""
        values = body["view"]["state"]["values"]
        wanted: dict[str, Value] = {
            "persona": text_in(values, "persona"),
            "language": text_in(values, "language"),
            "quota": text_in(values, "quota"),
            "moderators_channel": str(
                values["moderators_channel"]["moderators_channel"].get("selected_conversation") or ""
            ),
            "moderators": values["moderators"]["moderators"].get("selected_users") or [],
            "scenarios_off": picked_in(values, "scenarios_off"),
            "training": bool(picked_in(values, "training")),
        }
        await self._change(ack, body, "", wanted)

    async def channel_sent(self, ack: Acknowledge, body: Body) -> None:
        """A channel's settings, sent in."""
        values = body["view"]["state"]["values"]
        channel = str(values["channel"]["channel"].get("selected_conversation") or "")
        chosen = {name: values[name][name]["selected_option"]["value"] for name in ("mode", "scenario")}
        await self._change(ack, body, channel, chosen)

    async def _change(self, ack: Acknowledge, body: Body, channel: str, wanted: Mapping[str, Value]) -> None:
        """Check everything, then change it; what is wrong is told beside its box, and nothing is changed."""
        errors, user = {}, str(body["user"]["id"])
        for setting, value in wanted.items():
            try:
                read(setting, value)
            except UserError as error:
                errors[setting] = error.words
        author = await self._office.people.author(user)
        first = next(iter(wanted))
        place = Place("slack", str(body["team"]["id"]), channel)
        try:
            for setting, value in wanted.items() if not errors else ():
                await self._office.stores.places.change(place, author, setting, value)
        except UserError as error:
            errors[first] = error.words
        if errors:
            await ack(response_action="errors", errors=errors)
            return
        await ack()
        await self.show(user)

    async def _memory(self, body: Body, author: Author, action: str) -> None:
        """Run a command of /memory, and show what it says."""
        spot = await self._direct(author.id, body)
        silent = SilentReply("slack")
        options = {"action": "forget", "what": "everything"} if action == "forget" else {"action": action}
        request = Request(
            id=str(body["trigger_id"]), place=Place("slack", spot.team, spot.channel), author=author,
            command="memory", options=options, private=True,
        )  # fmt: skip
        await self._office.core.handle(request, silent)
        answer = silent.answer
        words = answer.text if answer is not None else silent.words
        if answer is not None and answer.files:
            await hand_out(self._office.desk, spot, answer.files, private=True)
            words += " It is in our conversation, under Messages."
        await self._open(body, _told(commands_as(words, self._office.desk.commands, self._office.desk.command)))

    async def _direct(self, user: str, body: Body) -> Spot:
        opened = await self._office.desk.calls("conversations.open", users=user)
        return Spot(str(body["team"]["id"]), str(opened["channel"]["id"]), user)

    async def _typed(self, body: Body, text: str) -> Body:
        """A slash command as if it was typed in the conversation with the bot."""
        spot = await self._direct(str(body["user"]["id"]), body)
        return {
            "team_id": spot.team, "channel_id": spot.channel, "user_id": spot.user, "text": text,
            "command": self._office.desk.command, "trigger_id": body["trigger_id"],
        }  # fmt: skip

    async def _open(self, body: Body, view: Block) -> None:
        try:
            await self._office.desk.calls("views.open", trigger_id=str(body["trigger_id"]), view=view)
        except SendError as error:
            log.warning("slack_form_not_opened", kind=type(error).__name__, detail=error.detail)

    async def _blocks(self, user: str) -> list[Block]:
        office, key = self._office, f"slack:{user}"
        author = await office.people.author(user)
        server = await office.stores.places.server("slack", office.team)
        off = await office.stores.members.preference(key, "memory") == "off"
        due = await office.stores.cards.due(key, now())
        left = await self._quotas.left(key, author, server)
        memory = "I keep none of your words." if off else "I remember our conversations, for you alone."
        blocks = [
            section(f"Write to me under **Messages**, mention me in a channel, or type `{office.desk.command} help`."),
            {"type": "header", "text": plain("You")},
            section(memory),
            {
                "type": "actions",
                "elements": [
                    _button("show", "Show my memory"),
                    _button("export", "Export"),
                    _button("on", "Remember again") if off else _button("off", "Keep nothing"),
                    _button("forget", "Forget everything", danger="All I keep of you is deleted, for good."),
                ],
            },
            context(f"Answers: {left.words if left is not None else 'no limit'}."),
        ]
        if due:
            count = "1 review card is due." if len(due) == 1 else f"{len(due)} review cards are due."
            blocks += [section(count), {"type": "actions", "elements": [_button("quiz", "Quiz me")]}]
        blocks += await self._queue(author, server)
        if author.admin:
            blocks += _admin(server)
        return blocks

    async def _queue(self, author: Author, server: ServerSettings) -> list[Block]:
        office = self._office
        try:
            await office.stores.places.moderator(Place("slack", office.team), author)
        except UserError:
            return []
        count = len(await office.stores.reviews.queue(platform="slack", server=office.team))
        waiting = "Nothing waits for review." if not count else f"{count} flagged answers wait for review."
        block = section("1 flagged answer waits for review." if count == 1 else waiting)
        if server.moderators_channel:
            block["text"]["text"] += f" The cards are in <#{server.moderators_channel}>."
        return [{"type": "header", "text": plain("Moderation")}, block]

    async def _server_form(self, author: Author) -> Block:
        kept = await self._office.stores.places.server("slack", self._office.team)
        channel: Block = {"type": "conversations_select", "action_id": "moderators_channel"}
        channel["filter"] = {"include": ["public", "private"], "exclude_bot_users": True}
        if kept.moderators_channel:
            channel["initial_conversation"] = kept.moderators_channel
        people: Block = {"type": "multi_users_select", "action_id": "moderators"}
        if kept.moderators:
            people["initial_users"] = sorted(kept.moderators)
        blocks = [
            box("persona", "Who the bot is in plain talk", initial=kept.persona, optional=True),
            box("language", "Its language; empty = each reader's", initial=kept.language, optional=True, lines=False),
            box("quota", "Answers a person gets: 30/hour or off", initial=kept.quota, optional=True, lines=False),
            _input("moderators_channel", "Where flagged answers are shown to moderators", channel),
            _input("moderators", "Moderators; who manages the workspace always is one", people),
            ticks("scenarios_off", "Switched off", SWITCHES, tuple(kept.scenarios_off)),
            ticks(
                "training", "Training", [("yes", "Approved answers from here may train the model")],
                ["yes"] if kept.training else [],
            ),
        ]  # fmt: skip
        return modal(SERVER_FORM, "Workspace settings", blocks, {}, "Save")


def _channel_form() -> Block:
    channel: Block = {"type": "conversations_select", "action_id": "channel"}
    channel["filter"] = {"include": ["public", "private"], "exclude_bot_users": True}
    blocks = [
        {**_input("channel", "Channel", channel), "optional": False},
        _select("mode", "Messages", MODES),
        _select("scenario", "Plain words are answered by", TALKS),
    ]
    return modal(CHANNEL_FORM, "Channel settings", blocks, {}, "Save")


def _admin(server: ServerSettings) -> list[Block]:
    persona = server.persona or "Parley's own"
    off = ", ".join(f"/{name}" for name in sorted(server.scenarios_off)) or "nothing"
    words = f"Persona: {persona}\nLanguage: {server.language or 'each reader’s'} · Switched off: {off}"
    buttons = [_button("server", "Workspace settings"), _button("channel", "Channel settings")]
    return [
        {"type": "header", "text": plain("Workspace")}, section(words), {"type": "actions", "elements": buttons},
    ]  # fmt: skip


def _told(words: str) -> Block:
    """A page of words."""
    parts = [words[start : start + 2_500] for start in range(0, len(words), 2_500)][:20] or ["…"]
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": mrkdwn(part)}} for part in parts]
    return {"type": "modal", "title": plain("Parley", 24), "close": plain("Close", 24), "blocks": blocks}


def _button(action: str, label: str, *, danger: str = "") -> Block:
    drawn: Block = {"type": "button", "action_id": f"{HOME}:{action}", "text": plain(label)}
    if danger:
        asked = {
            "title": plain("Are you sure?"),
            "text": plain(danger, 300),
            "confirm": plain("Yes"),
            "deny": plain("No"),
        }
        drawn |= {"style": "danger", "confirm": asked}
    return drawn


def _input(name: str, label: str, element: Block) -> Block:
    return {"type": "input", "block_id": name, "optional": True, "label": plain(label, 2000), "element": element}


def _select(name: str, label: str, choices: Mapping[str, str]) -> Block:
    options = [{"text": plain(words), "value": str(value)} for value, words in choices.items()]
    element = {"type": "static_select", "action_id": name, "options": options, "initial_option": options[0]}
    return {**_input(name, label, element), "optional": False}
