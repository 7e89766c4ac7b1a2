"""From what Slack delivers to a Request: whether it is for the bot at all, and what it says."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from adapters.slack.text import incoming, without_lead

SUBTYPES = frozenset({"", "file_share", "thread_broadcast", "me_message"})
"""Messages that people write. Edits, joins, unfurled links and bots' messages come as other subtypes."""

Event = Mapping[str, Any]

_LEAD = re.compile(r"\s*<@(?P<user>[UW][A-Z0-9]+)(?:\|[^<>]*)?>")
_WORD = re.compile(r"\s*[/!]?(?P<name>[a-z][a-z_-]*)(?:\s+(?P<rest>.*))?\Z", re.DOTALL)
_TYPED = re.compile(r"\s*!(?P<name>[a-z][a-z_-]*)(?:\s|\Z)", re.IGNORECASE)


def by_a_person(event: Event, bot_user: str) -> bool:
    """Whether a person wrote it: bots are never answered, so that two of them cannot talk for ever."""
    return (
        str(event.get("subtype") or "") in SUBTYPES
        and bool(event.get("user"))
        and event.get("user") not in (bot_user, "USLACKBOT")
        and not event.get("bot_id")
        and not event.get("bot_profile")
        and not event.get("hidden")
    )


def mentions(event: Event, user: str) -> bool:
    """Whether a message speaks to `user`: not in a quote or a code block, and not after another's name."""
    text = str(event.get("text") or "")
    lead = _LEAD.match(text)
    if lead is not None and lead["user"] != user:
        return False
    rich = [
        block for block in event.get("blocks") or () if isinstance(block, dict) and block.get("type") == "rich_text"
    ]
    if rich:
        return user in {named for block in rich for named in _named(block.get("elements") or ())}
    return re.search(rf"<@{user}(?:\||>)", text) is not None


def speaks_to_another(event: Event, bot_user: str) -> bool:
    """Whether a message begins with somebody else's name."""
    lead = _LEAD.match(str(event.get("text") or ""))
    return lead is not None and lead["user"] != bot_user


def _named(elements: object) -> Iterator[str]:
    for element in elements if isinstance(elements, list | tuple) else ():
        if not isinstance(element, dict) or element.get("type") in ("rich_text_quote", "rich_text_preformatted"):
            continue
        if element.get("type") == "user":
            yield str(element.get("user_id"))
        yield from _named(element.get("elements") or ())


def forwarded(message: Event) -> list[tuple[str, str]]:
    """Who wrote the messages that came forwarded with one, and what; previews of web pages are none."""
    return [
        (str(shared.get("author_name") or shared.get("author_id") or "somebody"), str(shared.get("text") or ""))
        for shared in _shared(message)
        if shared.get("text")
    ]


def files_of(message: Event) -> list[Event]:
    """A message's files and those of the messages forwarded with it."""
    holders = [message, *_shared(message)]
    return [file for holder in holders for file in holder.get("files") or () if isinstance(file, dict)]


def _shared(message: Event) -> list[Event]:
    found = message.get("attachments") or ()
    return [one for one in found if isinstance(one, dict) and (one.get("is_share") or one.get("is_msg_unfurl"))]


def is_command(text: str, names: Collection[str]) -> bool:
    """Whether a message is a typed command, such as "!translate ..."; "!nice work" is none."""
    typed = _TYPED.match(text)
    return typed is not None and typed["name"].lower() in names


def spoken(event: Event, bot_user: str) -> str:
    """What a message says to the bot, as Markdown."""
    return incoming(without_lead(str(event.get("text") or ""), bot_user))


def as_command(text: str, names: Collection[str]) -> str:
    """Words behind a mention or the umbrella command: a command's name in front makes them that command."""
    if not text.strip():
        return ""
    found = _WORD.match(text)
    if found is None or found["name"] not in names or found["name"] == "chat":
        return text
    rest = (found["rest"] or "").strip()
    if found["name"] == "help" and rest and rest.lstrip("/!").lower() not in names:
        return text  # "help me with this" is talk
    return f"/{found['name']} {rest}".strip()
