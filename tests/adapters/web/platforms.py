"""Discord's and Slack's side of signing in, on the wire: codes that work once, for one app and one redirect."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from bot.delivery import SendFailed
from bot.request import Author

APP, SECRET = "1001", "s3cret-of-the-app"


@dataclass
class Members:
    """A connection to a platform, as far as it tells who is a member where. `away`: it answers nothing."""

    of: dict[str, Author]
    away: bool = False

    async def member(self, server: str, user_id: str) -> Author | None:
        if self.away:
            raise SendFailed("away")
        author = self.of.get(server)
        return author if author is not None and author.id == user_id else None


@dataclass
class Platforms:
    """Both platforms' servers. `user` allows whatever is asked; `status` answers all in place of them."""

    user: str = "2"
    guilds: Mapping[str, str] = field(default_factory=dict)
    team: str = "T1"
    status: int = 0
    garbled: bool = False
    nonce: str = ""
    """In place of the one that was asked with."""
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.add_routes([
            web.post("/discord/oauth2/token", self._discord_token), web.get("/discord/users/@me", self._me),
            web.get("/discord/users/@me/guilds", self._guilds),
            web.post("/slack/openid.connect.token", self._slack_token),
        ])  # fmt: skip
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "discord_api_url": f"{self.url}/discord", "slack_api_url": f"{self.url}/slack/",
            "console_discord_client_id": APP, "console_discord_client_secret": SECRET,
            "console_slack_client_id": APP, "console_slack_client_secret": SECRET,
        }  # fmt: skip

    def allow(self, address: str) -> str:
        """The browser was sent to `address`, and somebody allows it: where it is sent back to."""
        parts = urlsplit(address)
        asked = dict(parse_qsl(parts.query))
        where = {"1001discord.com": "/oauth2/authorize", "1001slack.com": "/openid/connect/authorize"}
        assert parts.path == where[f"{asked['client_id']}{parts.hostname}"]
        assert asked["response_type"] == "code"
        code = f"code-{len(self._codes)}"
        self._codes[code] = asked
        return f"{asked['redirect_uri']}?code={code}&state={asked['state']}"

    def _asked(self, form: Mapping[str, Any]) -> dict[str, str] | None:
        """What a code was given for; None for one that is used, and for another app or redirect."""
        asked = self._codes.pop(str(form.get("code")), None)
        app = (form.get("client_id"), form.get("client_secret"), form.get("grant_type"))
        if asked is None or app != (APP, SECRET, "authorization_code"):
            return None
        return asked if form.get("redirect_uri") == asked["redirect_uri"] else None

    async def _discord_token(self, request: web.Request) -> web.Response:
        form = await request.post()
        asked = self._asked(form)  # type: ignore[arg-type]
        digest = hashlib.sha256(str(form.get("code_verifier", "")).encode()).digest()
        if self.status:
            return web.json_response({"error": "trouble"}, status=self.status)
        if asked is None or asked["code_challenge"] != _base64(digest) or asked["code_challenge_method"] != "S256":
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response([] if self.garbled else {"access_token": "t", "scope": asked["scope"]})

    async def _me(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer t"
        return web.json_response({"id": self.user, "username": "mo", "locale": "de"})

    async def _guilds(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer t"
        return web.json_response([{"id": id, "name": name, "permissions": "0"} for id, name in self.guilds.items()])

    async def _slack_token(self, request: web.Request) -> web.Response:
        asked = self._asked(await request.post())  # type: ignore[arg-type]
        if self.status:
            return web.Response(status=self.status, text="trouble")
        if asked is None:
            return web.json_response({"ok": False, "error": "invalid_code"})
        claims = {
            "iss": "https://slack.com", "aud": APP, "nonce": self.nonce or asked["nonce"], "locale": "en-US",
            "https://slack.com/team_id": self.team, "https://slack.com/user_id": self.user,
        }  # fmt: skip
        token = ".".join(_base64(json.dumps(part).encode()) for part in ({"alg": "RS256"}, claims)) + ".signature"
        return web.json_response(
            {"ok": True, "access_token": "xoxp", "id_token": "no token" if self.garbled else token}
        )


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
