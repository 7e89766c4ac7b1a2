"""What reaches the core from a platform: who asks what, and where."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from bot.safety import readable

_BREAKS = re.compile(r"[\s\u0000-\u001f\u007f\u0085\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a conversation is. `server` is a guild or workspace, "" for the web page and the console."""

    platform: str
    server: str = ""
    channel: str = ""
    thread: str = ""


@dataclass(frozen=True, slots=True)
class Author:
    """Who asks. `id` is the platform's; two platforms never share a person.

    `admin`: whether the platform lets this person manage the server they write in. `realm`: the server, where ids
    are unique in one server only and the bot is in several.
    """

    id: str
    name: str = "you"
    roles: frozenset[str] = frozenset()
    locale: str = "en"
    admin: bool = False
    realm: str = ""

    def key(self, platform: str) -> str:
        """Who this is in the store."""
        return f"{platform}:{self.realm}.{self.id}" if self.realm else f"{platform}:{self.id}"


@dataclass(frozen=True, slots=True)
class Quote:
    """Somebody's words quoted as background: history of a channel, a replied-to message."""

    name: str
    text: str
    trusted: bool = False


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file sent along; `read` fetches its bytes when a scenario wants them. `size` in bytes."""

    name: str
    mime: str
    size: int
    read: Callable[[], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Press:
    """A control pressed under the answer `turn_id`. `reasons`: what was ticked with a thumb down."""

    turn_id: str
    control: str
    value: str = ""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """One thing a member wants.

    `id` is unique on its platform: the same id is answered once. Either `command` with `options`
    (a native command), or `press`, or `text` (plain words, or a typed "/command").
    `settle` is the burst window in seconds in which further messages of this author join in; 0 = none;
    `joined` are the ids of those that did. `order`: where the message stands among others, by the platform's own
    count; 0 = as it reached the core. `private`: nobody but the author sees the answer. `adult`: the platform lets
    only grown-ups read along. `heard`: what voice messages said, part of `text` by then; `images`: pictures for the
    model, as data URLs. `edit_of`: the message whose words were changed to these.
    """

    id: str
    place: Place
    author: Author
    text: str = ""
    command: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    press: Press | None = None
    quotes: tuple[Quote, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    settle: float = 0.0
    joined: tuple[str, ...] = ()
    order: int = 0
    adult: bool = False
    heard: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    private: bool = False
    edit_of: str = ""

    @property
    def user(self) -> str:
        """The author's key in the store."""
        return self.author.key(self.place.platform)


@dataclass(frozen=True, slots=True)
class MessageRef:
    """Where an answer stands: the platform's ids of the messages that carry it."""

    platform: str
    channel: str = ""
    messages: tuple[str, ...] = ()


def readable_request(request: Request) -> Request:
    """The request with every text in it readable: what came from a wire may hold anything."""
    press, author = request.press, request.author
    return replace(
        request,
        text=readable(request.text),
        author=replace(author, name=readable(author.name)),
        options={name: readable(value) for name, value in request.options.items()},
        press=press and replace(press, value=readable(press.value)),
        quotes=tuple(replace(one, name=readable(one.name), text=readable(one.text)) for one in request.quotes),
    )


def one_line(name: str, most: int = 64) -> str:
    """`name` on one line, so that a display name cannot forge a heading or a second speaker."""
    flat = _BREAKS.sub(" ", name).strip()
    return flat if len(flat) <= most else flat[: most - 1] + "…"
