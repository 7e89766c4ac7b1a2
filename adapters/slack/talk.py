"""Talk: messages, commands and shortcuts become requests."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from adapters.slack.calls import Unsupported
from adapters.slack.desk import Spot
from adapters.slack.office import Office
from adapters.slack.prompts import CHANNEL, Prompts
from adapters.slack.questions import Questions
from adapters.slack.reading import as_command, by_a_person, is_command, mentions, speaks_to_another, spoken
from adapters.slack.reply import PrivateReply, ThreadReply
from adapters.slack.text import incoming, mentioned
from bot.controls import Control
from bot.delivery import SendError
from bot.reply import SilentReply
from bot.request import Place, Press, Quote, Request, one_line

log = structlog.get_logger(__name__)

SETTLE = 0.6
"""Seconds in which a person's next message in the same thread still belongs to the question."""
BACKGROUND = 30
"""Messages of a thread that are read at most."""
LONGEST = 3.0

Body = Mapping[str, Any]


class Talk:
    """What people say, wherever they say it."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self.prompts = Prompts(office)
        self.questions = Questions(office)

    async def message(self, event: Body, team: str) -> None:
        """A message or a mention: both are delivered for the same words, and answered once."""
        office, me = self._office, self._office.me
        if event.get("subtype") == "message_deleted":
            await self.questions.deleted(str(event["channel"]), str(event.get("deleted_ts")))
            return
        if event.get("subtype") == "message_changed":
            await self._changed(event)
            return
        if not by_a_person(event, me):
            return
        channel, ts, user = str(event["channel"]), str(event["ts"]), str(event["user"])
        thread = str(event.get("thread_ts") or "")
        named = mentions(event, me)
        direct = channel.startswith("D")
        place = Place("slack", team, channel, thread or ts)
        if not (direct or await self._for_us(event, place, user, named)):
            return
        words = spoken(event, me)
        if named and not direct:
            words = as_command(words, office.desk.commands)
        author = await office.people.author(user)
        names = await office.people.names(mentioned(str(event.get("text") or "")))
        quotes: tuple[Quote, ...] = ()
        if direct and words == CHANNEL:
            words, quotes = "/summarize", await self._viewed(user)
        elif thread and not direct:
            quotes = await self._background(channel, thread, ts)
        request = Request(
            id=f"{team}:{channel}:{ts}",
            place=place,
            author=author,
            text=words,
            quotes=quotes,
            attachments=office.downloads.attachments(event.get("files")),
            settle=SETTLE if thread else 0.0,
        )
        spot = Spot(team, channel, user, thread or ts, asked=ts, opens=not thread, names=names)
        title = one_line(words, 120)
        reply = ThreadReply(office.desk, spot, office.running.noted, office.versions, title)
        await self.questions.answer(request, spot, reply)

    async def command(self, body: Body) -> None:
        """A slash command: with the bot alone it opens a thread, elsewhere only its user sees the answer."""
        office = self._office
        team, channel, user = str(body["team_id"]), str(body["channel_id"]), str(body["user_id"])
        if not office.seen.first(str(body["trigger_id"])):
            return
        typed = str(body.get("text") or "")
        words = incoming(typed)
        name = str(body["command"]).removeprefix("/")
        if name in office.desk.commands and f"/{name}" != office.desk.command:
            text = f"/{name} {words}".strip()
        else:
            text = as_command(words.removeprefix("/"), office.desk.commands) or "/help"
        names = await office.people.names(mentioned(typed))
        spot = Spot(team, channel, user, response_url=str(body.get("response_url") or ""), names=names)
        if spot.direct:
            spot = await self._opened(spot, f"{body['command']} {words}")
        request = Request(
            id=str(body["trigger_id"]),
            place=Place("slack", team, channel, spot.thread),
            author=await office.people.author(user),
            text=text,
            private=not spot.thread,
        )
        await office.core.handle(request, self._reply(spot, one_line(words, 120)))

    async def shortcut(self, body: Body) -> None:
        """A shortcut on a message: its answer is for the one who clicked."""
        office, message = self._office, body["message"]
        if not office.seen.first(str(body["trigger_id"])):
            return
        team, channel, user = str(body["team"]["id"]), str(body["channel"]["id"]), str(body["user"]["id"])
        written = str(message.get("text") or "")
        text, callback = incoming(written), str(body["callback_id"])
        thread = str(message.get("thread_ts") or "")
        quotes: tuple[Quote, ...] = ()
        options: dict[str, str] = {}
        match callback:
            case "translate":
                options = {"text": text}
            case "correct":
                options = {"subject": "English", "mode": "practice", "question": text}
            case "support":
                options = {"question": text}
            case "summarize" if thread or message.get("reply_count"):
                quotes = await self._background(channel, thread or str(message["ts"]), "", whole=True)
            case _:
                options = {"text": text}
        author = await office.people.author(user)
        names = await office.people.names(mentioned(written))
        spot = Spot(team, channel, user, "", str(body.get("response_url") or ""), names=names)
        request = Request(
            id=str(body["trigger_id"]),
            place=Place("slack", team, channel),
            author=author,
            command={"correct": "tutor"}.get(callback, callback),
            options=options,
            quotes=quotes,
            attachments=office.downloads.attachments(message.get("files")),
            private=True,
        )
        await office.core.handle(request, self._reply(spot, ""))

    async def stopped(self, event: Body, team: str) -> None:
        """Slack's own Stop button: it closes the stream, we end the work."""
        channel, thread = str(event["channel"]), str(event.get("thread_ts") or "")
        await self._stop(self._office.running.in_thread(channel, thread), team, event, str(event.get("user")))

    async def _changed(self, event: Body) -> None:
        message = event.get("message") or {}
        if message.get("subtype") == "tombstone":  # a deleted message that others have answered
            await self.questions.deleted(str(event["channel"]), str(message.get("ts")))
            return
        if not by_a_person(message, self._office.me):
            return
        words = spoken(message, self._office.me)
        if mentions(message, self._office.me) and not str(event["channel"]).startswith("D"):
            words = as_command(words, self._office.desk.commands)
        await self.questions.edited(str(event["channel"]), str(message.get("ts")), words)

    async def _stop(self, turns: list[str], team: str, event: Body, user: str) -> None:
        office = self._office
        channel, thread = str(event["channel"]), str(event.get("thread_ts") or "")
        for turn in turns:
            request = Request(
                id=f"{team}:{channel}:{event.get('event_ts')}:{turn}",
                place=Place("slack", team, channel, thread),
                author=await office.people.author(user),
                press=Press(turn, Control.STOP),
            )
            silent = SilentReply("slack")
            await office.core.handle(request, silent)
            if silent.words:
                await office.desk.whisper(Spot(team, channel, user, thread), silent.words)

    def _reply(self, spot: Spot, title: str) -> ThreadReply | PrivateReply:
        office = self._office
        if spot.thread:
            return ThreadReply(office.desk, spot, office.running.noted, office.versions, title)
        return PrivateReply(office.desk, spot, office.running.noted, office.versions, office.http)

    async def _opened(self, spot: Spot, typed: str) -> Spot:
        """The thread for a command's answer; none between two people, where the bot is no member."""
        try:
            ts = await self._office.desk.post(spot, f"`{typed.strip().replace('`', '´')[:300]}`")
        except SendError as error:
            log.info("slack_command_elsewhere", kind=type(error).__name__, detail=error.detail)
            return spot
        return Spot(spot.team, spot.channel, spot.user, ts, names=spot.names)

    async def _for_us(self, event: Body, place: Place, user: str, named: bool) -> bool:
        """Whether a message in a channel is meant for the bot, by the channel's settings."""
        office = self._office
        if not named and speaks_to_another(event, office.me):
            return False
        thread = str(event.get("thread_ts") or "")
        if thread and is_command(str(event.get("text") or ""), office.desk.commands):
            return True
        # A person who is already talking with the bot in this thread need not name it again.
        goes_on = bool(thread) and await office.stores.memory.find(f"slack:{user}", place) is not None
        if goes_on and not named:
            # Where a person was called in, the bot is silent until it is named again.
            last = await office.stores.turns.last_in(place)
            goes_on = last is None or last.action != "handoff"
        settings = await office.stores.places.channel(place)
        return settings.hears(named=named or goes_on, new_post=not thread, in_thread=bool(thread))

    async def _background(self, channel: str, thread: str, ts: str, *, whole: bool = False) -> tuple[Quote, ...]:
        """What others have written in a thread since the bot's last answer; `whole`: all of it."""
        office = self._office
        kept: list[Body] = []
        for message in await self._messages("conversations.replies", channel=channel, ts=thread, limit=BACKGROUND):
            if message.get("user") == office.me and not whole:
                kept.clear()
            elif by_a_person(message, office.me) and str(message.get("ts")) != ts:
                kept.append(message)
        return await self._quoted(kept)

    async def _viewed(self, user: str) -> tuple[Quote, ...]:
        """The latest messages of the channel a person looks at: what Slack shows them, they may have summed up."""
        channel = self.prompts.viewed(user)
        if not channel:
            return ()
        found = await self._messages("conversations.history", channel=channel, limit=BACKGROUND)
        return await self._quoted([message for message in reversed(found) if by_a_person(message, self._office.me)])

    async def _messages(self, method: str, **arguments: Any) -> Sequence[Body]:
        """What was written somewhere; nothing where it cannot be read."""
        office = self._office
        if not office.desk.has(method) or not office.desk.calls.free(method):
            return ()
        try:
            async with asyncio.timeout(LONGEST):
                answer = await office.desk.calls(method, **arguments)
        except Unsupported as error:
            if error.error == "missing_scope":
                office.desk.lacks(method, error.error)
            return ()
        except (SendError, TimeoutError) as error:
            log.info("slack_messages_not_read", method=method, kind=type(error).__name__)
            return ()
        return answer.get("messages") or ()

    async def _quoted(self, kept: Sequence[Body]) -> tuple[Quote, ...]:
        office = self._office
        named = [str(message["user"]) for message in kept]
        named += mentioned(" ".join(str(message.get("text") or "") for message in kept))
        names = await office.people.names(dict.fromkeys(named))
        return tuple(
            Quote(names.get(str(message["user"]), str(message["user"])), _shown(message, names)) for message in kept
        )


def _shown(message: Body, names: Mapping[str, str]) -> str:
    text = str(message.get("text") or "")
    for user, name in names.items():
        text = text.replace(f"<@{user}>", f"@{name}")
    return incoming(text)
