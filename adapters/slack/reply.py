"""Slack's Replies: in a thread as a stream, or for the asker alone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import aiohttp
import structlog

from adapters.slack.blocks import Block, foot, message, stop
from adapters.slack.desk import Desk, Spot
from adapters.slack.draft import Draft
from adapters.slack.files import upload
from adapters.slack.status import Status
from adapters.slack.text import SafeStream, fallback, safe, split
from bot.delivery import SendError, SendFailed, SendForbidden, SendLimited, SendRefused, SendUnsure, attempt
from bot.reply import Stream
from bot.request import MessageRef
from bot.turn import Answer, Delta, Event, File, Waiting

log = structlog.get_logger(__name__)

MOST_PIECES = 4
"""An answer of more messages than this goes out as a file."""
REST_AS_FILE = "The whole answer is in the file below; this is how it begins."
TASK_AFTER = 1.0
"""Seconds after which a step that shows nothing gets a card."""
LATE_WORDS = 2.0
"""Seconds after which somebody who asked with a command, and sees no status, is told that it is worked on."""

Noting = Callable[[str, Spot], AbstractContextManager[None]]
Versions = Callable[[str], Awaitable[Sequence[str]]]


class ThreadReply:
    """Answers in a thread where others may read along. `noting` keeps the running turn findable for Stop.

    `versions` tells the ids of all tries of a turn. `over`: the message whose place the answer takes.
    `turn_id` is set when it is known which turn it is; `unwanted` by whoever knows that nobody wants the answer.
    """

    def __init__(
        self, desk: Desk, spot: Spot, noting: Noting, versions: Versions, title: str = "", *, over: str = ""
    ) -> None:
        self._desk = desk
        self._spot = spot
        self._noting = noting
        self._versions = versions
        self._title = title
        self._over = over
        self.turn_id = ""
        self.unwanted = False

    async def send(self, turn_id: str, stream: Stream) -> MessageRef:
        self.turn_id = turn_id
        if self.unwanted:
            raise SendForbidden("the question was deleted")
        draft = Draft(self._desk, self._spot, turn_id, self._over)
        with self._noting(turn_id, self._spot):
            async with Status(self._desk, self._spot, self._title).shown() as status:
                try:
                    answer = await self._write(draft, stream, status)
                    return await self._finish(draft, answer, status)
                except BaseException:
                    await asyncio.shield(asyncio.create_task(draft.abandon()))
                    raise

    async def fail(self, words: str) -> None:
        await self._desk.whisper(self._spot, _own(self._desk, words))

    async def _write(self, draft: Draft, stream: Stream, status: Status) -> Answer:
        said, task, due = SafeStream(self._spot.names), "", 0.0
        clock = asyncio.get_running_loop().time
        waiting = False
        while True:
            try:
                # The next piece is shown when it is due, however long the one after it takes.
                async with asyncio.timeout_at(due if waiting else None):
                    event: Event = await anext(stream)
            except TimeoutError:
                await draft.work(task)
                await draft.show(said.text)
                due, waiting = clock() + draft.pace, False
                continue
            match event:
                case Waiting():
                    status.say(event.words)
                    if event.working:
                        task, due, waiting = event.words, clock() + TASK_AFTER, True
                case Delta():
                    status.say("")
                    said.feed(event.text)
                    task, waiting = "", True
                case Answer():
                    return event

    async def _finish(self, draft: Draft, answer: Answer, status: Status) -> MessageRef:
        answer = worded(self._desk, answer)
        text = text_of(answer, self._spot)
        extra = foot(answer, self._spot.user, versions=await self._versions(answer.turn_id))
        if answer.private:
            ids = [await self._desk.whisper(self._spot, text, extra)]
            await hand_out(self._desk, self._spot, answer.files, private=True)
            return MessageRef("slack", self._spot.channel, tuple(ids))
        pieces, files = cut(text, answer.files)
        session = "active" if status.session and draft.streaming else None
        only = extra if len(pieces) == 1 else ()
        ids = await draft.finish(pieces[0], only, session=session, broken=answer.broken)
        if draft.session_set:
            status.ended_by_stream()
        for number, piece in enumerate(pieces[1:], 2):
            ids.append(await self._desk.post(self._spot, piece, extra if number == len(pieces) else ()))
        await hand_out(self._desk, self._spot, files, private=False)
        return MessageRef("slack", self._spot.channel, tuple(ids))


class PrivateReply:
    """Answers where only the asker sees it: a command in a channel, or a button on such an answer.

    The response_url takes five messages in half an hour and works in places the bot is no member of.
    `replace`: the answer takes the place of the message whose button was pressed; `shown_as`: it is that version.
    """

    def __init__(
        self, desk: Desk, spot: Spot, noting: Noting, versions: Versions, http: aiohttp.ClientSession, *,
        replace: bool = False, shown_as: str = "",
    ) -> None:  # fmt: skip
        self._desk = desk
        self._spot = spot
        self._noting = noting
        self._versions = versions
        self._http = http
        self._shown_as = shown_as
        self._replace = replace
        self._told = False

    async def send(self, turn_id: str, stream: Stream) -> MessageRef:
        with self._noting(turn_id, self._spot):
            answer = await self._last(turn_id, stream)
        answer = worded(self._desk, replace(answer, turn_id=self._shown_as or answer.turn_id))
        text = text_of(answer, self._spot)
        pieces, files = cut(text, answer.files)
        extra = foot(answer, "", share=True, versions=await self._versions(answer.turn_id))
        for number, piece in enumerate(pieces, 1):
            await self._say(piece, extra if number == len(pieces) else ())
        await hand_out(self._desk, self._spot, files, private=True)
        return MessageRef("slack", self._spot.channel)

    async def fail(self, words: str) -> None:
        await self._say(_own(self._desk, words))

    async def _last(self, turn_id: str, stream: Stream) -> Answer:
        waiting = "Working on it."
        late = asyncio.get_running_loop().time() + LATE_WORDS
        while True:
            try:
                async with asyncio.timeout_at(late if not self._told else None):
                    event: Event = await anext(stream)
            except TimeoutError:
                self._told = True
                with contextlib.suppress(SendError):
                    blocks = message(safe(self._desk.own(waiting)), [stop(turn_id)])
                    await self._respond({"text": fallback(waiting), "blocks": blocks})
                continue
            if isinstance(event, Waiting):
                waiting = event.words
            elif isinstance(event, Answer):
                return event

    async def _say(self, text: str, extra: Sequence[Block] = ()) -> None:
        flags = {"replace_original": self._replace or self._told}
        self._replace = self._told = False
        body = {"text": fallback(text) or "…", "blocks": message(text, extra), **flags}
        try:
            await attempt(lambda: self._respond(body), lambda: self._respond({"text": fallback(text), **flags}))
        except SendForbidden:
            # The address is used up or too old: Slack's own way of whispering works where the bot is a member.
            await self._desk.whisper(self._spot, text, extra)

    async def _respond(self, body: dict[str, Any]) -> None:
        await respond(self._http, self._spot.response_url, {"response_type": "ephemeral", **body})


class UpdateReply:
    """Puts the answer in the place of the message that was pressed: another version of it."""

    def __init__(self, desk: Desk, spot: Spot, ts: str, versions: Versions, shown_as: str) -> None:
        self._desk = desk
        self._spot = spot
        self._ts = ts
        self._versions = versions
        self._shown_as = shown_as

    async def send(self, turn_id: str, stream: Stream) -> MessageRef:
        async for event in stream:
            if isinstance(event, Answer):
                answer = worded(self._desk, replace(event, turn_id=self._shown_as))
                text = text_of(answer, self._spot)
                extra = foot(answer, self._spot.user, versions=await self._versions(self._shown_as))
                await self._desk.update(self._spot, self._ts, split(text)[0], extra)
        return MessageRef("slack", self._spot.channel, (self._ts,))

    async def fail(self, words: str) -> None:
        await self._desk.whisper(self._spot, _own(self._desk, words))


async def respond(http: aiohttp.ClientSession, url: str, body: dict[str, Any]) -> None:
    """Post to a response_url. Raises a SendError."""
    try:
        async with http.post(url, json=body, timeout=aiohttp.ClientTimeout(total=10), allow_redirects=False) as answer:
            said = (await answer.text())[:200]
            if answer.status == 429:
                raise SendLimited("response_url", float(answer.headers.get("Retry-After", "1") or 1))
            if answer.status >= 500:
                raise SendFailed(f"response_url: {answer.status}")
            if answer.status == 404:
                raise SendForbidden("response_url: used up or too old")
            if answer.status != 200 or (said not in ("ok", "") and '"ok":false' in said.replace(" ", "")):
                raise SendRefused(f"response_url: {answer.status} {said[:80]}")
    except aiohttp.ClientConnectorError as error:
        raise SendFailed(f"response_url: {type(error).__name__}") from error
    except (TimeoutError, aiohttp.ClientError) as error:
        raise SendUnsure(f"response_url: {type(error).__name__}") from error


def worded(desk: Desk, answer: Answer) -> Answer:
    """An answer in the words that are right here. One that came to nothing says why in its text."""
    text = answer.text if answer.model else desk.own(answer.text)
    notes = tuple(desk.own(note) for note in answer.notes)
    if not text.strip() and notes:
        return replace(answer, text=notes[0], notes=notes[1:])
    return replace(answer, text=text, notes=notes)


def text_of(answer: Answer, spot: Spot) -> str:
    """The text of a worded answer as it may stand on Slack."""
    text = answer.text
    if not text.strip():
        text = "Stopped before the first word." if answer.stopped else "There was nothing to say to that."
    return safe(text, spot.names)


def cut(text: str, files: tuple[File, ...]) -> tuple[list[str], tuple[File, ...]]:
    """The messages of a text; one that needs too many becomes a file, with its beginning shown."""
    pieces = split(text)
    if len(pieces) <= MOST_PIECES:
        return pieces, files
    whole = File("answer.md", "text/markdown", text.encode())
    return [f"{split(text, 2000)[0]}\n\n*{REST_AS_FILE}*"], (whole, *files)


async def hand_out(desk: Desk, spot: Spot, files: Sequence[File], *, private: bool) -> None:
    """Upload an answer's files; one that fails costs a sentence, not the answer."""
    for file in files:
        try:
            await upload(desk.calls, spot, file, private=private)
        except SendError as error:
            log.warning("slack_file_not_sent", kind=type(error).__name__, detail=error.detail)
            words = f"I could not upload {file.name}: Slack did not take it. Ask the owner to run doctor."
            with contextlib.suppress(SendError):
                await desk.whisper(spot, words)


def _own(desk: Desk, words: str) -> str:
    return safe(desk.own(words))
