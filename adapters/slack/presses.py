"""Presses: buttons, thumbs, the bin, Share, and the forms that some of them open."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

import structlog

from adapters.slack.blocks import PRESS, foot, press_of
from adapters.slack.desk import Spot
from adapters.slack.forms import press_form, press_in
from adapters.slack.office import Office
from adapters.slack.reply import PrivateReply, ThreadReply, UpdateReply, respond, text_of, worded
from adapters.slack.text import split
from bot.controls import FLAG, Control
from bot.delivery import SendError
from bot.errors import UserError
from bot.job import answer_again
from bot.reply import Reply, SilentReply
from bot.request import Place, Press, Request
from bot.turns import TurnRow

log = structlog.get_logger(__name__)

Body = Mapping[str, Any]

REPLACING = frozenset({Control.RETRY, Control.REFINE, Control.VERSION})
"""Controls whose outcome takes the place of an answer that only one person sees."""


class Presses:
    """What people press, wherever it stands."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def press(self, body: Body) -> None:
        """A control under an answer. Where it asks for words, a form opens first."""
        action = body["actions"][0]
        try:
            turn_id, control, value, asks = press_of(str(action.get("value") or ""))
        except ValueError:
            log.warning("slack_strange_press", action=str(action.get("action_id"))[:80])
            return
        pressed = _Pressed(body)
        if control == Control.DOWN:
            # The thumb counts at once; the form behind it may be closed unsent.
            await self._handle(pressed, Press(turn_id, control, ""), SilentReply("slack"))
            asks = asks or "What should it have said? (may stay empty)"
        if asks:
            await self._ask(body, pressed, turn_id, control, asks)
            return
        over = pressed.message if control == Control.RETRY and await self._stands_alone(pressed, turn_id) else ""
        await self._handle(pressed, Press(turn_id, control, value), self._reply(pressed, control, value, over))

    async def submitted(self, body: Body) -> None:
        """A form sent in."""
        view = body["view"]
        press, kept = press_in(view), json.loads(view["private_metadata"])
        pressed = _Pressed({**kept, "user": body["user"], "team": body["team"], "trigger_id": view["id"]})
        await self._handle(pressed, press, self._reply(pressed, press.control))

    async def flag(self, body: Body) -> None:
        """The shortcut Flag: the answer's own controls tell which turn it is."""
        message = body["message"]
        turn_id = _turn_of(message.get("blocks") or ())
        pressed = _Pressed({**body, "container": {"message_ts": message["ts"], "thread_ts": message.get("thread_ts")}})
        if message.get("user") != self._office.me or not turn_id:
            await self._tell(pressed, "Only my answers can be flagged. Use Flag on one that has buttons below it.")
            return
        await self._ask(body, pressed, turn_id, Control.FLAG, FLAG.asks)

    async def delete(self, body: Body) -> None:
        """The bin: the answer goes, from the channel and from memory."""
        pressed, turn_id = _Pressed(body), str(body["actions"][0]["value"])
        row = await self._office.stores.turns.get(turn_id)
        silent = SilentReply("slack")
        await self._handle(pressed, Press(turn_id, Control.UNDO), silent)
        if silent.words:
            await self._tell(pressed, silent.words)
            return
        messages = (row.message or {}).get("messages", []) if row is not None else []
        for ts in dict.fromkeys([*messages, pressed.message]):
            await self._office.desk.remove(pressed.channel, ts)

    async def share(self, body: Body) -> None:
        """Share: an answer that only its asker sees is posted where it was asked."""
        pressed, turn_id = _Pressed(body), str(body["actions"][0]["value"])
        office = self._office
        if not office.seen.first(f"share:{turn_id}"):
            return
        try:
            row = await office.stores.turns.get(turn_id)
            if row is None or row.user != office.key(pressed.user) or row.server != office.team:
                raise UserError("That answer is no longer kept, so I cannot share it. Ask again.")
            await self.post(pressed.spot(whole=True), row)
        except UserError as error:
            await self._tell(pressed, error.words)
        except SendError as error:
            log.warning("slack_share_failed", kind=type(error).__name__, detail=error.detail)
            await self._tell(pressed, "I may not post here. Invite me to the channel first, then press Share again.")
        else:
            await self._tell(pressed, "Shared.", replace=True)

    async def answered(self, body: Body, words: str) -> None:
        """Take away the whispered message whose button was pressed, or put `words` in its place."""
        pressed = _Pressed(body)
        if not pressed.ephemeral:
            if words:
                await self._tell(pressed, words)
            return
        answer = {"text": words, "replace_original": True} if words else {"delete_original": True}
        await respond(self._office.http, pressed.response_url, answer)

    async def post(self, spot: Spot, row: TurnRow, note: str = "") -> list[str]:
        """A stored answer as a message of its own, with its controls. Gives the ids. Raises a SendError."""
        answer = worded(self._office.desk, answer_again(row, *([note] if note else [])))
        pieces = split(text_of(answer, spot))
        extra = foot(answer, spot.user, versions=await self._office.versions(row.id))
        count = len(pieces)
        return [
            await self._office.desk.post(spot, piece, extra if number == count else ())
            for number, piece in enumerate(pieces, 1)
        ]

    async def whisper(self, spot: Spot, row: TurnRow, note: str) -> str:
        """A stored answer for its asker alone. Raises a SendError."""
        answer = worded(self._office.desk, answer_again(row, *([note] if note else [])))
        text = split(text_of(answer, spot))[0]
        return await self._office.desk.whisper(spot, text, foot(answer, "", share=True))

    async def _handle(self, pressed: _Pressed, press: Press, reply: Reply) -> None:
        office = self._office
        request = Request(
            id=f"{pressed.trigger}:{press.control}",
            place=Place("slack", office.team, pressed.channel, pressed.thread),
            author=await office.people.author(pressed.user),
            press=press,
            private=pressed.ephemeral,
        )
        await office.core.handle(request, reply)

    async def _stands_alone(self, pressed: _Pressed, turn_id: str) -> bool:
        """Whether what was pressed is the one message of its turn, so that another version can take its place."""
        row = await self._office.stores.turns.get(turn_id)
        if row is None:
            return False
        if row.message is None:  # pressed before its place is written down
            return len(split(row.answer)) == 1
        return bool(row.message["messages"] == [pressed.message])

    def _reply(self, pressed: _Pressed, control: str, value: str = "", over: str = "") -> Reply:
        office, spot = self._office, pressed.spot()
        shown_as = value if control == Control.VERSION else ""
        if control == Control.STOP:
            return _Quiet(office, pressed)
        if pressed.ephemeral:
            return PrivateReply(
                office.desk, spot, office.running.noted, office.versions, office.http, replace=control in REPLACING,
                shown_as=shown_as,
            )  # fmt: skip
        if control == Control.VERSION:
            return UpdateReply(office.desk, spot, pressed.message, office.versions, shown_as)
        return ThreadReply(office.desk, spot, office.running.noted, office.versions, over=over)

    async def _ask(self, body: Body, pressed: _Pressed, turn_id: str, control: str, asks: str) -> None:
        try:
            initial = await self._initial(pressed, turn_id, control)
        except UserError as error:
            await self._tell(pressed, error.words)
            return
        view = press_form(turn_id, control, asks, pressed.kept(), initial)
        try:
            await self._office.desk.calls("views.open", trigger_id=str(body["trigger_id"]), view=view)
        except SendError as error:
            log.warning("slack_form_not_opened", kind=type(error).__name__, detail=error.detail)
            if control != Control.DOWN:
                await self._tell(pressed, "Slack did not let me open the form in time. Press the button again.")

    async def _initial(self, pressed: _Pressed, turn_id: str, control: str) -> str:
        """What stands in a form's box at first. Raises UserError for who may not send it."""
        stores = self._office.stores
        if control == Control.EDIT:
            row = await stores.turns.get(turn_id)
            return row.answer if row is not None and row.user == self._office.key(pressed.user) else ""
        if control == Control.CORRECT:
            author = await self._office.people.author(pressed.user)
            await stores.places.moderator(Place("slack", self._office.team, pressed.channel), author)
            item, row = await stores.reviews.get(turn_id), await stores.turns.get(turn_id)
            return (item.suggestion if item is not None else "") or (row.answer if row is not None else "")
        return ""

    async def _tell(self, pressed: _Pressed, words: str, *, replace: bool = False) -> None:
        office = self._office
        try:
            if pressed.ephemeral:
                await respond(office.http, pressed.response_url, {"text": words, "replace_original": replace})
            else:
                await office.desk.whisper(pressed.spot(), words)
        except SendError as error:
            log.info("slack_not_told", kind=type(error).__name__, detail=error.detail)


