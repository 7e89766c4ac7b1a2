"""People on the peer: what a member does in Discord's client, sent to the bot as Discord sends it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from simcord import interactions
from simcord.backend import serializers
from simcord.backend.models import Interaction, Message
from simcord.components import walk_components
from simcord.enums import ChannelType

from tests.adapters.discord.peer import Peer

COMMAND, COMPONENT, AUTOCOMPLETE, MODAL = 2, 3, 4, 5
SLASH, MESSAGE_COMMAND = 1, 3
KINDS = {str: 3, bool: 5, int: 4}


@dataclass
class Person:
    """A member of `guild`, or somebody in a DM where `guild` is 0."""

    peer: Peer
    id: int
    guild: int = 0
    locale: str = "en-US"

    @property
    def dm(self) -> int:
        return self.peer.backend.get_dm_channel(self.id).id

    def say(
        self, channel: int, text: str, *, to: Message | None = None, files: Sequence[tuple[str, bytes]] = ()
    ) -> Message:
        """Send a message, as an answer `to` another."""
        backend = self.peer.backend
        self._may(channel, "send_messages_in_threads" if backend.get_channel(channel).is_thread else "send_messages")
        reference = None
        if to is not None:
            reference = backend.normalize_message_reference(
                channel, {"channel_id": str(channel), "message_id": str(to.id)}
            )
        attachments = backend.store_attachments(channel, files)
        return backend.create_message(channel, self.id, text, reference=reference, attachments=attachments)

    def edit(self, message: Message, text: str) -> None:
        self.peer.backend.edit_message(message.channel_id, message.id, {"content": text})

    def delete(self, message: Message) -> None:
        self.peer.backend.delete_message(message.channel_id, message.id)

    def slash(self, channel: int, name: str, **options: str | int | bool) -> Interaction:
        """Run a slash command that the bot has registered."""
        command = self._command(name, SLASH)
        known = {option["name"]: option for option in command["options"]}
        for option in known.values():
            assert not option.get("required") or option["name"] in options, f"/{name} needs {option['name']}"
        given = []
        for key, value in options.items():
            assert known[key]["type"] == KINDS[type(value)], f"/{name} {key} is no {type(value).__name__}"
            given.append({"name": key, "type": known[key]["type"], "value": value})
        return self._interact(COMMAND, channel, {**_head(command), "options": given})

    def type_into(self, channel: int, name: str, option: str, typed: str) -> Interaction:
        """Type into an option that is completed."""
        command = self._command(name, SLASH)
        assert next(one for one in command["options"] if one["name"] == option)["autocomplete"]
        given = [{"name": option, "type": 3, "value": typed, "focused": True}]
        return self._interact(AUTOCOMPLETE, channel, {**_head(command), "options": given})

    def menu(self, name: str, message: Message) -> Interaction:
        """Run a message command on a message."""
        shown = dict(serializers.message_payload(self.peer.backend, message))
        data = {"target_id": str(message.id), "resolved": {"messages": {str(message.id): shown}}}
        return self._interact(COMMAND, message.channel_id, {**_head(self._command(name, MESSAGE_COMMAND)), **data})

    def press(self, message: Message, label: str) -> Interaction:
        """Press the one button with this label or emoji."""
        (found,) = [button for button in buttons(message) if label in (button.get("label"), _emoji(button))]
        assert not found.get("disabled"), f"{label} cannot be pressed"
        return self._on(message, {"custom_id": found["custom_id"], "component_type": 2})

    def choose(self, message: Message, custom_id: str, values: Sequence[str], kind: int = 3) -> Interaction:
        """Choose in a select menu."""
        (found,) = [one for one in walk_components(message.components) if one.get("custom_id") == custom_id]
        assert found["type"] == kind
        data: dict[str, Any] = {"custom_id": custom_id, "component_type": kind, "values": list(values)}
        if kind == 8:
            channels = {}
            for value in values:
                channel = self.peer.backend.get_channel(int(value))
                channels[value] = {**serializers.channel_payload(self.peer.backend, channel), "permissions": "0"}
            data["resolved"] = {"channels": channels}
        if kind == 5:
            users = {v: dict(serializers.user_payload(self.peer.backend.users[int(v)])) for v in values}
            data["resolved"] = {"users": users}
        if kind == 6:
            guild = self.peer.backend.get_guild(self.guild)
            data["resolved"] = {"roles": {v: dict(serializers.role_payload(guild.roles[int(v)])) for v in values}}
        return self._on(message, data)

    def submit(self, shown: Interaction, **values: Any) -> Interaction:
        """Fill in a modal and send it; a text is typed, a list is chosen."""
        assert shown.modal is not None, "there is no modal"
        assert not shown.modal_consumed
        filled = [_filled(component, values) for component in shown.modal["components"]]
        assert not values, f"the modal has no {list(values)}"
        shown.modal_consumed = True
        data = {"custom_id": shown.modal["custom_id"], "components": filled}
        source = None
        if shown.source_message_id is not None:
            source = self.peer.backend.get_message(shown.channel_id, shown.source_message_id)
        return self._interact(MODAL, shown.channel_id, data, source)

    def _on(self, message: Message, data: dict[str, Any]) -> Interaction:
        assert message.visible_to(self.id), "nobody presses what they do not see"
        return self._interact(COMPONENT, message.channel_id, data, message)

    def _interact(self, kind: int, channel: int, data: dict[str, Any], message: Message | None = None) -> Interaction:
        backend = self.peer.backend
        record, payload = interactions.base_payload(
            backend, type=kind, channel_id=channel, guild_id=self.guild or None, user_id=self.id, data=data
        )
        record.initial_response_deadline = backend.iso_after(self.peer.patience)
        payload["locale"] = self.locale
        if message is not None:
            record.source_message_id = message.id
            payload["message"] = dict(serializers.message_payload(backend, message))
        backend.emit("INTERACTION_CREATE", payload)
        return record

    def _command(self, name: str, kind: int) -> dict[str, Any]:
        command = self.peer.backend.find_command(name, self.guild or None, kind)
        assert command is not None, f"{name} is not registered"
        return command

    def _may(self, channel: int, *permissions: str) -> None:
        if self.guild:
            self.peer.backend.require_permissions(self.guild, self.id, channel, *permissions)


@dataclass
class World:
    """A guild with a few channels and people."""

    peer: Peer
    guild: int
    general: int
    support: int
    forum: int
    ann: Person
    ben: Person
    moderator: Person


def world(peer: Peer) -> World:
    backend = peer.backend
    guild = backend.create_guild("Harbour").id
    everyone = backend.get_guild(guild).roles[guild].permissions
    moderators = backend.create_role(guild, "moderators", permissions=everyone | (1 << 5) | (1 << 13)).id
    people = []
    for name, roles in (("ann", ()), ("ben", ()), ("mo", (moderators,))):
        user = backend.make_user(name)
        backend.add_member(guild, user.id, roles=roles, announce=True)
        people.append(Person(peer, user.id, guild))
    channels = [
        backend.create_channel(guild, "general").id,
        backend.create_channel(guild, "support").id,
        backend.create_channel(guild, "questions", type=ChannelType.FORUM).id,
    ]
    return World(peer, guild, *channels, *people)


def restrict_to_adults(peer: Peer, channel: int) -> None:
    """Somebody has marked a channel as age-restricted; the peer's rules do not know of it, its events do."""
    payload = dict(serializers.channel_payload(peer.backend, peer.backend.get_channel(channel)))
    peer.backend.emit("CHANNEL_UPDATE", {**payload, "nsfw": True})


