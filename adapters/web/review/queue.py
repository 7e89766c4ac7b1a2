"""The review queue's server side: the list, one item with all that belongs to it, and what is decided on it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

import structlog
from aiohttp import web

from adapters.web.body import read_json, text_of
from adapters.web.chat import Core
from adapters.web.review.access import REVIEWER, Reviewer
from adapters.web.review.item import Item, view_of
from bot.errors import QueueFull, QueueTimeout, UserError
from bot.learning.figures import figures_of
from bot.learning.flags import Reason
from bot.learning.queue import DECIDED, STATES, Queue, Wanted
from bot.learning.review import GONE, Review
from bot.request import Author, Place, Request
from bot.roles import Role
from bot.stores import Stores
from bot.turns import TurnRow, new_id
from models.engine import EngineError

log = structlog.get_logger(__name__)

Act = Callable[[Reviewer, str, dict[str, Any]], Awaitable[Review]]


class ReviewQueue:
    """Everybody on the console may look; each change is checked for its role, and by the queue itself."""

    def __init__(self, core: Core, stores: Stores) -> None:
        self._core = core
        self._stores = stores
        self._queue = Queue(stores.database)
        self._acts: dict[str, Act] = {
            "claim": self._claim,
            "release": self._release,
            "escalate": self._escalate,
            "approve": self._approve,
            "edit": self._edit,
            "reject": self._reject,
            "undo": self._undo,
            "golden": self._golden,
        }

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/review/items", self.index),
            web.get("/review/items/{turn}", self.item),
            web.post("/review/items/{turn}/translate", self.translate),
            web.post("/review/items/{turn}/{act}", self.act),
            web.get("/review/counts", self.counts),
            web.get("/review/figures", self.figures),
        ]

    async def index(self, request: web.Request) -> web.Response:
        """A page of the list: `?state=open&scenario=&reason=&server=&words=&after=`."""
        moderator, asked = request[REVIEWER].moderator, request.query
        wanted = Wanted(**{name: asked.get(name, "")[:200] for name in Wanted.__slots__ if name in asked})
        if wanted.state not in STATES:
            raise web.HTTPBadRequest(text="There is no such list.")
        page = await self._queue.page(moderator, wanted)
        body: dict[str, Any] = {
            "items": [_row(asdict(row), moderator.user) for row in page.rows],
            "more": page.more,
            "counts": await self._queue.counts(moderator),
        }
        if not wanted.after:
            body |= await self._queue.choices(moderator)
        return web.json_response(body)

    async def item(self, request: web.Request) -> web.Response:
        return web.json_response(await self._view(request[REVIEWER], request.match_info["turn"]))

    async def act(self, request: web.Request) -> web.Response:
        """Do one of the acts, and give the item as it is then."""
        reviewer, turn_id = request[REVIEWER], request.match_info["turn"]
        act = self._acts.get(request.match_info["act"])
        if act is None:
            raise web.HTTPNotFound(text="That cannot be done here.")
        reviewer.must(Role.REVIEW)
        await act(reviewer, turn_id, await read_json(request))
        return web.json_response(await self._view(reviewer, turn_id))

    async def translate(self, request: web.Request) -> web.Response:
        """The texts of an item in the reader's language, by the bot's own model; kept nowhere."""
        reviewer, body = request[REVIEWER], await read_json(request)
        view = await self._view(reviewer, request.match_info["turn"])
        texts = {name: str(view[name]) for name in ("question", "answer", "suggestion") if view[name]}
        try:
            said = {name: await self._read(reviewer, text, text_of(body, "to")) for name, text in texts.items()}
        except (EngineError, QueueFull, QueueTimeout) as error:
            log.warning("reading_failed", kind=type(error).__name__)
            words = "The model cannot translate it just now. Nothing was changed; try again in a minute."
            raise web.HTTPServiceUnavailable(text=words) from error
        return web.json_response(said)

    async def counts(self, request: web.Request) -> web.Response:
        return web.json_response(await self._queue.counts(request[REVIEWER].moderator))

    async def figures(self, request: web.Request) -> web.Response:
        return web.json_response(asdict(await figures_of(self._stores.database, request[REVIEWER].moderator)))

    async def _read(self, reviewer: Reviewer, text: str, to: str) -> str:
        visitor = reviewer.visitor
        author = Author(visitor.id, visitor.name, locale=to or "en")
        options = {"text": text, "to": to or "en"}
        asked = Request(new_id(), Place("web", channel="review"), author, command="translate", options=options)
        return (await self._core.aside(asked)).text

    async def _view(self, reviewer: Reviewer, turn_id: str) -> dict[str, Any]:
        review, turn = await self._found(reviewer, turn_id)
        reviews = self._stores.reviews
        item = Item(
            review, turn, await reviews.complaints(turn_id), await reviews.verdicts(turn_id),
            await self._stores.feedback.of_turn(turn_id), await self._stores.golden.get(turn_id),
            (await self._stores.registry.trained_on([turn_id])).get(turn_id, ()),
        )  # fmt: skip
        return view_of(item, reviewer)

    async def _found(self, reviewer: Reviewer, turn_id: str) -> tuple[Review, TurnRow]:
        review, turn = await self._stores.reviews.get(turn_id), await self._stores.turns.get(turn_id)
        if review is None or turn is None or not reviewer.moderator.covers(review.platform, review.server):
            raise web.HTTPNotFound(text=GONE)
        return review, turn

    async def _golden(self, reviewer: Reviewer, turn_id: str, body: dict[str, Any]) -> Review:
        """Into the golden set, as critical or not, or out of it. Its reference is what was decided on."""
        review, turn = await self._found(reviewer, turn_id)
        wanted = text_of(body, "wanted")
        if wanted == "out":
            await self._stores.golden.remove([turn_id])
        elif review.state not in DECIDED:
            raise UserError("Decide on it first: the golden set holds right answers only.")
        else:
            reference = turn.answer if review.state == "rejected" else review.correction
            critical = wanted == "critical"
            await self._stores.golden.add(turn, reference, reviewer.visitor.user, critical=critical)
        return review

    async def _claim(self, reviewer: Reviewer, turn_id: str, body: dict[str, Any]) -> Review:
        return await self._stores.reviews.claim(turn_id, reviewer.moderator)

    async def _release(self, reviewer: Reviewer, turn_id: str, body: dict[str, Any]) -> Review:
        return await self._stores.reviews.release(turn_id, reviewer.moderator)

    async def _escalate(self, reviewer: Reviewer, turn_id: str, body: dict[str, Any]) -> Review:
        return await self._stores.reviews.escalate(turn_id, reviewer.moderator)

    async def _approve(self, reviewer: Reviewer, turn_id: str, body: dict[str, Any]) -> Review:
        revision = body.get("revision")
        if not isinstance(revision, int):
            raise web.HTTPBadRequest(text="Say which revision was looked at.")
        return await self._stores.reviews.approve(turn_id, reviewer.moderator, revision, _reasons(body))

    async def _edit(self, reviewer: Reviewer, turn_id: str, body: dict[str, Any]) -> Review:
        text, question = text_of(body, "text"), text_of(body, "question")
        return await self._stores.reviews.edit(turn_id, reviewer.moderator, text, _reasons(body), question)

    async def _reject(self, reviewer: Reviewer, turn_id: str, body: dict[str, Any]) -> Review:
        return await self._stores.reviews.reject(turn_id, reviewer.moderator, _reasons(body))

    async def _undo(self, reviewer: Reviewer, turn_id: str, body: dict[str, Any]) -> Review:
        return await self._stores.reviews.undo(turn_id, reviewer.moderator)


def _row(row: dict[str, Any], reader: str) -> dict[str, Any]:
    return row | {
        "opened": row["opened"].isoformat(),
        "decided": row["decided"].isoformat() if row["decided"] else "",
        "claimed_by": "you" if row["claimed_by"] == reader else "",
    }


def _reasons(body: dict[str, Any]) -> tuple[Reason, ...]:
    named = body.get("reasons", [])
    if not isinstance(named, list) or not all(one in list(Reason) for one in named):
        raise web.HTTPBadRequest(text="There is no such reason.")
    return tuple(dict.fromkeys(map(Reason, named)))
