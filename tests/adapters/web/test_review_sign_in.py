"""Signing in to the console with Discord and with Slack, against servers of theirs on this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.errors import UserError
from bot.request import Place
from bot.settings import load_settings
from tests.adapters.web.browser import Browser
from tests.adapters.web.conftest import Page, serve
from tests.adapters.web.desk import ADMIN, GUILD, MO, TOKEN, set_up
from tests.adapters.web.platforms import Members, Platforms

HTML = {"Accept": "text/html"}
HARBOUR, CASTLE = "77", "78"


@asynccontextmanager
async def opened(path: Path, **changes: Any) -> AsyncIterator[tuple[Page, Platforms, Browser]]:
    """A page that one signs in to with both platforms; Mo moderates one server and is on another."""
    async with (
        Platforms(guilds={HARBOUR: "Harbour", CASTLE: "Castle <b>"}) as platforms,
        serve(path, web_token=TOKEN, **(platforms.settings | changes)) as page,
    ):
        await set_up(page.stores)
        page.messengers["discord"] = Members({HARBOUR: MO, CASTLE: MO})  # type: ignore[assignment]
        browser = Browser(page.url)
        yield page, platforms, browser
        await browser.http.close()


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[tuple[Page, Platforms, Browser]]:
    async with opened(tmp_path) as found:
        yield found


async def sent_to(browser: Browser, platform: str) -> str:
    """Where the button leads."""
    response = await browser.get(f"/review/enter/with/{platform}", allow_redirects=False)
    assert response.status == 303
    return response.headers["Location"]


async def back(browser: Browser, address: str) -> tuple[int, str, str]:
    """The browser is sent back: status, path it ends at, what the page says."""
    response = await browser.get(address.removeprefix(browser.url), headers=HTML)
    return response.status, response.url.path, await response.text()


async def test_a_moderator_signs_in_with_discord(scene: tuple[Page, Platforms, Browser]) -> None:
    page, platforms, browser = scene
    door = await (await browser.get("/review/enter", headers=HTML)).text()
    assert 'href="/review/enter/with/discord">Sign in with Discord' in door
    returned = platforms.allow(await sent_to(browser, "discord"))
    status, path, text = await back(browser, returned)
    assert (status, path) == (200, "/review")
    assert 'data-role="2"' in text
    (visit,) = await page.stores.visitors.visits()
    assert (visit.visitor.user, visit.visitor.server, visit.visitor.locale) == ("discord:2", HARBOUR, "de")
    await page.stores.places.change(GUILD, ADMIN, "moderator_roles", "others")
    assert (await browser.get("/review/items")).status == 401  # as with a link: what is set now counts


async def test_a_way_back_works_once_and_in_the_browser_that_began(scene: tuple[Page, Platforms, Browser]) -> None:
    _, platforms, browser = scene
    returned = platforms.allow(await sent_to(browser, "discord"))
    stranger = Browser(browser.url)
    assert (await back(stranger, returned))[0] == 400
    await stranger.http.close()
    assert (await back(browser, returned))[0] == 200
    status, _, text = await back(browser, returned)
    assert (status, "was used already" in text) == (400, True)
    await sent_to(browser, "discord")
    assert (await back(browser, returned.replace("state=", "state=x")))[0] == 400
    assert (await browser.get("/review/enter/with/github")).status == 404


async def test_who_moderates_several_servers_chooses_one(scene: tuple[Page, Platforms, Browser]) -> None:
    page, platforms, browser = scene
    castle = Place("discord", CASTLE)
    await page.stores.places.change(castle, ADMIN, "viewers", MO.id)
    status, path, text = await back(browser, platforms.allow(await sent_to(browser, "discord")))
    assert (status, path) == (200, "/review/enter/back/discord")
    assert "Harbour: review" in text
    assert "Castle &lt;b&gt;: view" in text
    chosen = text.rpartition('action="')[2].partition('"')[0]
    entered = await browser.send("POST", chosen, headers=HTML)
    assert entered.url.path == "/review"
    assert 'data-role="1"' in await entered.text()


async def test_who_moderates_nothing_or_said_no_is_told_so(scene: tuple[Page, Platforms, Browser]) -> None:
    page, platforms, browser = scene
    address = await sent_to(browser, "discord")
    state = platforms.allow(address).partition("state=")[2]
    status, _, text = await back(browser, f"/review/enter/back/discord?error=access_denied&state={state}")
    assert (status, "not allowed, so nobody was signed in" in text) == (403, True)
    platforms.user = "9"
    status, _, text = await back(browser, platforms.allow(await sent_to(browser, "discord")))
    assert (status, "moderator of no server that I am on" in text) == (403, True)
    assert await page.stores.visitors.visits() == []


@pytest.mark.parametrize("platform", ["discord", "slack"])
@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ({"status": 503}, "does not answer just now"),
        ({"status": 401}, "did not confirm it"),
        ({"garbled": True}, "did not confirm it"),
    ],
)
async def test_a_platform_in_trouble_is_one_sentence(
    scene: tuple[Page, Platforms, Browser], platform: str, trouble: dict[str, Any], words: str
) -> None:
    page, platforms, browser = scene
    page.messengers["slack"] = page.messengers["discord"]
    for name, value in trouble.items():
        setattr(platforms, name, value)
    status, _, text = await back(browser, platforms.allow(await sent_to(browser, platform)))
    assert (status, words in text) == (502, True)
    assert await page.stores.visitors.visits() == []


async def test_a_bot_that_is_not_connected_says_so(scene: tuple[Page, Platforms, Browser]) -> None:
    page, platforms, browser = scene
    members = page.messengers.pop("discord")
    status, _, text = await back(browser, platforms.allow(await sent_to(browser, "discord")))
    assert (status, "I am not connected to Discord" in text) == (503, True)
    members.away = True  # type: ignore[attr-defined]
    page.messengers["discord"] = members
    assert (await back(browser, platforms.allow(await sent_to(browser, "discord"))))[0] == 502


async def test_signing_in_with_slack(scene: tuple[Page, Platforms, Browser]) -> None:
    page, platforms, browser = scene
    platforms.user = "U2"
    workspace = Place("slack", "T1")
    await page.stores.places.change(workspace, ADMIN, "moderators", "U2")
    page.messengers["slack"] = Members({"T1": replace(MO, id="U2", realm="T1")})  # type: ignore[assignment]
    platforms.nonce = "of-another-sign-in"
    status, _, text = await back(browser, platforms.allow(await sent_to(browser, "slack")))
    assert (status, "did not confirm it" in text) == (502, True)
    platforms.nonce = ""
    status, path, _ = await back(browser, platforms.allow(await sent_to(browser, "slack")))
    assert (status, path) == (200, "/review")
    (visit,) = await page.stores.visitors.visits()
    assert visit.visitor.user == "slack:T1.U2"  # whom a flag of theirs is kept under too


async def test_behind_a_proxy_the_way_back_is_the_public_one(tmp_path: Path) -> None:
    async with opened(tmp_path, web_url="https://parley.example.org") as (_, _, browser):
        address = await sent_to(browser, "slack")
    assert "redirect_uri=https%3A%2F%2Fparley.example.org%2Freview%2Fenter%2Fback%2Fslack" in address


def test_an_app_without_its_secret_is_named() -> None:
    with pytest.raises(UserError, match="CONSOLE_SLACK_CLIENT_ID and CONSOLE_SLACK_CLIENT_SECRET go together"):
        load_settings(_env_file=None, console_slack_client_id="1")
