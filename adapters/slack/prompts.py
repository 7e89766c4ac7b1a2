"""Suggested prompts: what a person may want of the bot just now, four at most."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import structlog

from adapters.slack.calls import Unsupported
from adapters.slack.office import Office
from bot.database import now
from bot.delivery import SendError

log = structlog.get_logger(__name__)

VIEWED = {
    "Summarise the channel I am looking at": "summarize",
    "Translate the channel I am looking at": "translate",
}
"""These prompts stand for the channel that Slack says the person has open, each with its command."""
OF_CHANNEL = tuple(zip(("Summarise this channel", "Translate this channel"), VIEWED, strict=True))
QUIZ = "!tutor mode:quiz"
PROMPTS = (
    ("Translate", "!translate Where can we meet tomorrow? to:French"),
    ("Explain", "!tutor math: solve 2x + 3 = 11"),
    ("Tell a story", "!story a lighthouse keeper who is afraid of the dark"),
    ("Write a headline", "!write headline The council voted 7 to 2 for a new bridge over the river"),
)
MOST_OFFERED = 4
MOST = 5_000

Body = Mapping[str, Any]


class Prompts:
    """Which channel a person looks at, and what is offered to them for it."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._viewed: OrderedDict[str, str] = OrderedDict()

    def viewed(self, user: str) -> str:
        """The channel that a person has open, as Slack told; "" when it did not."""
        return self._viewed.get(user, "")

    async def offer(self, channel: str, user: str) -> None:
        """Offer what fits in the conversation with the bot."""
        prompts = [{"title": title, "message": message} for title, message in await self._fitting(user)]
        method = "assistant.threads.setSuggestedPrompts"
        if not self._office.desk.has(method) or not self._office.desk.calls.free(method):
            return
        try:
            await self._office.desk.calls(method, channel_id=channel, title="What would you like?", prompts=prompts)
        except Unsupported as error:
            self._office.desk.lacks(method, error.error)
        except SendError as error:
            log.info("slack_prompts_not_set", kind=type(error).__name__, detail=error.detail)

    async def _fitting(self, user: str) -> list[tuple[str, str]]:
        """What the person looks at first, then their due cards, then what can be done at any time."""
        stores = self._office.stores
        off = (await stores.places.server("slack", self._office.team)).scenarios_off
        due = len(await stores.cards.due(self._office.key(user), now()))
        offered = [*OF_CHANNEL] if self.viewed(user) else []
        offered += [(f"Quiz me: {due} due" if due > 1 else "Quiz me: one card is due", QUIZ)] if due else []
        if (await self._office.people.author(user)).locale.startswith("fr"):
            offered += [(title, message.replace("to:French", "to:English")) for title, message in PROMPTS]
        else:
            offered += PROMPTS
        return [pair for pair in offered if _command_of(pair[1]) not in off][:MOST_OFFERED]

    async def looked(self, event: Body, body: Body) -> None:
        """A person looks at something else."""
        told = body.get("authorizations") or [{}]
        user = str(event.get("user") or (told[0].get("user_id") if not told[0].get("is_bot") else "") or "")
        if not user:
            return
        self._viewed[user] = _channel_of(event.get("context") or {})
        self._viewed.move_to_end(user)
        if len(self._viewed) > MOST:
            self._viewed.popitem(last=False)
        if event.get("channel"):
            await self.offer(str(event["channel"]), user)


def _command_of(message: str) -> str:
    return VIEWED.get(message) or message.removeprefix("!").partition(" ")[0]


def _channel_of(context: Body) -> str:
    for entity in context.get("entities") or ():
        value = entity.get("value")
        if entity.get("type") == "slack#/types/channel_id" and isinstance(value, str):
            return value
        if entity.get("type") == "slack#/types/message_context" and isinstance(value, dict):
            return str(value.get("channel_id") or "")
    return ""
