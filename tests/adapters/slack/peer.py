"""Slack on loopback, as strict as the true one: Web API, files, response_urls; Socket Mode is in socket.py."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.adapters.slack.rules import breaks_schema, wrong_blocks, wrong_view

TEAM, BOT, APP = "T0TEAM", "U0BOT", "A0APP"
BOT_TOKEN = "xoxb-" + "test-0000-bot"
APP_TOKEN = "xapp-" + "1-A0APP-0000-app"
CONFIG_TOKEN = "xoxe.xoxp-" + "test-0000-config"
OTHER_TEAM = "T1OTHER"
CLIENT = ("client-1", "client-secret-1")
CODE = "the-code-slack-gave"
NO_JSON = frozenset(
    "conversations.replies conversations.history conversations.info users.info files.getUploadURLExternal files.info "
    "files.completeUploadExternal auth.test apps.connections.open".split()
)
SCOPES = frozenset(
    "app_mentions:read assistant:write channels:history chat:write commands files:read files:write groups:history "
    "im:history im:write mpim:history users:read".split()
)
NEEDS = {
    "chat.postMessage": "chat:write", "chat.update": "chat:write", "chat.postEphemeral": "chat:write",
    "chat.delete": "chat:write", "chat.startStream": "chat:write", "chat.appendStream": "chat:write",
    "chat.stopStream": "chat:write", "agents.sessions.setStatus": "chat:write",
    "assistant.threads.setStatus": "chat:write", "users.info": "users:read", "files.info": "files:read",
    "files.getUploadURLExternal": "files:write", "files.completeUploadExternal": "files:write",
    "conversations.open": "im:write", "conversations.replies": "channels:history",
}  # fmt: skip
PING = re.compile(r"<(?:@[UW]|!)")


@dataclass
class Message:
    """A message as it stands. `ephemeral` names its only reader.

    `stream`: "" for none, open, closed by the app, or ended by Slack.
    """

    channel: str
    ts: str
    user: str
    text: str = ""
    blocks: list[dict[str, Any]] = field(default_factory=list)
    thread: str = ""
    ephemeral: str = ""
    stream: str = ""
    streamed: str = ""
    started: float = 0.0
    pieces: int = 0
    tasks: dict[str, tuple[str, str]] = field(default_factory=dict)
    edits: int = 0
    files: list[dict[str, Any]] = field(default_factory=list)
    attachments: list[dict[str, Any]] = field(default_factory=list)

    @property
    def shown(self) -> str:
        """What a person reads of its words."""
        said = "".join(str(block["text"]) for block in self.blocks if block["type"] == "markdown")
        return self.streamed + said or self.text

    def elements(self) -> list[dict[str, Any]]:
        return [element for block in self.blocks for element in block.get("elements", []) if "action_id" in element]

    def labels(self) -> list[str]:
        """The labels of the buttons."""
        return [element["text"]["text"] for element in self.elements() if element["type"] == "button"]


@dataclass
class Call:
    """One call of the Web API, and what it was answered."""

    method: str
    arguments: dict[str, Any]
    at: float
    error: str = ""
    token: str = ""


class Refusal(Exception):
    def __init__(self, error: str, messages: tuple[str, ...] = (), **more: Any) -> None:
        super().__init__(error)
        self.error = error
        self.more = more | ({"response_metadata": {"messages": list(messages)}} if messages else {})


class Slack:
    """A workspace. `faults[method]` are what the next calls of a method meet: a number is an HTTP status."""

    def __init__(self) -> None:
        self.messages: dict[tuple[str, str], Message] = {}
        self.members: dict[str, set[str]] = {
            "C0TALK": {BOT, "U0ANN", "U0BEN", "U0EVE"}, "C0HELP": {BOT, "U0ANN", "U0BEN"}, "C0ELSE": {"U0ANN", "U0BEN"},
            "D0ANN": {BOT, "U0ANN"}, "D0BEN": {BOT, "U0BEN"}, "D0OTHERS": {"U0ANN", "U0BEN"},
        }  # fmt: skip
        self.people: dict[str, dict[str, Any]] = {
            "U0ANN": {"id": "U0ANN", "name": "ann", "locale": "en-US", "profile": {"display_name": "Ann Lee"}},
            "U0BEN": {
                "id": "U0BEN", "name": "ben", "locale": "de-DE", "is_admin": True, "profile": {"display_name": "Ben"},
            },
            "U0EVE": {"id": "U0EVE", "name": "eve", "locale": "en-US", "profile": {"display_name": "Eve"}},
            BOT: {"id": BOT, "name": "parley", "is_bot": True, "profile": {"display_name": "Parley"}},
        }  # fmt: skip
        self.calls: list[Call] = []
        self.faults: defaultdict[str, deque[object]] = defaultdict(deque)
        self.limits: dict[str, tuple[int, float]] = {}
        self.scopes = set(SCOPES)
        self.tokens = {BOT_TOKEN: TEAM}
        self.refresh_tokens: dict[str, str] = {}
        self.token_seconds = 0
        self.manifest: dict[str, Any] = {}
        self.caller = TEAM
        self.violations: list[str] = []
        self.pings: list[str] = []
        self.statuses: list[tuple[str, str, str]] = []
        self.sessions: dict[tuple[str, str], str] = {}
        self.views: dict[str, dict[str, Any]] = {}
        self.prompts: dict[str, list[dict[str, str]]] = {}
        self.homes: dict[str, dict[str, Any]] = {}
        self.uploads: dict[str, dict[str, Any]] = {}
        self.shared: list[dict[str, Any]] = []
        self.stored: dict[str, tuple[str, bytes]] = {}
        self.stream_seconds = 300.0
        self.trigger_seconds = 3.0
        self.triggers: dict[str, float] = {}
        self.response_urls: Counter[str] = Counter()
        self.responses: dict[str, tuple[str, str, str]] = {}
        self.url = ""
        self.changed = asyncio.Event()
        self._numbers = itertools.count(1)
        self._runner: web.AppRunner | None = None

    # -- life ----------------------------------------------------------------------------------------------

    def application(self) -> web.Application:
        application = web.Application(client_max_size=64 * 2**20)
        application.router.add_route("*", "/api/{method}", self._api)
        application.router.add_post("/response/{id}", self._respond)
        application.router.add_post("/upload/{id}", self._upload)
        application.router.add_get("/files/{id}/{name}", self._download)
        return application

    async def start(self) -> None:
        self._runner = web.AppRunner(self.application(), access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"

    def number(self) -> int:
        return next(self._numbers)

    def new_ts(self) -> str:
        return f"{int(time.time())}.{self.number():06d}"

    # -- what a test looks at --------------------------------------------------------------------------------

    def called(self, method: str) -> list[Call]:
        """The calls of a method that went through."""
        return [call for call in self.calls if call.method == method and not call.error]

    def by_bot(self, channel: str = "", *, thread: str | None = None, reader: str = "") -> list[Message]:
        """The bot's messages, oldest first: public ones, or those only `reader` sees."""
        found = [m for m in self.messages.values() if m.user == BOT and m.ephemeral == reader]
        found = [m for m in found if not channel or m.channel == channel]
        return [m for m in found if thread is None or m.thread == thread]

    async def until(self, condition: Any, seconds: float = 60.0) -> Any:
        """Wait until `condition()` is true, looking after each change; gives its value."""
        async with asyncio.timeout(seconds):
            while not (value := condition()):
                self.changed.clear()
                await self.changed.wait()
        return value

    async def answer(self, channel: str, thread: str, count: int = 1, seconds: float = 60.0) -> Message:
        """The bot's `count`-th message in a thread, once it is finished."""
        return await self._finished(count, seconds, channel=channel, thread=thread)

    async def whispered(self, reader: str, count: int = 1, seconds: float = 60.0) -> Message:
        """The `count`-th message that only `reader` sees, once it is finished."""
        return await self._finished(count, seconds, reader=reader)

    async def _finished(self, count: int, seconds: float, **where: str) -> Message:
        def look() -> Message | None:
            found = self.by_bot(**where)
            return found[count - 1] if len(found) >= count and _finished(found[count - 1]) else None

        message: Message = await self.until(look, seconds)
        return message

    def trigger(self) -> str:
        """A new trigger_id, good for three seconds."""
        made = f"{self.number()}.{TEAM}.trigger"
        self.triggers[made] = time.monotonic()
        return made

    def response_url(self, channel: str, user: str, ts: str = "") -> str:
        made = f"r{self.number()}"
        self.responses[made] = (channel, user, ts)
        return f"{self.url}/response/{made}"

    # -- Web API ---------------------------------------------------------------------------------------------

    async def _api(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        arguments = await _arguments(request, method)
        call = Call(method, arguments, time.monotonic())
        self.calls.append(call)
        headers = {"x-oauth-scopes": ",".join(sorted(self.scopes))}
        try:
            if self.faults[method]:
                fault = self.faults[method].popleft()
                if isinstance(fault, float):
                    await asyncio.sleep(fault)
                elif fault == "drop":
                    call.error = "drop"
                    assert request.transport is not None
                    request.transport.abort()
                    return web.Response()
                elif isinstance(fault, tuple):
                    call.error = "ratelimited"
                    limited = {"ok": False, "error": "ratelimited"}
                    return web.json_response(limited, status=429, headers={"Retry-After": str(fault[1])})
                elif isinstance(fault, int):
                    call.error = str(fault)
                    return web.Response(status=fault, text="upstream connect error")
                elif isinstance(fault, str):
                    raise Refusal(fault)
            self._limit(method)
            call.token = self._authorised(method, request, arguments)
            answer = await self._answer(method, arguments)
        except Refusal as refusal:
            call.error = refusal.error
            status = 429 if refusal.error == "ratelimited" else 200
            if status == 429:
                headers["Retry-After"] = str(refusal.more.pop("seconds"))
            return web.json_response(
                {"ok": False, "error": refusal.error, **refusal.more}, status=status, headers=headers
            )
        finally:
            self.changed.set()
        return web.json_response({"ok": True, **answer}, headers=headers)

    def _limit(self, method: str) -> None:
        if method in self.limits:
            most, seconds = self.limits[method]
            since = time.monotonic() - seconds
            if (
                sum(call.method == method and call.at > since and call.error != "ratelimited" for call in self.calls)
                > most
            ):
                raise Refusal("ratelimited", seconds=1)

    def _authorised(self, method: str, request: web.Request, arguments: dict[str, Any]) -> str:
        if method == "oauth.v2.access":
            return ""
        header = request.headers.get("Authorization", "").removeprefix("Bearer ")
        token = header or str(arguments.pop("token", ""))
        arguments.pop("token", None)
        special = {"apps.connections.open": APP_TOKEN, "apps.manifest.export": CONFIG_TOKEN}
        known = {special[method]: ""} if method in special else self.tokens
        if not token:
            raise Refusal("not_authed")
        if token not in known:
            raise Refusal("invalid_auth")
        self.caller = known[token]
        needed = NEEDS.get(method)
        if needed and needed not in self.scopes:
            raise Refusal("missing_scope", needed=needed, provided=",".join(sorted(self.scopes)))
        return token

    async def _answer(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        broken = breaks_schema(method, arguments)
        if broken:
            self.violations.append(broken)
            raise Refusal("invalid_arguments", (broken,))
        handler = getattr(self, "_" + method.replace(".", "_"), None)
        if handler is None:
            raise Refusal("unknown_method")
        answer: dict[str, Any] = handler(arguments)
        return answer

    def _auth_test(self, _: dict[str, Any]) -> dict[str, Any]:
        return {
            "user_id": BOT, "bot_id": "B0BOT", "team_id": self.caller, "team": "Test", "user": "parley",
            "url": self.url,
        }  # fmt: skip

    def _bots_info(self, given: dict[str, Any]) -> dict[str, Any]:
        if given.get("bot") != "B0BOT":
            raise Refusal("bot_not_found")
        return {"bot": {"id": "B0BOT", "app_id": APP}}

    def _apps_manifest_export(self, given: dict[str, Any]) -> dict[str, Any]:
        if given.get("app_id") != APP:
            raise Refusal("invalid_app_id")
        return {"manifest": self.manifest}

    def _oauth_v2_access(self, given: dict[str, Any]) -> dict[str, Any]:
        if (given.get("client_id"), given.get("client_secret")) != CLIENT:
            raise Refusal("bad_client_secret")
        if given.get("grant_type") == "refresh_token":
            team = self.refresh_tokens.pop(given.get("refresh_token", ""), "")
            if not team:
                raise Refusal("invalid_refresh_token")
            self.tokens = {token: of for token, of in self.tokens.items() if of != team}
        elif given.get("code") == CODE and given.get("redirect_uri"):
            team = OTHER_TEAM
        else:
            raise Refusal("invalid_code")
        number = self.number()
        token, refresh = f"xoxe.xoxb-1-installed-{number}", f"xoxe-1-refresh-{number}"
        self.tokens[token] = team
        answer: dict[str, Any] = {"access_token": token, "team": {"id": team, "name": "Other <b>"}, "scope": ""}
        if self.token_seconds:
            self.refresh_tokens[refresh] = team
            answer |= {"refresh_token": refresh, "expires_in": self.token_seconds}
        return answer

    def _users_info(self, given: dict[str, Any]) -> dict[str, Any]:
        if given.get("user") not in self.people:
            raise Refusal("user_not_found")
        return {"user": self.people[given["user"]]}

    def _conversations_open(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = f"D0{given['users'][2:]}"
        if channel not in self.members:
            raise Refusal("user_not_found")
        return {"channel": {"id": channel}}

    def _conversations_replies(self, given: dict[str, Any]) -> dict[str, Any]:
        channel, root = str(given.get("channel")), str(given.get("ts"))
        self._member(channel)
        found = [
            m for m in self.messages.values() if m.channel == channel and root in (m.ts, m.thread) and not m.ephemeral
        ]
        if not found:
            raise Refusal("thread_not_found")
        return {"messages": [event_of(message) for message in found][: int(given.get("limit", 100))]}

    def _conversations_history(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = str(given.get("channel"))
        self._member(channel)
        found = [m for m in self.messages.values() if m.channel == channel and not m.ephemeral and not m.thread]
        return {"messages": [event_of(message) for message in found[::-1]][: int(given.get("limit", 100))]}

    def _assistant_threads_setSuggestedPrompts(self, given: dict[str, Any]) -> dict[str, Any]:
        self._member(given.get("channel_id"))
        prompts = given.get("prompts", [])
        if not 1 <= len(prompts) <= 4 or any(not one.get("title") or not one.get("message") for one in prompts):
            raise Refusal("invalid_arguments")
        self.prompts[given["channel_id"]] = prompts
        return {}

    def _chat_postMessage(self, given: dict[str, Any]) -> dict[str, Any]:
        self._member(given.get("channel"))
        self._content(given)
        thread = given.get("thread_ts", "")
        if thread and (given["channel"], thread) not in self.messages:
            raise Refusal("thread_not_found")
        message = self._put(given, thread=thread)
        return {"ts": message.ts, "channel": message.channel}

    def _chat_postEphemeral(self, given: dict[str, Any]) -> dict[str, Any]:
        self._member(given.get("channel"))
        if given.get("user") not in self.members[given["channel"]]:
            raise Refusal("user_not_in_channel")
        self._content(given)
        message = self._put(given, thread=given.get("thread_ts", ""), ephemeral=given["user"])
        return {"message_ts": message.ts}

    def _chat_update(self, given: dict[str, Any]) -> dict[str, Any]:
        message = self._own(given, "cant_update_message")
        if self._streams(message):
            raise Refusal("streaming_state_conflict")
        self._content(given)
        message.text = given.get("text", message.text)
        if "blocks" in given:
            message.blocks, message.streamed = given["blocks"], ""
        message.edits += 1
        self._check_pings(given)
        return {"ts": message.ts, "channel": message.channel}

    def _chat_delete(self, given: dict[str, Any]) -> dict[str, Any]:
        message = self._own(given, "cant_delete_message")
        del self.messages[message.channel, message.ts]
        return {"ts": message.ts}

    def _chat_startStream(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = given.get("channel", "")
        self._member(channel)
        if not given.get("thread_ts"):
            raise Refusal("invalid_arguments", ("thread_ts is required",))
        if not channel.startswith("D"):
            for name in ("recipient_team_id", "recipient_user_id"):
                if not given.get(name):
                    raise Refusal(f"missing_{name}")
        if (channel, given["thread_ts"]) not in self.messages:
            raise Refusal("thread_not_found")
        self._piece(given)
        message = self._put({"channel": channel}, thread=given["thread_ts"])
        message.stream, message.started = "open", time.monotonic()
        self._stream(message, given)
        return {"ts": message.ts, "channel": channel}

    def _chat_appendStream(self, given: dict[str, Any]) -> dict[str, Any]:
        message = self._own(given, "message_not_owned_by_app")
        self._piece(given)
        if not self._streams(message):
            raise Refusal("message_not_in_streaming_state")
        if not given.get("markdown_text") and not given.get("chunks"):
            raise Refusal("no_text")
        self._stream(message, given)
        return {"ts": message.ts}

    def _chat_stopStream(self, given: dict[str, Any]) -> dict[str, Any]:
        message = self._own(given, "message_not_owned_by_app")
        self._piece(given)
        if not self._streams(message):
            raise Refusal("message_not_in_streaming_state")
        self._blocks(given)
        self._stream(message, given)
        message.stream, message.blocks = "closed", given.get("blocks", [])
        if "session_status" in given:
            self.sessions[message.channel, message.thread] = given["session_status"]
        return {"ts": message.ts}

    def _agents_sessions_setStatus(self, given: dict[str, Any]) -> dict[str, Any]:
        self._member(given.get("channel_id"))
        if given.get("status") not in ("active", "processing", "suspended", "closed") or not given.get("thread_ts"):
            raise Refusal("invalid_arguments")
        if len(given.get("title", "")) > 200:
            raise Refusal("invalid_arguments", ("title: at most 200 characters",))
        self.sessions[given["channel_id"], given["thread_ts"]] = given["status"]
        return {"status": given["status"]}

    def _assistant_threads_setStatus(self, given: dict[str, Any]) -> dict[str, Any]:
        self._member(given.get("channel_id"))
        if "thread_ts" not in given or "status" not in given or len(given.get("loading_messages", [])) > 10:
            raise Refusal("invalid_arguments")
        words = (given.get("loading_messages") or [given["status"]])[0] if given["status"] else ""
        self.statuses.append((given["channel_id"], given["thread_ts"], words))
        return {}

    def _views_open(self, given: dict[str, Any]) -> dict[str, Any]:
        self._spend(given.get("trigger_id", ""))
        return {"view": self._keep_view(given["view"])}

    def _views_update(self, given: dict[str, Any]) -> dict[str, Any]:
        if given.get("view_id") not in self.views:
            raise Refusal("not_found")
        if wrong := wrong_view(given["view"]):
            raise Refusal("invalid_arguments", (wrong,))
        self.views[given["view_id"]] |= given["view"]
        return {"view": self.views[given["view_id"]]}

    def _views_publish(self, given: dict[str, Any]) -> dict[str, Any]:
        if wrong := wrong_view(given["view"]):
            raise Refusal("invalid_arguments", (wrong,))
        self.homes[given["user_id"]] = given["view"]
        return {"view": given["view"]}

    def _files_info(self, given: dict[str, Any]) -> dict[str, Any]:
        if given.get("file") not in self.stored:
            raise Refusal("file_not_found")
        return {"file": self.file_of(given["file"])}

    def _files_getUploadURLExternal(self, given: dict[str, Any]) -> dict[str, Any]:
        if not given.get("filename") or int(given.get("length", 0)) <= 0:
            raise Refusal("invalid_arguments")
        file_id = f"F{self.number()}"
        self.uploads[file_id] = {"name": given["filename"], "length": int(given["length"]), "content": b""}
        return {"file_id": file_id, "upload_url": f"{self.url}/upload/{file_id}"}

    def _files_completeUploadExternal(self, given: dict[str, Any]) -> dict[str, Any]:
        self._member(given.get("channel_id"))
        for file in json.loads(given["files"]):
            upload = self.uploads[file["id"]]
            if len(upload["content"]) != upload["length"]:
                raise Refusal("file_not_found")
            self.shared.append({**upload, "channel": given["channel_id"], "thread": given.get("thread_ts", "")})
        return {"files": []}

    # -- rules -----------------------------------------------------------------------------------------------

    def _member(self, channel: object) -> None:
        if channel not in self.members or (str(channel).startswith("D") and BOT not in self.members[str(channel)]):
            raise Refusal("channel_not_found")
        if BOT not in self.members[str(channel)]:
            raise Refusal("not_in_channel")

    def _own(self, given: dict[str, Any], error: str) -> Message:
        message = self.messages.get((given.get("channel", ""), given.get("ts", "")))
        if message is None or message.ephemeral:
            raise Refusal("message_not_found")
        if message.user != BOT:
            raise Refusal(error)
        return message

    def _content(self, given: dict[str, Any]) -> None:
        if not given.get("text") and not given.get("blocks"):
            raise Refusal("no_text")
        if len(given.get("text", "")) > 40_000:
            raise Refusal("msg_too_long")
        self._blocks(given)

    def _blocks(self, given: dict[str, Any]) -> None:
        if "blocks" in given and (wrong := wrong_blocks(given["blocks"])):
            raise Refusal("invalid_blocks", (wrong,))

    def _piece(self, given: dict[str, Any]) -> None:
        if len(given.get("markdown_text", "")) > 12_000:
            raise Refusal("msg_too_long")
        if "markdown_text" in given and "chunks" in given:
            raise Refusal("markdown_text_conflict")

    def _streams(self, message: Message) -> bool:
        if message.stream == "open" and time.monotonic() - message.started > self.stream_seconds:
            message.stream = "ended"
        return message.stream == "open"

    def _stream(self, message: Message, given: dict[str, Any]) -> None:
        text = given.get("markdown_text", "")
        for chunk in given.get("chunks", []):
            if chunk["type"] == "task_update":
                message.tasks[chunk["id"]] = (chunk["title"], chunk["status"])
            text += chunk.get("text", "")
        message.streamed += text
        message.pieces += bool(text)
        self._check_pings(given)

    def _put(self, given: Mapping[str, Any], *, thread: str, ephemeral: str = "") -> Message:
        message = Message(
            given["channel"], self.new_ts(), BOT, given.get("text", ""), given.get("blocks", []), thread, ephemeral
        )
        self.messages[message.channel, message.ts] = message
        self._check_pings(given)
        return message

    def _check_pings(self, given: Mapping[str, Any]) -> None:
        if PING.search(json.dumps(given)):
            self.pings.append(json.dumps(given)[:300])

    def _spend(self, trigger: str) -> None:
        made = self.triggers.pop(trigger, None)
        if made is None:
            raise Refusal("invalid_trigger_id")
        if time.monotonic() - made > self.trigger_seconds:
            raise Refusal("expired_trigger_id")

    def _keep_view(self, view: dict[str, Any]) -> dict[str, Any]:
        if wrong := wrong_view(view):
            raise Refusal("invalid_arguments", (wrong,))
        kept = {"id": f"V{self.number()}", "hash": "1", "state": {"values": {}}, **view}
        self.views[kept["id"]] = kept
        return kept

    # -- files and response_urls -----------------------------------------------------------------------------

    def file_of(self, file_id: str, **more: Any) -> dict[str, Any]:
        name, content = self.stored[file_id]
        url = f"{self.url}/files/{file_id}/{name}"
        return {
            "id": file_id, "name": name, "mimetype": "text/plain", "size": len(content), "mode": "hosted",
            "url_private": url, "url_private_download": url, **more,
        }  # fmt: skip

    async def _download(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {BOT_TOKEN}":
            return web.Response(text="<html>Sign in</html>", content_type="text/html")
        return web.Response(body=self.stored[request.match_info["id"]][1], content_type="application/octet-stream")

    async def _upload(self, request: web.Request) -> web.Response:
        self.uploads[request.match_info["id"]]["content"] = await request.read()
        return web.Response(text="OK")

    async def _respond(self, request: web.Request) -> web.Response:
        known = self.responses.get(request.match_info["id"])
        body = await request.json()
        self.response_urls[request.match_info["id"]] += 1
        if broken := breaks_schema("response_url", body):
            self.violations.append(broken)
        try:
            if self.faults["response_url"]:
                fault = self.faults["response_url"].popleft()
                if isinstance(fault, tuple):
                    return web.json_response({"ok": False}, status=429, headers={"Retry-After": str(fault[1])})
                return web.Response(status=int(str(fault)))
            if known is None or self.response_urls[request.match_info["id"]] > 5:
                return web.json_response({"ok": False, "error": "used_url"}, status=404)
            channel, user, ts = known
            if body.get("delete_original"):
                self.messages.pop((channel, ts), None)
                return web.Response(text="ok")
            try:
                self._content(body)
            except Refusal as refusal:
                return web.json_response({"ok": False, "error": refusal.error}, status=400)
            reader = user if body.get("response_type", "ephemeral") == "ephemeral" else ""
            if body.get("replace_original") and (channel, ts) in self.messages:
                message = self.messages[channel, ts]
                message.text, message.blocks = body.get("text", ""), body.get("blocks", [])
                message.edits += 1
                self._check_pings(body)
            else:
                message = self._put({**body, "channel": channel}, thread="", ephemeral=reader)
                self.responses[request.match_info["id"]] = (channel, user, message.ts)
            return web.Response(text="ok")
        finally:
            self.changed.set()


def _finished(message: Message) -> bool:
    """Whether nothing more comes: a stream was closed by the app, or put right after Slack had ended it."""
    streamed = message.stream in ("", "closed") or (message.stream == "ended" and message.edits > 0)
    return streamed and message.labels() != ["Stop"]


def event_of(message: Message) -> dict[str, Any]:
    event: dict[str, Any] = {
        "type": "message", "channel": message.channel, "user": message.user, "text": message.text, "ts": message.ts,
    }  # fmt: skip
    if message.thread:
        event["thread_ts"] = message.thread
    if message.user == BOT:
        event["bot_id"] = "B0BOT"
    if message.blocks:
        event["blocks"] = message.blocks
    if message.files:
        event["files"] = message.files
    if message.attachments:
        event["attachments"] = message.attachments
    return event


async def _arguments(request: web.Request, method: str) -> dict[str, Any]:
    arguments: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        given = await request.json()
        return arguments if method in NO_JSON else arguments | given
    if request.method == "POST":
        form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        for name in ("blocks", "view", "chunks"):
            if name in form:
                form[name] = json.loads(form[name])
        arguments |= form
    return arguments
