"""The console's pages: the frames that their scripts fill."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from adapters.web.frames import Frames
from adapters.web.review.access import REVIEWER, Reviewer
from adapters.web.sessions import SESSION, Sessions
from bot.learning.flags import Reason
from bot.roles import Role

PAGES = {
    "queue": ("Review", "flag", Role.VIEW),
    "datasets": ("Datasets", "data", Role.VIEW),
    "runs": ("Runs", "run", Role.VIEW),
    "adapters": ("Adapters", "layers", Role.VIEW),
    "service": ("Service", "pulse", Role.VIEW),
    "people": ("People", "people", Role.ADMIN),
}
"""Each page: its title, its icon, who may see it."""


class ReviewPages:
    """Every page of the console. What stands in them is fetched, and checked once more, by their scripts."""

    def __init__(self, frames: Frames, sessions: Sessions) -> None:
        self._frames = frames
        self._sessions = sessions

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/review", self.queue),
            *(web.get(f"/review/{name}", self.page) for name in PAGES if name != "queue"),
            web.get("/review/datasets/{of}", self.page),
            web.get("/review/runs/{of}", self.page),
        ]

    async def queue(self, request: web.Request) -> web.StreamResponse:
        reasons = [(number, reason.value, reason.label) for number, reason in enumerate(Reason, 1)]
        return self._page(request, "queue", reasons=reasons)

    async def page(self, request: web.Request) -> web.StreamResponse:
        """Any other page, or the one of a dataset or a run."""
        name = request.path.split("/")[2]
        return self._page(request, name, of=request.match_info.get("of", ""))

    def _page(self, request: web.Request, name: str, **values: Any) -> web.StreamResponse:
        reviewer = request[REVIEWER]
        reviewer.must(PAGES[name][2])
        response = self._frames.page(
            f"review/{name}.html", here=name, title=PAGES[name][0], menu=menu(reviewer), reviewer=reviewer,
            guarded=self._sessions.guarded, **values,
        )  # fmt: skip
        if SESSION in request:
            self._sessions.write(request, response, request[SESSION])
        return response


def menu(reviewer: Reviewer) -> list[tuple[str, str, str]]:
    """Path, title and icon of the pages that somebody may see."""
    return [
        ("/review" if name == "queue" else f"/review/{name}", title, icon)
        for name, (title, icon, role) in PAGES.items()
        if reviewer.role >= role
    ]
