"""Talk: messages, commands and shortcuts become requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog

from adapters.slack.background import Background
from adapters.slack.blocks import RERUN, own
from adapters.slack.desk import Spot
from adapters.slack.office import Office
from adapters.slack.prompts import VIEWED, Prompts
from adapters.slack.reading import as_command, by_a_person, files_of, is_command, mentions, speaks_to_another, spoken
from adapters.slack.reply import PrivateReply, ThreadReply
from adapters.slack.text import incoming, mentioned
from bot.controls import Control
from bot.reply import SilentReply
from bot.request import Place, Press, Quote, Request, one_line
from bot.turns import TurnRow

log = structlog.get_logger(__name__)

SETTLE = 0.6
"""Seconds in which a person's next message in the same thread still belongs to the question."""
OFFER = "You changed your question."
UNREAD = "I can read nothing in the channel you look at. Invite me there, open it, then ask again."
MOST_TRANSLATED = 12
"""So many of a channel's latest messages are translated."""

Body = Mapping[str, Any]


@dataclass(slots=True)
class Given:
    """A question that is being answered; later the store knows which message asked for which turn."""

    request: Request
    reply: ThreadReply
    edited: bool = False


class Talk:
    """What people say, wherever they say it."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self.prompts = Prompts(office)
        self._background = Background(office)
        self._running: dict[str, Given] = {}
        self._anew: set[str] = set()

    async def message(self, event: Body) -> None:
        """A message or a mention: both are delivered for the same words, and answered once."""
        office, me = self._office, self._office.me
        if event.get("subtype") == "message_deleted":
            await self._deleted(str(event["channel"]), str(event.get("deleted_ts")))
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
                await self._answer(event, place, user)

    async def _begun_by_us(self, place: Place, user: str) -> Place:
        """Where a thread belongs that stands under what the bot said unasked: to the talk before any thread."""
        known = await self._office.stores.memory.find(self._office.key(user), place)
        return place if known is not None else replace(place, thread="")

    async def _answer(self, event: Body, place: Place, user: str, *, press: str = "", over: str = "") -> None:
        """Answer a message. `press`: the one that asks for it anew, in the place of the message `over`."""
        office = self._office
        spot = await self._spot(event, user)
        words = self._words(event)
        request = Request(
            id=self._id(spot.channel, spot.asked), place=place, author=await office.people.author(user), text=words,
            attachments=office.downloads.attachments(files_of(event)), settle=0.0 if spot.opens else SETTLE,
            order=int(spot.asked.replace(".", "")),
        )  # fmt: skip
        if press:
            request = replace(request, id=f"{request.id}:{press}", edit_of=request.id, settle=0.0)
        reply = ThreadReply(office.desk, spot, office.running.noted, office.versions, one_line(words, 120), over=over)
        if spot.direct and words in VIEWED:
            await self._about_viewed(request, VIEWED[words], spot, reply)
            return
        await self._give(await self._with_background(request, event, spot), spot, reply)

    async def _spot(self, event: Body, user: str) -> Spot:
        ts = str(event["ts"])
        thread = str(event.get("thread_ts") or ts)
        return Spot(
            str(event.get("user_team") or event.get("team") or self._office.team), str(event["channel"]), user, thread,
            asked=ts, opens=thread == ts,
            names=await self._office.people.names(mentioned(str(event.get("text") or ""))),
        )  # fmt: skip

    def _words(self, event: Body) -> str:
        """What a message asks: behind the bot's name, a command's makes it that command."""
        words = spoken(event, self._office.me)
        if mentions(event, self._office.me) and not str(event["channel"]).startswith("D"):
            words = as_command(words, self._office.desk.commands)
        return words

    def _id(self, channel: str, ts: str) -> str:
        return f"{self._office.team}:{channel}:{ts}"

    async def _give(self, request: Request, spot: Spot, reply: ThreadReply) -> None:
        """Have a question answered, and see to what became of its message meanwhile."""
        asked, given = request.edit_of or request.id, Given(request, reply)
        # A mention is delivered twice; the core answers the first, whose reply is the one to keep.
        first = self._running.setdefault(asked, given) is given
        try:
            await self._office.core.handle(request, reply)
        finally:
            if first:
                del self._running[asked]
        if not (given.edited or reply.unwanted) or (row := await self._asked_with(asked)) is None:
            return
        if reply.unwanted:
            await self._take_back(row)
        else:
            await self._offer(spot)

    async def _asked_with(self, asked: str) -> TurnRow | None:
        return await self._office.stores.turns.asked_with("slack", asked)

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
        await self._give(request, spot, reply)

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
        """An edited question: offer to answer it anew. Unfurled links and the like change no words."""
        channel, message = str(event["channel"]), event.get("message") or {}
        if message.get("subtype") == "tombstone":  # a deleted message that others have answered
            await self._deleted(channel, str(message.get("ts")))
            return
        before = event.get("previous_message") or {}
        if not by_a_person(message, self._office.me) or before.get("text") == message.get("text"):
            return
        message = {**message, "channel": channel}
        words, asked = self._words(message), self._id(channel, str(message.get("ts")))
        given = self._running.get(asked)
        if given is not None:
            given.edited = given.edited or words != given.request.text
            return
        row = await self._asked_with(asked)
        if row is not None and words != row.question:
            await self._offer(await self._spot(message, str(message["user"])))

    async def _offer(self, spot: Spot) -> None:
        again = own("Answer the edited question", RERUN, f"{spot.channel}:{spot.thread}:{spot.asked}")
        await self._office.desk.whisper(spot, OFFER, [{"type": "actions", "elements": [again]}])

    async def rerun(self, value: str, user: str, press: str) -> str:
        """Answer a changed question in the place of its first answer. Gives the words of a refusal."""
        channel, _, message = value.partition(":")
        thread, _, ts = message.partition(":")
        asked = self._id(channel, ts)
        row = await self._asked_with(asked)
        if row is None:
            return "That answer is no longer kept. Please ask anew."
        if row.user != self._office.key(user):
            return "Only the person who asked can press this one."
        event = await self._background.message(channel, thread, ts)
        if event is None:
            return "I cannot read that message just now. Please ask it anew."
        event = {**event, "channel": channel}
        if asked in self._running or asked in self._anew or row.state == "running":
            return "That question is being answered already."
        if row.state == "done" and row.question == self._words(event):
            return "That question is answered already; Retry gives another answer."
        self._anew.add(asked)
        try:
            shown = await self._undo(row)
            over = shown[0] if len(shown) == 1 else ""
            if not over:
                await self._remove(channel, shown)
            await self._answer(event, row.place, user, press=press, over=over)
        finally:
            self._anew.discard(asked)
        return ""

    async def _deleted(self, channel: str, ts: str) -> None:
        """Whoever takes a question back wants no answer to it."""
        asked = self._id(channel, ts)
        given = self._running.get(asked)
        if given is not None:
            given.reply.unwanted = True
            self._office.core.stop(given.reply.turn_id)
        elif (row := await self._asked_with(asked)) is not None:
            await self._take_back(row)

    async def _take_back(self, row: TurnRow) -> None:
        await self._remove(row.channel, await self._undo(row))

    async def _undo(self, row: TurnRow) -> list[str]:
        """Have a turn forgotten with all its versions. Gives the messages in which they stand."""
        shown: dict[str, None] = {}
        for version in await self._office.core.take_back(row.id):
            shown |= dict.fromkeys(version.standing.messages if version.standing else ())
        return list(shown)

    async def _remove(self, channel: str, messages: list[str]) -> None:
        for ts in messages:
            await self._office.desk.remove(channel, ts)

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
