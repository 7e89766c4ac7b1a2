"""The door of the console: what somebody sees who is not in yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from adapters.web.frames import Frames


@dataclass(frozen=True, slots=True)
class Choice:
    """A server to sign in to: where its button leads, its name, and the role one has there."""

    path: str
    server: str
    role: str


class Door:
    """Makes the page. `platforms`: those that one signs in with, name in the address and title."""

    def __init__(self, frames: Frames, platforms: Sequence[tuple[str, str]], *, guarded: bool) -> None:
        self._frames = frames
        self._platforms = platforms
        self._guarded = guarded

    def page(
        self, words: str = "", status: int = 200, *, name: str = "", role: str = "", choices: Sequence[Choice] = ()
    ) -> web.Response:
        """`words`: why somebody is not in; `name`, `role`: whom the link that was opened lets in."""
        return self._frames.page(
            "review/enter.html", status, words=words, name=name, role=role, choices=choices, platforms=self._platforms,
            guarded=self._guarded,
        )  # fmt: skip