def text_of(message: Message) -> str:
    """All the words that stand in a message."""
    return "\n".join(one["content"] for one in walk_components(message.components) if one.get("type") == 10)


def buttons(message: Message) -> list[dict[str, Any]]:
    return [one for one in walk_components(message.components) if one.get("type") == 2]


def custom_ids(message: Message) -> list[str]:
    """What the buttons of a message send, in order."""
    return [str(button.get("custom_id", "")) for button in buttons(message)]


def labels(message: Message) -> list[str]:
    """What the buttons of a message say, in order."""
    return [button.get("label") or _emoji(button) for button in buttons(message)]


def _emoji(button: dict[str, Any]) -> str:
    return str((button.get("emoji") or {}).get("name", ""))


def _head(command: dict[str, Any]) -> dict[str, Any]:
    return {"id": command["id"], "name": command["name"], "type": command["type"]}


def _filled(component: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """A component of a modal as it comes back."""
    inner = component.get("component")
    if inner is None:
        return {"type": component["type"], "id": component.get("id", 0)}
    value = values.pop(inner["custom_id"], None)
    said: dict[str, Any] = {"type": inner["type"], "custom_id": inner["custom_id"], "id": inner.get("id", 0)}
    if inner["type"] == 4:
        typed = value or ""
        assert typed or not inner.get("required", True)
        assert len(typed) <= inner.get("max_length", 4000)
        said["value"] = typed
    else:
        known = {option["value"] for option in inner.get("options", ())}
        chosen = list(value or ())
        assert set(chosen) <= known
        said["values"] = chosen
    return {"type": component["type"], "id": component.get("id", 0), "component": said}


def modal_words(record: Interaction) -> Iterator[str]:
    """The labels of a modal."""
    assert record.modal is not None
    for component in record.modal["components"]:
        yield str(component.get("label", ""))
