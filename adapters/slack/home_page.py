"""What the Home tab shows one person."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.slack.blocks import Block, context, link_to, plain, section
from adapters.slack.home_forms import HOME, MODES, TALKS
from adapters.slack.office import Office
from adapters.slack.text import mrkdwn
from bot.database import now
from bot.errors import UserError
from bot.learning.consent import PREFERENCE
from bot.place_settings import ChannelSettings, ServerSettings
from bot.quotas import Quotas
from bot.request import Author, Place, one_line

STARTS = {
    "translate": "Translate",
    "tutor": "Learn",
    "story": "Tell a story",
    "write": "Write",
    "support": "Ask support",
    "summarize": "Summarise",
}
CONSENT = {
    "": "Your questions do not train the model. Better answers that you write may, once a moderator agrees.",
    "on": "Your questions and the better answers you write may train the model, where this workspace allows it.",
    "off": "Nothing of yours trains the model.",
}
MOST_WAITING = 5
MOST_CHANNELS = 20


class HomePage:
    """Draws the page; everything on it is read anew each time."""

    def __init__(self, office: Office, quotas: Quotas) -> None:
        self._office = office
        self._quotas = quotas

    async def blocks(self, user: str) -> list[Block]:
        """The whole page of a person."""
        office, key = self._office, self._office.key(user)
        author = await office.people.author(user)
        server = await office.stores.places.server("slack", office.team)
        left = await self._quotas.left(key, author, server)
        blocks = [
            section(f"Write to me under **Messages**, mention me in a channel, or type `{office.desk.command} help`."),
            *self._starts(server),
            *await self._cards(key),
            {"type": "header", "text": plain("What I keep of you")},
            *await self._kept(key),
            *await self._consent(key),
            context(f"Answers: {left.words if left is not None else 'no limit'}."),
            *await self._queue(author, server),
        ]
        return blocks + (await self._admin(server) if author.admin else [])

    async def facts(self, key: str) -> str:
        """What a person asked to have remembered, wherever that was."""
        facts = [f"- {fact.text}" for fact in await self._office.stores.memory.all_facts(key)]
        return "\n".join(["**You asked me to remember**", *facts]) if facts else "You asked me to remember nothing."

    def _starts(self, server: ServerSettings) -> list[Block]:
        known = {command.name for command in self._office.core.commands} - server.scenarios_off
        buttons = [_button(f"form:{name}", label) for name, label in STARTS.items() if name in known]
        return [{"type": "actions", "elements": buttons}] if buttons else []

    async def _cards(self, key: str) -> list[Block]:
        due = await self._office.stores.cards.due(key, now())
        if not due:
            return []
        count = _count(len(due), "review card is due", "review cards are due")
        return [section(f"{count}."), {"type": "actions", "elements": [_button("quiz", "Quiz me")]}]

    async def _kept(self, key: str) -> list[Block]:
        off = await self._office.stores.members.preference(key, "memory") == "off"
        buttons = [
            _button("kept", "Show"),
            _button("export", "Export"),
            _button("on", "Remember again") if off else _button("off", "Keep nothing"),
            _button("forget", "Forget everything", danger="All I keep of you is deleted, for good."),
        ]
        words = "I keep none of your words." if off else "I remember our conversations, for you alone."
        return [section(words), {"type": "actions", "elements": buttons}]

    async def _consent(self, key: str) -> list[Block]:
        said = await self._office.stores.members.preference(key, PREFERENCE)
        buttons = [_button("allow", "Allow my questions")] if said != "on" else []
        buttons += [_button("refuse", "Use nothing of mine")] if said != "off" else []
        return [section(CONSENT[said]), {"type": "actions", "elements": buttons}]

    async def _queue(self, author: Author, server: ServerSettings) -> list[Block]:
        office = self._office
        try:
            await office.stores.places.moderator(Place("slack", office.team), author)
        except UserError:
            return []
        waiting = await office.stores.reviews.queue(platform="slack", server=office.team)
        count = _count(len(waiting), "flagged answer waits for review", "flagged answers wait for review")
        block = section(f"{count}." if waiting else "Nothing waits for review.")
        if server.moderators_channel:
            block["text"]["text"] += f" The cards are in <#{server.moderators_channel}>."
        for item in waiting[:MOST_WAITING]:
            row = await office.stores.turns.get(item.turn_id)
            asked = one_line(row.question if row is not None else "", 80) or f"/{item.scenario}"
            block["text"]["text"] += f"\n• {link_to(office.permalink(item.card), asked)}"
        blocks = [{"type": "header", "text": plain("Moderation")}, block]
        if any(command.name == "review" for command in office.core.commands):
            blocks.append({"type": "actions", "elements": [_button("review", "Review on the web")]})
        return blocks

    async def _admin(self, server: ServerSettings) -> list[Block]:
        channels = await self._office.stores.places.channels("slack", self._office.team)
        persona = server.persona or "Parley's own"
        off = ", ".join(f"/{name}" for name in sorted(server.scenarios_off)) or "nothing"
        words = f"Persona: {persona}\nLanguage: {server.language or 'each reader’s'} · Switched off: {off}"
        block = section(words)
        block["text"]["text"] += _set_apart(channels, server.quotas)
        buttons = [
            _button("server", "Workspace settings"),
            _button("channel", "Channel settings"),
            _button("person", "A person's quota"),
        ]
        header = {"type": "header", "text": plain("Workspace")}
        return [header, block, {"type": "actions", "elements": buttons}]


def _set_apart(channels: Mapping[str, ChannelSettings], quotas: Mapping[str, str]) -> str:
    """The channels and people that have settings of their own, in Slack's markup."""
    lines = [
        f"<#{channel}>: {MODES[kept.mode].lower()}, {TALKS.get(kept.scenario, kept.scenario).lower()}"
        + mrkdwn(one_line(kept.own, 120))
        for channel, kept in list(channels.items())[:MOST_CHANNELS]
    ]
    # Their names, not a mention: nobody is to be called by a page of settings.
    lines += [f"`{person}`: {quota}" for person, quota in list(quotas.items())[:MOST_CHANNELS]]
    return "".join(f"\n• {line}" for line in lines)


def _count(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"


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
