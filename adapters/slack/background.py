"""Background: what others wrote around a question, as quotes and files."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from adapters.slack.calls import Unsupported
from adapters.slack.office import Office
from adapters.slack.reading import by_a_person, files_of, forwarded
from adapters.slack.text import incoming, mentioned
from bot.delivery import SendError
from bot.request import Quote

log = structlog.get_logger(__name__)

MOST = 30
"""Messages of a thread or a channel that are read at most."""
LONGEST = 3.0
"""Seconds; a question is answered without its background rather than late."""
MOST_ROOT_FILES = 4

Body = Mapping[str, Any]


class Background:
    """Reads what Slack lets the bot read; what it cannot read is left out."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def thread(self, channel: str, thread: str, ts: str, *, new: bool) -> tuple[tuple[Quote, ...], list[Body]]:
        """What others wrote in a thread from the bot's last answer to the message `ts`, and its first message's files.

        `new`: the one who asks had no word with the bot here yet, so that what it said itself is news to them too.
        """
        me = self._office.me
        found = await self._messages("conversations.replies", channel=channel, ts=thread, limit=MOST)
        kept: list[Body] = []
        for message in found:
            if str(message.get("ts")) == ts:
                break
            if message.get("user") == me and not (new and message.get("ts") == thread):
                kept.clear()
            elif by_a_person(message, me) or message.get("user") == me:
                kept.append(message)
        root = kept[0] if kept and kept[0].get("ts") == thread else {}
        return await self._quoted(kept), files_of(root)[:MOST_ROOT_FILES]

    async def message(self, channel: str, thread: str, ts: str) -> Body | None:
        """One message as it stands now, None where it cannot be read."""
        # The thread's first message comes along whatever is asked for.
        found = await self._messages(
            "conversations.replies", channel=channel, ts=thread, oldest=ts, latest=ts, inclusive=True
        )
        return next((message for message in found if str(message.get("ts")) == ts), None)

    async def whole(self, channel: str, thread: str) -> tuple[Quote, ...]:
        """All that people wrote in a thread."""
        found = await self._messages("conversations.replies", channel=channel, ts=thread, limit=MOST)
        return await self._quoted([message for message in found if by_a_person(message, self._office.me)])

    async def latest(self, channel: str) -> tuple[Quote, ...]:
        """The latest messages of a channel, oldest first."""
        found = await self._messages("conversations.history", channel=channel, limit=MOST)
        return await self._quoted([message for message in reversed(found) if by_a_person(message, self._office.me)])

    async def forwarded(self, message: Body) -> tuple[Quote, ...]:
        """The messages that were forwarded with one."""
        shared = forwarded(message)
        names = await self._office.people.names(mentioned(" ".join(text for _, text in shared)))
        return tuple(Quote(name, _named(text, names)) for name, text in shared)

    async def _messages(self, method: str, **arguments: Any) -> Sequence[Body]:
        desk = self._office.desk
        if not desk.has(method) or not desk.calls.free(method):
            return ()
        try:
            async with asyncio.timeout(LONGEST):
                answer = await desk.calls(method, **arguments)
        except Unsupported as error:
            if error.error == "missing_scope":
                desk.lacks(method, error.error)
            return ()
        except (SendError, TimeoutError) as error:
            log.info("slack_messages_not_read", method=method, kind=type(error).__name__)
            return ()
        return answer.get("messages") or ()

    async def _quoted(self, kept: Sequence[Body]) -> tuple[Quote, ...]:
        said = [(str(message["user"]), str(message.get("text") or ""), forwarded(message)) for message in kept]
        users = [user for user, _, _ in said]
        users += mentioned(" ".join([text for _, text, _ in said] + [text for _, _, more in said for _, text in more]))
        names = await self._office.people.names(dict.fromkeys(users))
        quotes = []
        for user, text, more in said:
            whole = "\n".join([text, *(f"{name}: {words}" for name, words in more)])
            quotes.append(Quote(names.get(user, user), _named(whole, names)))
        return tuple(quote for quote in quotes if quote.text)


def _named(text: str, names: Mapping[str, str]) -> str:
    for user, name in names.items():
        text = text.replace(f"<@{user}>", f"@{name}")
    return incoming(text)
