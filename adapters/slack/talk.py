"""Talk: messages, commands and shortcuts become requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import structlog

from adapters.slack.background import Background
from adapters.slack.desk import Spot
from adapters.slack.office import Office
from adapters.slack.prompts import VIEWED, Prompts
from adapters.slack.questions import Questions
from adapters.slack.reading import as_command, by_a_person, files_of, is_command, mentions, speaks_to_another, spoken
from adapters.slack.reply import PrivateReply, ThreadReply
from adapters.slack.text import incoming, mentioned
from bot.controls import Control
from bot.reply import SilentReply
from bot.request import Place, Press, Quote, Request, one_line

log = structlog.get_logger(__name__)

SETTLE = 0.6
"""Seconds in which a person's next message in the same thread still belongs to the question."""
UNREAD = "I can read nothing in the channel you look at. Invite me there, open it, then ask again."
MOST_TRANSLATED = 12
"""So many of a channel's latest messages are translated."""

Body = Mapping[str, Any]


class Talk:
    """What people say, wherever they say it."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self.prompts = Prompts(office)
        self.questions = Questions(office)
        self._background = Background(office)

    async def message(self, event: Body) -> None:
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
        thread, named = str(event.get("thread_ts") or ""), mentions(event, me)
        place = Place("slack", office.team, channel, thread or ts)
        if not (channel.startswith("D") or await self._for_us(event, place, user, named)):
            return
        if thread and event.get("parent_user_id") == me and channel.startswith("D"):
            place = await self._begun_by_us(place, user)
        with office.seen.once(f"{channel}:{ts}") as first:
            if first:
                await self._answer(event, place, user, named=named)

    async def _begun_by_us(self, place: Place, user: str) -> Place:
        """Where a thread belongs that stands under what the bot said unasked: to the talk before any thread."""
        known = await self._office.stores.memory.find(self._office.key(user), place)
        return place if known is not None else replace(place, thread="")

    async def _answer(self, event: Body, place: Place, user: str, *, named: bool) -> None:
        office, me = self._office, self._office.me
        channel, ts, thread = place.channel, str(event["ts"]), str(event.get("thread_ts") or "")
        spot = Spot(
            str(event.get("user_team") or event.get("team") or office.team), channel, user, thread or ts, asked=ts,
            opens=not thread,
            names=await office.people.names(mentioned(str(event.get("text") or ""))),
        )  # fmt: skip
        words = spoken(event, me)
        if named and not spot.direct:
            words = as_command(words, office.desk.commands)
        request = Request(
            id=f"{place.server}:{channel}:{ts}", place=place, author=await office.people.author(user), text=words,
            attachments=office.downloads.attachments(files_of(event)), settle=SETTLE if thread else 0.0,
            order=int(ts.replace(".", "")),
        )  # fmt: skip
        reply = ThreadReply(office.desk, spot, office.running.noted, office.versions, one_line(words, 120))
        if spot.direct and words in VIEWED:
            await self._about_viewed(request, VIEWED[words], spot, reply)
            return
        await self.questions.answer(await self._with_background(request, event, spot), spot, reply)

    async def _with_background(self, request: Request, event: Body, spot: Spot) -> Request:
        """The question with what others wrote before it, and what came forwarded with it."""
        quotes, files = await self._background.forwarded(event), list[Body]()
        if not request.text and quotes:  # nothing but a forwarded message: it is what is said
            return replace(request, text="\n".join(quote.text for quote in quotes))
        if not spot.opens and not spot.direct:
            new = await self._office.stores.memory.find(request.user, request.place) is None
            before, files = await self._background.thread(spot.channel, spot.thread, spot.asked, new=new)
            quotes = before + quotes
        attachments = request.attachments or self._office.downloads.attachments(files)
        return replace(request, quotes=quotes, attachments=attachments)

    async def _about_viewed(self, request: Request, command: str, spot: Spot, reply: ThreadReply) -> None:
        """A command about the channel a person looks at: what Slack shows them, they may have summed up."""
        channel = self.prompts.viewed(spot.user)
        quotes = await self._background.latest(channel) if channel else ()
        if not quotes:
            await reply.fail(UNREAD)
            return
        request = replace(request, text="", command=command, quotes=quotes)
        if command == "translate":
            lines = (f"{one_line(quote.name)}: {one_line(quote.text, 300)}" for quote in quotes[-MOST_TRANSLATED:])
            request = replace(request, options={"text": "\n".join(lines)}, quotes=())
        await self.questions.answer(request, spot, reply)

    async def shortcut(self, body: Body) -> None:
        """A shortcut on a message: its answer is for the one who clicked."""
        office, message = self._office, body["message"]
        if not office.seen.first(str(body["trigger_id"])):
            return
        team, channel, user = str(body["team"]["id"]), str(body["channel"]["id"]), str(body["user"]["id"])
        written = str(message.get("text") or "")
        shared = [quote.text for quote in await self._background.forwarded(message)]
        text, callback = "\n".join(filter(None, (incoming(written), *shared))), str(body["callback_id"])
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
                quotes = await self._background.whole(channel, thread or str(message["ts"]))
            case _:
                options = {"text": text}
        author = await office.people.author(user)
        names = await office.people.names(mentioned(written))
        spot = Spot(team, channel, user, "", str(body.get("response_url") or ""), names=names)
        request = Request(
            id=str(body["trigger_id"]),
            place=Place("slack", office.team, channel),
            author=author,
            command={"correct": "tutor"}.get(callback, callback),
            options=options,
            quotes=quotes,
            attachments=office.downloads.attachments(files_of(message)),
            private=True,
        )
        reply = PrivateReply(office.desk, spot, office.running.noted, office.versions, office.http)
        await office.core.handle(request, reply)

    async def stopped(self, event: Body) -> None:
        """Slack's own Stop button: it closes the stream, we end the work."""
        channel, thread = str(event["channel"]), str(event.get("thread_ts") or "")
        await self._stop(self._office.running.in_thread(channel, thread), event, str(event.get("user")))

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

    async def _stop(self, turns: list[str], event: Body, user: str) -> None:
        office = self._office
        channel, thread = str(event["channel"]), str(event.get("thread_ts") or "")
        for turn in turns:
            request = Request(
                id=f"{office.team}:{channel}:{event.get('event_ts')}:{turn}",
                place=Place("slack", office.team, channel, thread),
                author=await office.people.author(user),
                press=Press(turn, Control.STOP),
            )
            silent = SilentReply("slack")
            await office.core.handle(request, silent)
            if silent.words:
                await office.desk.whisper(Spot(office.team, channel, user, thread), silent.words)

    async def _for_us(self, event: Body, place: Place, user: str, named: bool) -> bool:
        """Whether a message in a channel is meant for the bot, by the channel's settings."""
        office = self._office
        if not named and speaks_to_another(event, office.me):
            return False
        thread = str(event.get("thread_ts") or "")
        if thread and is_command(str(event.get("text") or ""), office.desk.commands):
            return True
        # A person who is already talking with the bot in this thread need not name it again.
        goes_on = bool(thread) and await office.stores.memory.find(office.key(user), place) is not None
        if goes_on and not named:
            # Where a person was called in, the bot is silent until that is solved, or it is named.
            goes_on = not await office.stores.gaps.with_a_person(place)
        settings = await office.stores.places.channel(place)
        return settings.hears(named=named or goes_on, new_post=not thread, in_thread=bool(thread))
