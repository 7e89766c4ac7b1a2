"""Questions asked lately: one that is edited can be answered anew, one that is deleted takes its answer along."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from adapters.slack.blocks import RERUN, own
from adapters.slack.desk import Spot
from adapters.slack.office import Office
from adapters.slack.reply import ThreadReply
from bot.controls import Control
from bot.reply import SilentReply
from bot.request import Press, Request

log = structlog.get_logger(__name__)

MOST = 1_000
OFFER = "You changed your question."

Body = Mapping[str, Any]


@dataclass(eq=False, slots=True)
class Given:
    """A question and its answer. `edited`: the question's new words, "" = unchanged."""

    request: Request
    spot: Spot
    reply: ThreadReply
    edited: str = ""
    tries: int = field(default=0)


class Questions:
    """The latest questions, by channel and message."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._given: OrderedDict[tuple[str, str], Given] = OrderedDict()

    async def answer(self, request: Request, spot: Spot, reply: ThreadReply) -> None:
        """Answer a question, and remember it for a while."""
        await self._answer((spot.channel, spot.asked), Given(request, spot, reply))

    async def edited(self, channel: str, message: str, words: str) -> None:
        """Offer to answer a changed question anew; unfurled links and the like change no words."""
        given = self._given.get((channel, message))
        if given is None or words in (given.request.text, given.edited):
            return
        given.edited = words
        if given.reply.turn_id:
            again = {"type": "actions", "elements": [own("Answer the edited question", RERUN, f"{channel}:{message}")]}
            await self._office.desk.whisper(given.spot, OFFER, [again])

    async def rerun(self, key: str, user: str) -> str:
        """Answer a changed question in the place of its first answer. Gives the words of a refusal."""
        channel, _, message = key.partition(":")
        given = self._given.get((channel, message))
        if given is None or not given.edited:
            return "I lost track of that question. Please ask it anew."
        if given.spot.user != user:
            return "Only the person who asked can press this one."
        tries = given.tries + 1
        request = replace(
            given.request, id=f"{given.request.id}:{tries}", text=given.edited, settle=0.0, joined=(),
        )  # fmt: skip
        await self._press(given, Control.UNDO)
        ids = given.reply.ids
        over = ids[0] if len(ids) == 1 else ""
        if not over:
            await self._remove(given)
        reply = given.reply.another(over)
        await self._answer((channel, message), Given(request, given.spot, reply, tries=tries))
        return ""

    async def deleted(self, channel: str, message: str) -> None:
        """Whoever takes a question back wants no answer to it."""
        given = self._given.pop((channel, message), None)
        if given is None or not given.reply.turn_id:
            return
        await self._press(given, Control.STOP)
        await given.reply.ended.wait()
        await self._press(given, Control.UNDO)
        await self._remove(given)

    async def _answer(self, key: tuple[str, str], given: Given) -> None:
        before = self._given.get(key)
        # A mention is delivered twice; the core answers the first, whose reply is the one to keep.
        if before is None or before.tries < given.tries:
            self._given[key] = given
        if len(self._given) > MOST:
            self._given.popitem(last=False)
        await self._office.core.handle(given.request, given.reply)

    async def _press(self, given: Given, control: Control) -> None:
        press = Press(given.reply.turn_id, control)
        request = replace(
            given.request, id=f"{given.request.id}:{control}:{given.tries}", text="", press=press, settle=0.0,
            quotes=(), attachments=(),
        )  # fmt: skip
        await self._office.core.handle(request, SilentReply("slack"))

    async def _remove(self, given: Given) -> None:
        for ts in given.reply.ids:
            await self._office.desk.remove(given.spot.channel, ts)
