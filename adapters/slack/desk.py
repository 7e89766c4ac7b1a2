"""What every reply on Slack shares: the calls, what the workspace supports, and how texts are put there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from adapters.slack.blocks import Block, message
from adapters.slack.calls import Calls
from adapters.slack.text import fallback, own_words
from bot.delivery import SendError, attempt

log = structlog.get_logger(__name__)

REMEDIES = {
    "missing_scope": "the app lacks a scope: compare its manifest with `python -m bot slack manifest`",
    "unknown_method": "this Slack does not have it",
    "not_allowed_token_type": "SLACK_BOT_TOKEN has to be a bot token (xoxb-...)",
}


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an answer goes, and who asked. `asked` is the message that did.

    `opens`: the thread is begun by the answer, so that nobody looks into it for what is whispered.
    `names`: what people named in the question are called, by their ids.
    """

    team: str
    channel: str
    user: str
    thread: str = ""
    response_url: str = ""
    asked: str = ""
    opens: bool = False
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def direct(self) -> bool:
        """Nobody else reads along."""
        return self.channel.startswith("D")


class Desk:
    """`command` is the umbrella command, `commands` the names that may follow it."""

    def __init__(self, calls: Calls, command: str, commands: Sequence[str]) -> None:
        self.calls = calls
        self.command = command
        self.commands = tuple(name for name in commands if name != "chat")
        self._missing: set[str] = set()

    def has(self, feature: str) -> bool:
        """Whether a method was not refused as such before."""
        return feature not in self._missing

    def lacks(self, feature: str, error: str) -> None:
        """Remember that the workspace does not have a method, and say once how to mend it."""
        if feature not in self._missing:
            self._missing.add(feature)
            log.warning("slack_lacks", method=feature, error=error, remedy=REMEDIES.get(error, "see docs/slack.md"))

    def own(self, words: str) -> str:
        """The bot's own words as they are right here."""
        return own_words(words, self.commands, self.command)

    async def direct(self, user: str) -> str:
        """The conversation of a person with the bot alone. Raises a SendError."""
        opened = await attempt(lambda: self.calls("conversations.open", users=user))
        return str(opened["channel"]["id"])

    async def remove(self, channel: str, ts: str) -> None:
        """Take a message of the bot away, if it can be."""
        try:
            await attempt(lambda: self.calls("chat.delete", channel=channel, ts=ts))
        except SendError as error:
            log.info("slack_message_not_deleted", kind=type(error).__name__, detail=error.detail)

    async def post(self, spot: Spot, text: str, extra: Sequence[Block] = ()) -> str:
        """A message in the spot's thread, as plain text where its blocks are refused. Gives its ts."""
        place: dict[str, Any] = {"channel": spot.channel, "thread_ts": spot.thread or None}
        return await self._sent("chat.postMessage", place, text, extra)

    async def update(self, spot: Spot, ts: str, text: str, extra: Sequence[Block] = ()) -> str:
        """Put a text in a message's place."""
        return await self._sent("chat.update", {"channel": spot.channel, "ts": ts}, text, extra)

    async def whisper(self, spot: Spot, text: str, extra: Sequence[Block] = ()) -> str:
        """A message that only the asker sees; in a conversation of two, a plain one."""
        if spot.direct:
            return await self.post(spot, text, extra)
        thread = spot.thread if not spot.opens else ""
        place = {"channel": spot.channel, "user": spot.user, "thread_ts": thread or None}
        return await self._sent("chat.postEphemeral", place, text, extra)

    async def _sent(self, method: str, place: Mapping[str, Any], text: str, extra: Sequence[Block]) -> str:
        # No unfurling: a link in a model's words must not fetch anything by itself.
        quiet = {"unfurl_links": False, "unfurl_media": False} if method == "chat.postMessage" else {}
        short = fallback(text) or "…"

        async def whole() -> dict[str, Any]:
            return await self.calls(method, **place, text=short, blocks=message(text, extra), **quiet)

        async def plainly() -> dict[str, Any]:
            log.warning("slack_blocks_refused", method=method)
            # An empty list takes away the blocks that an updated message has.
            gone: dict[str, Any] = {"blocks": []} if method == "chat.update" else {}
            return await self.calls(method, **place, text=fallback(text), **gone, **quiet)

        answer = await attempt(whole, plainly)
        return str(answer.get("ts") or answer.get("message_ts") or place.get("ts", ""))
