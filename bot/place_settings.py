"""What a server's admins may set for it and for its channels: the values, and how each is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, cast

from bot.errors import UserError
from bot.quota import Quota
from bot.request import Author
from bot.safety import mask_secrets
from bot.scenarios.languages import resolve
from bot.settings import SCENARIOS

Value = str | bool | Iterable[str] | Mapping[str, str]
"""A setting as an adapter hands it over: typed words, a switch, picked ids, or a rule by id."""

PERSONA_CHARACTERS = 600
MOST_NAMED = 50
LINK_CHARACTERS = 40
LINE_CHARACTERS = 40
MOST_DAYS = 3650

_MENTION = re.compile(r"<(?:@[!&]?|#|!subteam\^)(?P<id>[A-Za-z0-9]+)(?:\|[^>]*)?>")
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_YES = frozenset({"yes", "on", "true", "1"})
_NO = frozenset({"no", "off", "false", "0", ""})


class Mode(StrEnum):
    """Which plain messages of a channel are for the bot. Commands work in every mode but `OFF`."""

    OFF = "off"
    MENTION = "mention"
    EVERY = "every"
    THREADS = "threads"


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """A guild's or workspace's settings. Ids are the platform's.

    `scenarios_off`: commands nobody gets an answer from here. `persona`: the first sentences to the model in plain
    talk, "" = Parley's own. `language`: a code of OWN_NAMES, "" = the reader's. `moderators` are people,
    `moderator_roles` roles. `trainers` and `viewers`, people or roles, may do more and less than these on the
    moderators' console (`bot.roles`). `quota` counts for everybody here, `quotas` for a role or a person by id, both
    in the form of the setting QUOTA, "" = the host's. `training`: whether approved answers from here may train.
    `flags`: whether a flag as a reaction has a message translated, in `flag_channels` where some are named.
    `lines`: what stories leave out. `only_roles`: whom the bot answers, by role, none = everybody; `shut_out`: people
    and roles that it does not answer. `days`: how long questions and answers are kept, 0 = as the host says.
    """

    scenarios_off: frozenset[str] = frozenset()
    persona: str = ""
    language: str = ""
    moderators_channel: str = ""
    moderator_roles: frozenset[str] = frozenset()
    moderators: frozenset[str] = frozenset()
    trainers: frozenset[str] = frozenset()
    viewers: frozenset[str] = frozenset()
    quota: str = ""
    quotas: Mapping[str, str] = field(default_factory=dict)
    training: bool = False
    flags: bool = False
    flag_channels: frozenset[str] = frozenset()
    lines: tuple[str, ...] = ()
    only_roles: frozenset[str] = frozenset()
    shut_out: frozenset[str] = frozenset()
    days: int = 0

    def welcomes(self, author: Author) -> bool:
        """Whether the bot answers somebody here; who manages the server always gets an answer."""
        who = author.roles | {author.id}
        allowed = not self.only_roles or not self.only_roles.isdisjoint(who)
        return author.admin or (allowed and self.shut_out.isdisjoint(who))

    def within(self, channel: ChannelSettings) -> ServerSettings:
        """The settings as they hold in one of the server's channels."""
        return replace(
            self,
            persona=channel.channel_persona or self.persona,
            language=channel.channel_language or self.language,
        )


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """A channel's settings; its threads share them. `scenario` answers its plain words: chat or support.

    Channels of a server with the same `link` show each other's messages, each in its own `tongue`, a code of OWN_NAMES.
    `channel_persona` and `channel_language` stand in for the server's, "" = as the server has them.
    """

    mode: Mode = Mode.MENTION
    scenario: str = "chat"
    link: str = ""
    tongue: str = ""
    channel_persona: str = ""
    channel_language: str = ""

    @property
    def own(self) -> str:
        """What the channel has in place of the server's, in words that go on a sentence."""
        persona = f"; persona {self.channel_persona}" if self.channel_persona else ""
        return persona + (f"; language {self.channel_language}" if self.channel_language else "")

    def hears(self, *, named: bool, new_post: bool = False, in_thread: bool = False) -> bool:
        """Whether a plain message is for the bot.

        `named`: it mentions the bot, answers it, or stands in a thread where the bot already takes part.
        `new_post`: it begins something, as a message of the channel itself or a forum post does.
        """
        match self.mode:
            case Mode.OFF:
                return False
            case Mode.MENTION:
                return named
            case Mode.EVERY:
                return named or new_post
            case Mode.THREADS:
                return named and in_thread


NO_SERVER = ServerSettings()
SETS = (
    "scenarios_off", "moderator_roles", "moderators", "trainers", "viewers", "flag_channels", "only_roles", "shut_out",
)  # fmt: skip
NO_CHANNEL = ChannelSettings()


def read(setting: str, value: Value) -> Any:
    """`value` as `setting` keeps it, ready for JSON. Raises UserError."""
    reader = _READERS.get(setting)
    if reader is None:
        raise UserError(f"There is no setting “{setting[:40]}”; there are {', '.join(_READERS)}.")
    return reader(value)


def is_of_channel(setting: str) -> bool:
    """Whether `setting` belongs to a channel; else it is the server's."""
    return setting in _CHANNEL


