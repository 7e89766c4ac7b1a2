"""OAuth: who somebody is, as Discord or Slack says of them for an authorization code."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self
from urllib.parse import urlencode

import aiohttp

from bot.settings import Settings

SECONDS = 10.0
"""How long a platform may take for one answer."""
DISCORD_API = "https://discord.com/api/v10"
CLAIM = "https://slack.com/"
"""What Slack's own claims begin with."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sign-in under way. Its secrets wait in the browser that began it."""

    state: str
    verifier: str

    @classmethod
    def begin(cls) -> Self:
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(32))

    @property
    def challenge(self) -> str:
        """The verifier's digest, as PKCE has it (RFC 7636, S256)."""
        return _base64(hashlib.sha256(self.verifier.encode()).digest())


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signs in. `servers`: where they say they are, names by id."""

    user: str
    locale: str
    servers: Mapping[str, str]


class Refused(Exception):
    """The platform took the code or the app for none of its own; the argument is its word for that."""


class Provider(Protocol):
    """A platform that people sign in with. `platform` is its name in the store, `title` the one people know."""

    platform: ClassVar[str]
    title: ClassVar[str]

    def address(self, attempt: Attempt, redirect: str) -> str:
        """Where the browser is sent; it comes back to `redirect`."""
        ...

    async def identity(self, code: str, attempt: Attempt, redirect: str) -> Identity:
        """Who allowed it. Raises Refused, and what aiohttp raises of a platform that is away."""
        ...


class Discord:
    """Discord's authorization code flow with PKCE, as its `.well-known/oauth-authorization-server` has it."""

    platform: ClassVar[str] = "discord"
    title: ClassVar[str] = "Discord"

    def __init__(self, settings: Settings) -> None:
        self._client = settings.console_discord_client_id
        self._secret = settings.console_discord_client_secret.get_secret_value()
        self._api = settings.discord_api_url.rstrip("/") or DISCORD_API

    def address(self, attempt: Attempt, redirect: str) -> str:
        asked = {
            "response_type": "code", "client_id": self._client, "scope": "identify guilds", "state": attempt.state,
            "redirect_uri": redirect, "code_challenge": attempt.challenge, "code_challenge_method": "S256",
            "prompt": "none",
        }  # fmt: skip
        return f"https://discord.com/oauth2/authorize?{urlencode(asked)}"

    async def identity(self, code: str, attempt: Attempt, redirect: str) -> Identity:
        form = {
            "grant_type": "authorization_code", "client_id": self._client, "client_secret": self._secret,
            "code": code, "redirect_uri": redirect, "code_verifier": attempt.verifier,
        }  # fmt: skip
        async with _asking() as http:
            token = await _json(http.post(f"{self._api}/oauth2/token", data=form))
            bearer = {"Authorization": f"Bearer {token['access_token']}"}
            user = await _json(http.get(f"{self._api}/users/@me", headers=bearer))
            guilds = await _json(http.get(f"{self._api}/users/@me/guilds", headers=bearer))
            servers = {str(guild["id"]): str(guild["name"]) for guild in guilds}
            return Identity(str(user["id"]), str(user.get("locale") or "en"), servers)


class Slack:
    """Sign in with Slack, which is OpenID Connect: the nonce comes back in the token, whose app has to be this one.

    The token's signature is not looked at, as it comes from Slack itself over TLS (OpenID Connect Core, 3.1.3.7).
    """

    platform: ClassVar[str] = "slack"
    title: ClassVar[str] = "Slack"

    def __init__(self, settings: Settings) -> None:
        self._client = settings.console_slack_client_id
        self._secret = settings.console_slack_client_secret.get_secret_value()
        self._api = settings.slack_api_url.rstrip("/")

    def address(self, attempt: Attempt, redirect: str) -> str:
        asked = {
            "response_type": "code", "client_id": self._client, "scope": "openid profile", "state": attempt.state,
            "redirect_uri": redirect, "nonce": attempt.challenge,
        }  # fmt: skip
        return f"https://slack.com/openid/connect/authorize?{urlencode(asked)}"

    async def identity(self, code: str, attempt: Attempt, redirect: str) -> Identity:
        form = {
            "grant_type": "authorization_code", "client_id": self._client, "client_secret": self._secret,
            "code": code, "redirect_uri": redirect,
        }  # fmt: skip
        async with _asking() as http:
            token = await _json(http.post(f"{self._api}/openid.connect.token", data=form))
            if not token.get("ok"):
                raise Refused(str(token.get("error", "")))
            claims = _claims(token["id_token"])
            if claims["aud"] != self._client or claims["nonce"] != attempt.challenge:
                raise Refused("the token is of another app or of another sign-in")
            team = str(claims[f"{CLAIM}team_id"])
            name = str(claims.get(f"{CLAIM}team_name") or team)
            return Identity(str(claims[f"{CLAIM}user_id"]), str(claims.get("locale") or "en"), {team: name})


def providers(settings: Settings) -> dict[str, Provider]:
    """The platforms that the owner has set an app of, by their name in the store."""
    found: list[Provider] = []
    if settings.console_discord_client_id:
        found.append(Discord(settings))
    if settings.console_slack_client_id:
        found.append(Slack(settings))
    return {provider.platform: provider for provider in found}


@asynccontextmanager
async def _asking() -> AsyncIterator[aiohttp.ClientSession]:
    """A client. An answer of another shape than the platform documents counts as refused."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS)) as http:
        try:
            yield http
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise Refused(f"an answer that cannot be read ({type(error).__name__})") from error


async def _json(request: Any) -> Any:
    """The answer to a request. Raises Refused for a 4xx, aiohttp's own error for anything else that is no answer."""
    async with request as response:
        if 400 <= response.status < 500 and response.status != 429:
            raise Refused(f"{response.status} {_error(await response.text())}")
        response.raise_for_status()
        return await response.json()


def _error(text: str) -> str:
    """The error's name in an answer; what else an answer says may hold secrets."""
    try:
        return str(json.loads(text)["error"])[:60]
    except (ValueError, KeyError, TypeError):
        return ""


def _claims(token: str) -> dict[str, Any]:
    """What a token says. Raises ValueError or IndexError for what is none."""
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
