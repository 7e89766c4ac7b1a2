"""What is sent unasked: answers that a crash kept from their readers, notices, and words to one person alone."""

from __future__ import annotations

import structlog

from adapters.slack.desk import Spot
from adapters.slack.files import upload
from adapters.slack.moderation import notice_drawn
from adapters.slack.reply import ThreadReply
from adapters.slack.text import safe
from adapters.slack.workspaces import Workspace, Workspaces
from bot.delivery import SendError, SendForbidden
from bot.messengers import Door, Notice
from bot.request import Author, MessageRef, Place
from bot.turn import File
from bot.turns import TurnRow

log = structlog.get_logger(__name__)


class SlackCourier:
    """Writes into conversations and channels of all workspaces, each with its own token."""

    def __init__(self, workspaces: Workspaces) -> None:
        self._workspaces = workspaces

    async def deliver(self, place: Place, turn: TurnRow, note: str) -> MessageRef:
        """Send a stored answer. What one person asked alone stays theirs."""
        workspace = await self._of(place.server)
        spot = Spot(place.server, place.channel, _user(turn.user.partition(":")[2]), place.thread)
        if (place.thread or spot.direct) and "@private" not in turn.options:
            ids = await workspace.presses.post(spot, turn, note)
        else:
            ids = [await workspace.presses.whisper(spot, turn, note)]
        return MessageRef("slack", place.channel, tuple(ids))

    async def direct(self, user_id: str) -> Door:
        """The conversation with one person alone."""
        office = (await self._of(_realm(user_id))).office
        user = _user(user_id)
        spot = Spot(office.team, await office.desk.direct(user), user)
        reply = ThreadReply(office.desk, spot, office.running.noted, office.versions)
        return Door(Place("slack", office.team, spot.channel), await office.people.author(user), reply)

    async def notify(self, notice: Notice, channel: str) -> MessageRef:
        """Post a notice with a link to what it is about."""
        office = (await self._of(notice.place.server)).office
        place = {"channel": channel, "unfurl_links": False, "unfurl_media": False}
        answer = await office.desk.calls("chat.postMessage", **place, **notice_drawn(office, notice))
        return MessageRef("slack", channel, (str(answer["ts"]),))

    async def member(self, server: str, user_id: str) -> Author | None:
        """A person of a workspace that the bot is in."""
        workspace = await self._workspaces.of(server)
        if workspace is None or workspace.office.team != server:
            return None
        return await workspace.office.people.author(user_id)

    async def tell(self, person: str, words: str) -> None:
        """Words in the two's own conversation."""
        office = (await self._of(_realm(person))).office
        spot = Spot(office.team, await office.desk.direct(_user(person)), _user(person))
        await office.desk.post(spot, safe(office.desk.own(words)))

    async def post(self, channel: str, words: str, picture: bytes) -> None:
        """Words for a channel, and a picture behind them where files are allowed."""
        office = (await self._with_moderators_in(channel)).office
        spot = Spot(office.team, channel, "")
        await office.desk.post(spot, safe(words))
        if picture:
            try:
                await upload(office.desk.calls, spot, File("parley.png", "image/png", picture), private=False)
            except SendError as error:  # what counts has been said
                log.warning("slack_picture_failed", detail=error.detail)

    async def _of(self, team: str) -> Workspace:
        workspace = await self._workspaces.of(team)
        if workspace is None:
            raise SendForbidden("the workspace has no installation")
        return workspace

    async def _with_moderators_in(self, channel: str) -> Workspace:
        for workspace in await self._workspaces.all():
            office = workspace.office
            server = await office.stores.places.server("slack", office.team)
            if channel == server.moderators_channel:
                return workspace
        return await self._of("")


def _user(key: str) -> str:
    return key.rpartition(".")[2]


def _realm(key: str) -> str:
    return key.rpartition(".")[0]