def server_of(kept: Mapping[str, Any]) -> ServerSettings:
    """The settings from what the store keeps of them."""
    values = {name: kept[name] for name in _SERVER if name in kept}
    for name in SETS:
        values[name] = frozenset(values.get(name, ()))
    values["lines"] = tuple(values.get("lines", ()))
    return ServerSettings(**values)


def channel_of(kept: Mapping[str, Any]) -> ChannelSettings:
    """The settings from what the store keeps of them."""
    default = asdict(NO_CHANNEL)
    values = {name: kept.get(name, default[name]) for name in _CHANNEL}
    return ChannelSettings(**values | {"mode": Mode(values["mode"])})


def _words(value: Value) -> str:
    if not isinstance(value, str):
        raise UserError("That setting takes one text.")
    return value.strip()


def _several(value: Value) -> list[str]:
    if isinstance(value, bool):
        raise UserError("That setting takes a list.")
    parts = re.split(r"[,\s]+", value) if isinstance(value, str) else list(value)
    return list(dict.fromkeys(part.strip() for part in parts if part.strip()))


def _switch(value: Value) -> bool:
    if isinstance(value, bool):
        return value
    words = _words(value).lower()
    if words not in _YES | _NO:
        raise UserError(f"A switch is yes or no, not “{words[:40]}”.")
    return words in _YES


def _id(words: str) -> str:
    mention = _MENTION.fullmatch(words)
    found = mention["id"] if mention else words
    if _ID.fullmatch(found) is None:
        raise UserError(f"“{words[:40]}” is no id; mention who or what you mean, or paste its id.")
    return found


def _ids(value: Value) -> list[str]:
    found = sorted({_id(part) for part in _several(value)})
    if len(found) > MOST_NAMED:
        raise UserError(f"At most {MOST_NAMED} can be named here; these are {len(found)}.")
    return found


def _channel(value: Value) -> str:
    words = _words(value)
    return _id(words) if words else ""


def _scenarios(value: Value) -> list[str]:
    found = [part.lstrip("/!").lower() for part in _several(value)]
    for name in found:
        if name not in SCENARIOS:
            raise UserError(f"“{name[:40]}” cannot be turned off; it can be one of {', '.join(SCENARIOS)}.")
    return sorted(set(found))


def _persona(value: Value) -> str:
    words = " ".join(mask_secrets(_words(value)).split())
    if len(words) > PERSONA_CHARACTERS:
        raise UserError(f"A persona has at most {PERSONA_CHARACTERS} characters; this one has {len(words)}.")
    return words


def _lines(value: Value) -> list[str]:
    words = re.split(r"[,;\n]+", value) if isinstance(value, str) else _several(value)
    found = list(dict.fromkeys(" ".join(part.split())[:LINE_CHARACTERS] for part in words if part.strip()))
    if len(found) > MOST_NAMED:
        raise UserError(f"At most {MOST_NAMED} things can be left out; these are {len(found)}.")
    return found


def _days(value: Value) -> int:
    words = _words(value) or "0"
    if not words.isdecimal() or int(words) > MOST_DAYS:
        raise UserError(f"Say for how many days answers are kept, 1 to {MOST_DAYS}, or nothing for the host's choice.")
    return int(words)


def _language(value: Value) -> str:
    words = _words(value)
    return resolve(words).code if words else ""


def _quota(value: Value) -> str:
    words = _words(value)
    try:
        Quota.parse(words)
    except ValueError as error:
        raise UserError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from error
    return words


def _quotas(value: Value) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise UserError("Quotas are given by id, each one like 30/hour, 200/day or off.")
    if len(value) > MOST_NAMED:
        raise UserError(f"At most {MOST_NAMED} can be named here; these are {len(value)}.")
    return {_id(who.strip()): _quota(quota) or "off" for who, quota in sorted(value.items())}


def _mode(value: Value) -> str:
    words = _words(value).lower() or NO_CHANNEL.mode
    if words not in list(Mode):
        raise UserError(f"A channel's mode is one of {', '.join(Mode)}, not “{words[:40]}”.")
    return str(words)


def _talk(value: Value) -> str:
    words = _words(value).lstrip("/").lower() or NO_CHANNEL.scenario
    if words not in ("chat", "support"):
        raise UserError(f"Plain words are answered by chat or support, not by “{words[:40]}”.")
    return words


def _link(value: Value) -> str:
    words = " ".join(_words(value).lower().split())
    if len(words) > LINK_CHARACTERS:
        raise UserError(f"A link's name has at most {LINK_CHARACTERS} characters.")
    return words


_READERS: dict[str, Callable[[Value], Any]] = {
    "scenarios_off": _scenarios,
    "persona": _persona,
    "language": _language,
    "moderators_channel": _channel,
    "moderator_roles": _ids,
    "moderators": _ids,
    "trainers": _ids,
    "viewers": _ids,
    "quota": _quota,
    "quotas": _quotas,
    "training": _switch,
    "flags": _switch,
    "flag_channels": _ids,
    "lines": _lines,
    "only_roles": _ids,
    "shut_out": _ids,
    "days": _days,
    "mode": _mode,
    "scenario": _talk,
    "link": _link,
    "tongue": _language,
    "channel_persona": _persona,
    "channel_language": _language,
}
_SERVER = tuple(one.name for one in fields(cast(Any, ServerSettings)))
_CHANNEL = tuple(one.name for one in fields(cast(Any, ChannelSettings)))
