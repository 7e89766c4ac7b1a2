"""Installing: the pages by which a workspace adds the app by itself, and what Slack tells after that."""

from __future__ import annotations

import html
import logging
from collections.abc import Callable
from urllib.parse import urlencode

import aiohttp
import structlog
from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.oauth.state_store.stateless import StatelessOAuthStateStore

from adapters.slack.calls import error_of
from adapters.slack.clients import tokens_for
from adapters.slack.manifest import INSTALL, REDIRECT, SCOPES
from adapters.slack.workspaces import token_of
from bot.settings import Settings
from bot.stores import Stores

log = structlog.get_logger(__name__)

AUTHORIZE = "https://slack.com/oauth/v2/authorize"
COOKIE = "parley_slack_state"
MINUTES = 5
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Parley on Slack</title>
<meta name="viewport" content="width=device-width"><body style="font:18px/1.5 system-ui;margin:15vh auto;max-width:32em;
padding:0 1em"><h1>{title}</h1><p>{words}</p></body></html>"""


class Installing:
    """Two pages: one sends people to Slack to allow the app, to the other Slack sends them back.

    No state is kept: it is signed, lasts five minutes, and has to come back with the cookie of the same browser.
    """

    def __init__(
        self, settings: Settings, stores: Stores, http: aiohttp.ClientSession, installed: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._stores = stores
        self._http = http
        self._installed = installed
        secret = settings.slack_client_secret.get_secret_value()
        quiet = logging.getLogger("slack_sdk.parley")
        quiet.setLevel(logging.CRITICAL)
        self._states = StatelessOAuthStateStore(expiration_seconds=MINUTES * 60, signing_secret=secret, logger=quiet)

    @property
    def routes(self) -> list[web.RouteDef]:
        return [web.get(INSTALL, self._begin), web.get(REDIRECT, self._end)]

    async def _begin(self, _: web.Request) -> web.StreamResponse:
        state = self._states.issue()
        asked = {
            "client_id": self._settings.slack_client_id, "scope": ",".join(sorted(SCOPES)), "state": state,
            "redirect_uri": self._redirect,
        }  # fmt: skip
        answer = web.Response(status=302, headers={"Location": f"{AUTHORIZE}?{urlencode(asked)}"})
        answer.set_cookie(COOKIE, state, max_age=MINUTES * 60, secure=True, httponly=True, samesite="Lax")
        return answer

    async def _end(self, request: web.Request) -> web.StreamResponse:
        state, code = request.query.get("state", ""), request.query.get("code", "")
        if request.query.get("error"):
            return _page("Nothing was installed", "Slack says that it was not allowed. You can try again any time.")
        if not state or request.cookies.get(COOKIE) != state or not self._states.consume(state):
            return _page("That took too long", f"Please begin again at {self._settings.slack_address}{INSTALL}.", 400)
        try:
            name = await self._install(code)
        except SlackApiError as error:
            log.warning("slack_not_installed", error=error_of(error))
            return _page("Slack did not confirm it", "Please begin again; nothing was installed.", 400)
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("slack_not_installed", kind=type(error).__name__)
            return _page("Slack did not answer", "Please begin again in a minute; nothing was installed.", 502)
        if not name:
            words = "Parley is installed in one workspace at a time, not in a whole organisation."
            return _page("Nothing was installed", words, 400)
        return _page(f"Parley is in {name}", "Open Slack, find Parley under Apps, and say hello.")

    async def _install(self, code: str) -> str:
        """Take the tokens and keep them. Gives the workspace's name, "" for a whole organisation."""
        answer = await tokens_for(self._settings, self._http, code=code, redirect_uri=self._redirect)
        team = answer.get("team") or {}
        if answer.get("is_enterprise_install") or not team.get("id"):
            return ""
        name = str(team.get("name") or team["id"])
        await self._stores.installations.put("slack", str(team["id"]), {"name": name, **token_of(answer)})
        self._installed(str(team["id"]))
        log.info("slack_installed", team=str(team["id"]))
        return name

    @property
    def _redirect(self) -> str:
        return f"{self._settings.slack_address.rstrip('/')}{REDIRECT}"


def _page(title: str, words: str, status: int = 200) -> web.Response:
    text = PAGE.format(title=html.escape(title), words=html.escape(words))
    return web.Response(text=text, status=status, content_type="text/html")
