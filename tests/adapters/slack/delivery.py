"""How the workspace reaches the app: Socket Mode with retries and refreshes, or signed HTTP; and what its people do."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import WSMsgType, web

from tests.adapters.slack.peer import APP, BOT, TEAM, Message, Slack, event_of

SECRET = "a-signing-secret"


@dataclass
class Delivery:
    """An envelope or request: how often it was sent, and after how many seconds it was acknowledged."""

    payload: dict[str, Any]
    sent: float = field(default_factory=time.monotonic)
    tries: int = 0
    seconds: float | None = None
    status: int = 0
    answer: dict[str, Any] = field(default_factory=dict)
    acknowledged: asyncio.Event = field(default_factory=asyncio.Event)


class Workspace(Slack):
    """Slack with people in it. Delivers over the sockets that are connected, or to `http_url` when it is set."""

    def __init__(self) -> None:
        super().__init__()
        self.sockets: list[web.WebSocketResponse] = []
        self.connections = 0
        self.envelopes: dict[str, Delivery] = {}
        self.patience = 3.0
        self.deaf = 0
        """So many acknowledgements are lost on their way."""
        self.http_url = ""
        self.pages_url = ""
        self._tasks: set[asyncio.Task[None]] = set()

    def application(self) -> web.Application:
        application = super().application()
        application.router.add_get("/link", self._link)
        return application

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for socket in list(self.sockets):
            await socket.close()
        await super().close()

    # -- Socket Mode -----------------------------------------------------------------------------------------

    def _apps_connections_open(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"url": f"{self.url.replace('http', 'ws')}/link?ticket={self.number()}"}

    async def _link(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=True)
        await socket.prepare(request)
        hello = {"type": "hello", "num_connections": 1, "connection_info": {"app_id": APP}, "debug_info": {}}
        await socket.send_json(hello)
        self.sockets.append(socket)
        self.connections += 1
        self.changed.set()
        try:
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    self._acknowledge(json.loads(message.data))
        finally:
            self.sockets.remove(socket)
        return socket

    def _acknowledge(self, answer: dict[str, Any]) -> None:
        if self.deaf:
            self.deaf -= 1
            return
        delivery = self.envelopes.get(answer.get("envelope_id", ""))
        if delivery is not None and delivery.seconds is None:
            delivery.seconds = time.monotonic() - delivery.sent
            delivery.answer = answer.get("payload") or {}
            delivery.acknowledged.set()
            self.changed.set()

    async def connected(self, connections: int = 1) -> None:
        """Wait until the app has connected so many times."""
        await self.until(lambda: self.connections >= connections and self.sockets, 120)

    async def refresh(self) -> None:
        """Ask for a new connection, as Slack does every few hours, and close the old one."""
        for socket in list(self.sockets):
            await socket.send_json({"type": "disconnect", "reason": "refresh_requested", "debug_info": {}})

    def drop(self) -> None:
        """Cut every connection without a word."""
        for socket in list(self.sockets):
            if socket._req is not None and socket._req.transport is not None:
                socket._req.transport.abort()

    def deliver(self, kind: str, payload: dict[str, Any]) -> Delivery:
        """Send an envelope until it is acknowledged, or a request over HTTP."""
        delivery = Delivery(payload)
        task = asyncio.create_task(self._deliver(kind, delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return delivery

    async def _deliver(self, kind: str, delivery: Delivery) -> None:
        if self.http_url:
            await self._post(kind, delivery)
            return
        envelope_id = f"e{self.number()}"
        self.envelopes[envelope_id] = delivery
        while delivery.seconds is None and delivery.tries < 4:
            while not self.sockets:
                self.changed.clear()
                await self.changed.wait()
            envelope: dict[str, Any] = {
                "type": kind, "envelope_id": envelope_id, "payload": delivery.payload, "accepts_response_payload": True,
            }  # fmt: skip
            if delivery.tries:
                envelope |= {"retry_attempt": delivery.tries, "retry_reason": "timeout"}
            delivery.tries += 1
            try:
                await self.sockets[-1].send_json(envelope)
            except ConnectionError:
                continue
            try:
                async with asyncio.timeout(self.patience):
                    await delivery.acknowledged.wait()
            except TimeoutError:
                continue

    async def _post(self, kind: str, delivery: Delivery) -> None:
        body, content_type = encoded(kind, delivery.payload)
        delivery.status, text = await post_signed(self.http_url, body, content_type)
        delivery.answer = json.loads(text) if text.startswith("{") else {}
        delivery.seconds = time.monotonic() - delivery.sent
        delivery.acknowledged.set()

    # -- what people do --------------------------------------------------------------------------------------

    def event(self, event: dict[str, Any]) -> Delivery:
        """Deliver an event of the Events API."""
        payload = {
            "type": "event_callback", "team_id": TEAM, "api_app_id": APP, "event_id": f"Ev{self.number()}",
            "event_time": int(time.time()), "authorizations": [{"team_id": TEAM, "user_id": BOT, "is_bot": True}],
            "event": {"event_ts": event.get("ts", self.new_ts()), **event},
        }  # fmt: skip
        return self.deliver("events_api", payload)

    def say(self, user: str, channel: str, text: str, /, *, thread: str = "", **more: Any) -> Message:
        """Somebody writes; a mention is delivered twice, as Slack does."""
        message = Message(channel, self.new_ts(), user, text, thread=thread)
        message.files, message.attachments = more.get("files", []), more.get("attachments", [])
        self.messages[channel, message.ts] = message
        event = (
            event_of(message) | {"team": TEAM, "channel_type": "im" if channel.startswith("D") else "channel"} | more
        )
        if BOT in self.members[channel]:
            self.event(event)
            if f"<@{BOT}>" in text and not channel.startswith("D"):
                self.event({**event, "type": "app_mention"})
        return message

    def edit(self, message: Message, text: str) -> Delivery:
        """Its author writes a message anew."""
        before, message.text = event_of(message), text
        after = event_of(message) | {"edited": {"user": message.user, "ts": self.new_ts()}}
        return self.event({**self._changed(message), "message": after, "previous_message": before})

    def unfurl(self, message: Message) -> Delivery:
        """Slack shows what a link leads to."""
        shown = event_of(message) | {"attachments": [{"from_url": "https://example.org", "text": "A page"}]}
        return self.event({**self._changed(message), "message": shown, "previous_message": event_of(message)})

    def delete(self, message: Message) -> Delivery:
        """Its author takes a message away; one that has replies becomes a tombstone."""
        before = event_of(message)
        del self.messages[message.channel, message.ts]
        if any(other.thread == message.ts for other in self.messages.values()):
            gone = {"type": "message", "subtype": "tombstone", "ts": message.ts, "user": "USLACKBOT"}
            return self.event({**self._changed(message), "message": gone, "previous_message": before})
        changed = self._changed(message) | {"subtype": "message_deleted", "deleted_ts": message.ts}
        return self.event({**changed, "previous_message": before})

    def _changed(self, message: Message) -> dict[str, Any]:
        return {
            "type": "message", "subtype": "message_changed", "hidden": True, "channel": message.channel,
            "ts": self.new_ts(),
        }  # fmt: skip

    def command(self, user: str, channel: str, text: str, *, name: str = "/parley") -> Delivery:
        payload = {
            "command": name, "text": text, "user_id": user, "user_name": user.lower(), "team_id": TEAM,
            "channel_id": channel, "channel_name": "x", "trigger_id": self.trigger(), "api_app_id": APP,
            "response_url": self.response_url(channel, user),
        }  # fmt: skip
        return self.deliver("slash_commands", payload)

    def press(self, user: str, message: Message, label: str) -> Delivery:
        """Press the control that is called `label` under a message."""
        element, value = _find(message, label)
        action = {"action_id": element["action_id"], "type": element["type"], "value": value, "block_id": "b"}
        return self.deliver("interactive", self._pressed(user, message, action))

    def _pressed(self, user: str, message: Message, action: dict[str, Any]) -> dict[str, Any]:
        container: dict[str, Any] = {
            "type": "message", "message_ts": message.ts, "channel_id": message.channel,
            "is_ephemeral": bool(message.ephemeral),
        }  # fmt: skip
        if message.thread:
            container["thread_ts"] = message.thread
        payload: dict[str, Any] = {
            "type": "block_actions", "user": {"id": user, "team_id": TEAM}, "team": {"id": TEAM}, "api_app_id": APP,
            "container": container, "channel": {"id": message.channel}, "trigger_id": self.trigger(),
            "response_url": self.response_url(message.channel, user, message.ts), "actions": [action],
        }  # fmt: skip
        if not message.ephemeral:
            payload["message"] = event_of(message)
        return payload

    def suggest(self, user: str, action: str, typed: str) -> Delivery:
        """Somebody types into a box of a form that completes words."""
        payload = {
            "type": "block_suggestion", "user": {"id": user}, "team": {"id": TEAM}, "api_app_id": APP,
            "action_id": action, "block_id": "b", "value": typed, "container": {"type": "view", "view_id": "V0"},
        }  # fmt: skip
        return self.deliver("interactive", payload)

    def pick(self, user: str, view: dict[str, Any], action: str, **chosen: Any) -> Delivery:
        """Choose something in a form that reacts to it."""
        payload = {
            "type": "block_actions", "user": {"id": user, "team_id": TEAM}, "team": {"id": TEAM}, "api_app_id": APP,
            "container": {"type": "view", "view_id": view["id"]}, "view": view, "trigger_id": self.trigger(),
            "actions": [{"action_id": action, "type": "conversations_select", "block_id": "b", **chosen}],
        }  # fmt: skip
        return self.deliver("interactive", payload)

    def press_home(self, user: str, label: str) -> Delivery:
        """Press a button of a person's Home tab."""
        view = self.homes[user]
        elements = [one for block in view["blocks"] for one in block.get("elements", []) if "action_id" in one]
        element = next(one for one in elements if one["text"]["text"] == label)
        payload = {
            "type": "block_actions", "user": {"id": user, "team_id": TEAM}, "team": {"id": TEAM}, "api_app_id": APP,
            "container": {"type": "view", "view_id": "V0"}, "view": view, "trigger_id": self.trigger(),
            "actions": [{"action_id": element["action_id"], "type": "button", "block_id": "b"}],
        }  # fmt: skip
        return self.deliver("interactive", payload)

    def shortcut(self, user: str, callback: str, message: Message) -> Delivery:
        payload = {
            "type": "message_action", "callback_id": callback, "trigger_id": self.trigger(), "team": {"id": TEAM},
            "user": {"id": user, "team_id": TEAM}, "channel": {"id": message.channel}, "message_ts": message.ts,
            "message": event_of(message), "response_url": self.response_url(message.channel, user),
        }  # fmt: skip
        return self.deliver("interactive", payload)

    def submit(self, user: str, view: dict[str, Any], values: dict[str, dict[str, Any]]) -> Delivery:
        """Send a form in; `values` by block and action."""
        filled = {**view, "state": {"values": values}}
        payload = {
            "type": "view_submission", "team": {"id": TEAM}, "user": {"id": user, "team_id": TEAM}, "view": filled,
            "trigger_id": self.trigger(), "api_app_id": APP,
        }  # fmt: skip
        return self.deliver("interactive", payload)

    def stop(self, user: str, channel: str, thread: str) -> Delivery:
        """Slack's own Stop button: open streams are closed, the app is told."""
        streams = [m for m in self.by_bot(channel, thread=thread) if m.stream == "open"]
        for message in streams:
            message.stream = "ended"
        event = {
            "type": "agent_session_stopped", "channel": channel, "thread_ts": thread, "user": user,
            "streaming_message_ts": [message.ts for message in streams],
        }  # fmt: skip
        return self.event(event)


def _find(message: Message, label: str) -> tuple[dict[str, Any], str]:
    for element in message.elements():
        if element["type"] == "feedback_buttons":
            for side in ("positive_button", "negative_button"):
                if element[side]["text"]["text"] == label:
                    return element, element[side]["value"]
        elif element.get("text", {}).get("text") == label:
            return element, element.get("value", "")
    raise AssertionError(f"no {label} under {message.labels()}")


def encoded(kind: str, payload: dict[str, Any]) -> tuple[bytes, str]:
    """A payload as it comes over HTTP: events as JSON, the rest as forms."""
    if kind == "events_api":
        return json.dumps(payload).encode(), "application/json"
    form = payload if kind == "slash_commands" else {"payload": json.dumps(payload)}
    return urlencode(form).encode(), "application/x-www-form-urlencoded"


async def post_signed(
    url: str, body: bytes, content_type: str, *, secret: str = SECRET, age: float = 0.0
) -> tuple[int, str]:
    """Post as Slack signs it; gives the status and what was answered."""
    stamp = str(int(time.time() - age))
    mac = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": content_type, "X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={mac}",
    }  # fmt: skip
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as answer:
        return answer.status, await answer.text()
