"""Sessions: who sits in front of the page, by a random id in a cookie, and the gate that WEB_TOKEN is."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from bot.request import Author, Place

_ID = re.compile(r"[0-9a-f]{32}")
_KEY = re.compile(r"([0-9a-f]{16})([0-9a-f]{24})")
_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?")
_YEAR = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Session:
    """One browser. `id` is its secret; the store only ever sees a digest of it."""

    id: str

    @property
    def name(self) -> str:
        return hashlib.sha256(self.id.encode()).hexdigest()[:32]

    @property
    def user(self) -> str:
        """The key in the store, as `Request.user` makes it."""
        return f"web:{self.name}"

    def author(self, locale: str) -> Author:
        return Author(id=self.name, locale=locale)

    def new_key(self) -> str:
        """A key for a new conversation, which only this session can have been given."""
        nonce = secrets.token_hex(8)
        return nonce + self._mark(nonce)

    def owns(self, key: str) -> bool:
        parts = _KEY.fullmatch(key)
        return parts is not None and hmac.compare_digest(self._mark(parts[1]), parts[2])

    def place(self, key: str) -> Place:
        """Where the conversation `key` is. Raises 404 for a key of somebody else's."""
        if not self.owns(key):
            raise web.HTTPNotFound(text="There is no such conversation here.")
        return Place(platform="web", channel="web", thread=key)

    def _mark(self, nonce: str) -> str:
        return hmac.new(self.id.encode(), nonce.encode(), hashlib.sha256).hexdigest()[:24]


SESSION = web.RequestKey("session", Session)


class Sessions:
    """Reads and writes the cookie. With a `token`, only a cookie that was signed after a login counts."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        self.attempts = Attempts()

    @property
    def guarded(self) -> bool:
        return bool(self._token)

    def read(self, request: web.Request) -> Session | None:
        """The session that came with the request, None without one that counts."""
        session_id, _, mark = request.cookies.get(_cookie(request), "").partition(".")
        if _ID.fullmatch(session_id) is None:
            return None
        if self.guarded and not hmac.compare_digest(mark, self._mark(session_id)):
            return None
        return Session(session_id)

    def known(self, request: web.Request) -> Session:
        """The browser's old id if it has one, signed or not, so that a new login keeps its conversations."""
        session_id = request.cookies.get(_cookie(request), "").partition(".")[0]
        return Session(session_id if _ID.fullmatch(session_id) else secrets.token_hex(16))

    def write(self, request: web.Request, response: web.StreamResponse, session: Session) -> None:
        value = f"{session.id}.{self._mark(session.id)}" if self.guarded else session.id
        write_cookie(request, response, _cookie(request), value, _YEAR)

    def clear(self, request: web.Request, response: web.StreamResponse) -> None:
        """Forget the login. The id stays in the browser, so that its conversations are there after the next."""
        session = self.read(request)
        if session is not None:
            write_cookie(request, response, _cookie(request), session.id, _YEAR)

    def accepts(self, token: str) -> bool:
        return hmac.compare_digest(hashlib.sha256(token.encode()).digest(), hashlib.sha256(self._token).digest())

    def bears(self, request: web.Request) -> bool:
        """Whether a program sent the token along: `Authorization: Bearer ...`."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        return self.guarded and kind.lower() == "bearer" and self.accepts(token.strip())

    def _mark(self, session_id: str) -> str:
        return hmac.new(self._token, session_id.encode(), hashlib.sha256).hexdigest()[:32]


class Attempts:
    """Slows down guessing: each wrong token doubles the wait of its address, up to a minute."""

    FREE = 3
    MOST = 1000

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: dict[str, tuple[int, float]] = {}

    def wait(self, address: str) -> float:
        """Seconds until this address may try again, 0 for now."""
        count, last = self._wrong.get(address, (0, 0.0))
        pause = min(60.0, 2.0 ** (count - self.FREE)) if count >= self.FREE else 0.0
        return max(0.0, last + pause - self._clock())

    def wrong(self, address: str) -> None:
        if len(self._wrong) >= self.MOST:
            self._wrong.pop(next(iter(self._wrong)))
        count, _ = self._wrong.pop(address, (0, 0.0))
        self._wrong[address] = (count + 1, self._clock())

    def right(self, address: str) -> None:
        self._wrong.pop(address, None)


def locale_of(request: web.Request) -> str:
    """The reader's first language, as the browser tells it."""
    first = request.headers.get("Accept-Language", "").split(",")[0].split(";")[0].strip()
    return first if _LOCALE.fullmatch(first) else "en"


def write_cookie(
    request: web.Request, response: web.StreamResponse, name: str, value: str, seconds: int, *, path: str = "/",
    samesite: str = "Strict",
) -> None:  # fmt: skip
    """Give the browser a cookie that no script can use, and no other site's page unless `samesite` lets it."""
    secure = "https" in (request.scheme, request.headers.get("X-Forwarded-Proto"))
    response.set_cookie(name, value, max_age=seconds, path=path, httponly=True, samesite=samesite, secure=secure)


def named(request: web.Request, name: str) -> str:
    """A cookie's name on this port: cookies know none, and two bots on one machine must not log each other's out."""
    sockname = request.transport.get_extra_info("sockname") if request.transport else None
    return f"{name}-{sockname[1]}" if isinstance(sockname, tuple) else name


def _cookie(request: web.Request) -> str:
    return named(request, "parley")
