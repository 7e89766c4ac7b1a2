"""The Home tab's forms: settings of the workspace, of a channel, and one person's quota."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.slack.blocks import Block, plain
from adapters.slack.forms import box, modal, picked_in, text_in, ticks
from adapters.slack.text import mrkdwn
from bot.place_settings import NO_CHANNEL, ChannelSettings, Mode, ServerSettings, Value
from bot.settings import SCENARIOS

HOME = "home"
SERVER_FORM, CHANNEL_FORM, PERSON_FORM = "server_form", "channel_form", "person_form"
MODES: dict[str, str] = {
    Mode.MENTION: "Answer when mentioned",
    Mode.EVERY: "Answer every new message",
    Mode.THREADS: "Answer in threads only",
    Mode.OFF: "Say nothing",
}
TALKS = {"chat": "Talk", "support": "Support, from the documents"}
SWITCHES = [(name, f"/{name}") for name in SCENARIOS]
PLACES = {"include": ["public", "private"], "exclude_bot_users": True}

PEOPLE = {
    "moderators": "Moderators, besides those who manage the workspace",
    "trainers": "Who may train, where the owner lets this workspace",
    "viewers": "Who may look on at the moderators' console",
}

Values = Mapping[str, Any]


def server_form(kept: ServerSettings) -> Block:
    """The workspace's settings as they are."""
    channel: Block = {"type": "conversations_select", "action_id": "moderators_channel", "filter": PLACES}
    if kept.moderators_channel:
        channel["initial_conversation"] = kept.moderators_channel
    training = [("yes", "Approved answers from here may train the model")]
    blocks = [
        box("persona", "Who the bot is in plain talk", initial=kept.persona, optional=True),
        box(
            "language", "Its language; each reader's when left empty", initial=kept.language, optional=True, lines=False
        ),
        box("quota", "Answers a person gets, like 30/hour or 200/day", initial=kept.quota, optional=True, lines=False),
        _input("moderators_channel", "Where flagged answers are shown to moderators", channel),
        *(_input(name, label, _people(name, getattr(kept, name))) for name, label in PEOPLE.items()),
        ticks("scenarios_off", "Switched off", SWITCHES, tuple(kept.scenarios_off)),
        ticks("training", "Training", training, ["yes"] if kept.training else []),
    ]
    return modal(SERVER_FORM, "Workspace settings", blocks, {}, "Save")


def server_in(values: Values) -> dict[str, Value]:
    """The workspace's settings as they were sent in."""
    return {
        "persona": text_in(values, "persona"),
        "language": text_in(values, "language"),
        "quota": text_in(values, "quota"),
        "moderators_channel": str(_only(values["moderators_channel"]).get("selected_conversation") or ""),
        # A form that was open while Parley was renewed may lack some.
        **{name: _only(values[name]).get("selected_users") or [] for name in PEOPLE if name in values},
        "scenarios_off": picked_in(values, "scenarios_off"),
        "training": bool(picked_in(values, "training")),
    }


def channel_form(channel: str = "", kept: ChannelSettings = NO_CHANNEL) -> Block:
    """A channel's settings. Another channel that is picked brings its own, by `home:picked`."""
    element: Block = {"type": "conversations_select", "action_id": f"{HOME}:picked", "filter": PLACES}
    if channel:
        element["initial_conversation"] = channel
    blocks = [
        {**_input("channel", "Channel", element), "optional": False, "dispatch_action": True},
        # Slack keeps what was chosen in a block of the same id, so that each channel's have their own.
        _select(f"mode:{channel}", "Messages", MODES, kept.mode),
        _select(f"scenario:{channel}", "Plain words are answered by", TALKS, kept.scenario),
        _box(
            f"channel_persona:{channel}",
            "Who the bot is here; as in the workspace when left empty",
            kept.channel_persona,
        ),
        _box(
            f"channel_language:{channel}",
            "Its language here; the workspace's when left empty",
            kept.channel_language,
            lines=False,
        ),
    ]
    return modal(CHANNEL_FORM, "Channel settings", blocks, {}, "Save")


def channel_in(values: Values) -> tuple[str, dict[str, Value], dict[str, str]]:
    """The channel and its settings as they were sent in, and the ids of the blocks they stood in."""
    channel = str(_only(values["channel"]).get("selected_conversation") or "")
    blocks = {block.partition(":")[0]: block for block in values}
    chosen: dict[str, Value] = {
        name: str(_only(values[blocks[name]])["selected_option"]["value"]) for name in ("mode", "scenario")
    }
    # A form that was open while Parley was renewed may lack these.
    written = [name for name in ("channel_persona", "channel_language") if name in blocks]
    return channel, chosen | {name: str(_only(values[blocks[name]]).get("value") or "") for name in written}, blocks


def _people(name: str, chosen: frozenset[str]) -> Block:
    element: Block = {"type": "multi_users_select", "action_id": name}
    return element | {"initial_users": sorted(chosen)} if chosen else element


def person_form() -> Block:
    """One person's quota."""
    person: Block = {"type": "users_select", "action_id": "person"}
    again = [("yes", "Give back what was used so far")]
    blocks = [
        {**_input("person", "Person", person), "optional": False},
        box("quota", "Answers they get, like 30/hour; as everybody when left empty", optional=True, lines=False),
        ticks("again", "Just now", again),
    ]
    return modal(PERSON_FORM, "A person's quota", blocks, {}, "Save")


def person_in(values: Values) -> tuple[str, str, bool]:
    """The person, their quota, and whether they get it back whole."""
    person = str(_only(values["person"]).get("selected_user") or "")
    return person, text_in(values, "quota"), bool(picked_in(values, "again"))


def told(words: str) -> Block:
    """A page of words."""
    parts = [words[start : start + 2_500] for start in range(0, len(words), 2_500)][:20] or ["…"]
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": mrkdwn(part)}} for part in parts]
    return {"type": "modal", "title": plain("Parley", 24), "close": plain("Close", 24), "blocks": blocks}


def _only(state: Mapping[str, Any]) -> Mapping[str, Any]:
    element: Mapping[str, Any] = next(iter(state.values()), {})
    return element


def _input(name: str, label: str, element: Block) -> Block:
    return {"type": "input", "block_id": name, "optional": True, "label": plain(label, 2000), "element": element}


def _box(name: str, label: str, kept: str, *, lines: bool = True) -> Block:
    """A box whose block has a channel's name in its own."""
    block = box(name, label, initial=kept, optional=True, lines=lines)
    return block | {"element": block["element"] | {"action_id": "written"}}


def _select(name: str, label: str, choices: Mapping[str, str], chosen: str) -> Block:
    options = [{"text": plain(words), "value": str(value)} for value, words in choices.items()]
    initial = next((option for option in options if option["value"] == chosen), options[0])
    element = {"type": "static_select", "action_id": "chosen", "options": options, "initial_option": initial}
    return {**_input(name, label, element), "optional": False}