class _Pressed:
    """Where something was pressed, from a block action or from what a form has kept of one."""

    def __init__(self, body: Body) -> None:
        container = body.get("container") or {}
        message = body.get("message") or {}
        self.user = str(body["user"]["id"])
        self.team = str((body.get("team") or {}).get("id") or body["user"].get("team_id") or "")
        self.channel = str((body.get("channel") or {}).get("id") or container.get("channel_id") or "")
        self.message = str(container.get("message_ts") or message.get("ts") or "")
        self.ephemeral = bool(container.get("is_ephemeral"))
        thread = str(message.get("thread_ts") or container.get("thread_ts") or "")
        # What is pressed on a message of its own goes on in the thread under it.
        self.thread = thread or ("" if self.ephemeral else self.message)
        self.opens = self.thread == self.message
        self.trigger = str(body.get("trigger_id") or "")
        self.response_url = str(body.get("response_url") or "")

    def spot(self, *, whole: bool = False) -> Spot:
        """The thread to answer in; `whole`: the channel itself, where nothing was in a thread."""
        thread = self.thread if not (whole and self.ephemeral) else ""
        return Spot(self.team, self.channel, self.user, thread, self.response_url, opens=self.opens)

    def kept(self) -> dict[str, Any]:
        """What a form has to know to answer in the right place, in the shape of a block action."""
        return {
            "channel": {"id": self.channel},
            "container": {"message_ts": self.message, "thread_ts": self.thread, "is_ephemeral": self.ephemeral},
            "response_url": self.response_url,
        }


class _Quiet(SilentReply):
    """Stop shows in the answer it stops; only why it cannot is told."""

    def __init__(self, office: Office, pressed: _Pressed) -> None:
        super().__init__("slack")
        self._office = office
        self._pressed = pressed

    async def fail(self, words: str) -> None:
        if self._pressed.ephemeral:
            await respond(self._office.http, self._pressed.response_url, {"text": words, "replace_original": False})
        else:
            await self._office.desk.whisper(self._pressed.spot(), words)


def _turn_of(blocks: object) -> str:
    """The turn whose controls stand under a message, "" when there are none."""
    for block in blocks if isinstance(blocks, list | tuple) else ():
        for element in block.get("elements") or ():
            if not str(element.get("action_id", "")).startswith(f"{PRESS}:"):
                continue
            value = element.get("value") or element.get("positive_button", {}).get("value")
            with contextlib.suppress(ValueError):
                return press_of(str(value))[0]
    return ""
