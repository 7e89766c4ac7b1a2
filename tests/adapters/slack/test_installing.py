"""Installing in several workspaces: the pages, tokens that end, and that none of them knows of another."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from adapters.slack.manifest import SCOPES
from bot.errors import UserError
from bot.settings import load_settings
from tests.adapters.slack.conftest import House
from tests.adapters.slack.delivery import SECRET, Workspace
from tests.adapters.slack.peer import BOT, BOT_TOKEN, CLIENT, CODE, OTHER_TEAM, TEAM, Message
from tests.waiting import until

Opener = Callable[..., AbstractAsyncContextManager[House]]

INSTALLED = {
    "slack_client_id": CLIENT[0], "slack_client_secret": CLIENT[1], "slack_address": "https://bot.example",
    "slack_port": 0,
}  # fmt: skip


async def get(slack: Workspace, path: str, cookie: str = "") -> tuple[int, str, str]:
    """A page: its status, where it leads or what it says, and its cookie."""
    headers = {"Cookie": cookie} if cookie else {}
    async with (
        aiohttp.ClientSession() as session,
        session.get(slack.pages_url + path, headers=headers, allow_redirects=False) as answer,
    ):
        made = answer.headers.get("Set-Cookie", "")
        return answer.status, answer.headers.get("Location") or await answer.text(), made


async def install(slack: Workspace, code: str = CODE, **query: str) -> tuple[int, str]:
    """Go the whole way of installing; gives the last page."""
    _, location, made = await get(slack, "/slack/install")
    state = parse_qs(urlsplit(location).query)["state"][0]
    given = {"state": state, "code": code} | query
    path = "/slack/oauth_redirect?" + "&".join(f"{name}={value}" for name, value in given.items() if value)
    status, text, _ = await get(slack, path, made.partition(";")[0])
    return status, text


def say(slack: Workspace, user: str, channel: str, text: str, team: str) -> Message:
    """Somebody of another workspace writes."""
    message = Message(channel, slack.new_ts(), user, text)
    slack.messages[channel, message.ts] = message
    event = {"type": "message", "channel": channel, "user": user, "text": text, "ts": message.ts, "team": team}
    authorizations = [{"team_id": team, "user_id": BOT, "is_bot": True}]
    slack.deliver("events_api", {
        "type": "event_callback", "team_id": team, "event_id": f"Ev{slack.number()}", "event": event,
        "authorizations": authorizations,
    })  # fmt: skip
    return message


async def test_a_workspace_installs_the_app_and_is_answered(open_app: Opener, slack: Workspace) -> None:
    async with open_app(**INSTALLED) as house:
        status, location, made = await get(slack, "/slack/install")
        asked = parse_qs(urlsplit(location).query)
        assert (status, asked["client_id"], asked["redirect_uri"]) == (
            302, [CLIENT[0]], ["https://bot.example/slack/oauth_redirect"],
        )  # fmt: skip
        assert set(asked["scope"][0].split(",")) == set(SCOPES)
        assert "Secure" in made
        assert "HttpOnly" in made
        # Before it is installed, nothing is answered there.
        say(slack, "U0ANN", "D0ANN", "say: Too early.", OTHER_TEAM)
        await slack.until(lambda: [one for one in slack.envelopes.values() if one.seconds is not None])
        await house.app.settled()
        status, page = await install(slack)
        assert status == 200
        assert "Parley is in Other &lt;b&gt;" in page
        asked_there = say(slack, "U0ANN", "D0ANN", "say: Hello there.", OTHER_TEAM)
        assert (await slack.answer("D0ANN", asked_there.ts)).shown == "Hello there."
        used = {call.token for call in slack.called("chat.startStream")}
        assert used == {token for token, team in slack.tokens.items() if team == OTHER_TEAM}
        assert [message.shown for message in slack.by_bot("D0ANN")] == ["Hello there."]
        # The settings' own workspace goes on beside it, and neither knows the other's people.
        own = slack.say("U0ANN", "D0ANN", "say: Hello here.")
        await slack.answer("D0ANN", own.ts)
        await house.app.settled()
        there, here = f"slack:{OTHER_TEAM}.U0ANN", "slack:U0ANN"
        assert [row.answer for row in await house.stores.turns.of_user(there)] == ["Hello there."]
        assert [row.answer for row in await house.stores.turns.of_user(here)] == ["Hello here."]
        assert slack.calls[-1].token == BOT_TOKEN


async def test_memory_and_cards_stay_in_their_workspace(open_app: Opener, slack: Workspace) -> None:
    async with open_app(**INSTALLED) as house:
        await install(slack)
        await house.stores.cards.add(f"slack:{OTHER_TEAM}.U0ANN", "I goed", "I went", subject="English")
        for team, expected in ((OTHER_TEAM, True), (TEAM, False)):
            slack.homes.clear()
            event = {"type": "app_home_opened", "user": "U0ANN", "channel": "D0ANN", "tab": "home"}
            slack.deliver("events_api", {
                "type": "event_callback", "team_id": team, "event": event, "event_id": f"Ev{slack.number()}",
                "authorizations": [{"team_id": team, "user_id": BOT, "is_bot": True}],
            })  # fmt: skip
            page = str(await slack.until(lambda: slack.homes.get("U0ANN")))
            assert ("1 review card is due" in page) is expected


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"error": "access_denied"}, "Nothing was installed"),
        ({"state": "forged"}, "That took too long"),
        ({"code": "wrong"}, "Slack did not confirm it"),
    ],
)
async def test_what_goes_wrong_is_told_and_installs_nothing(
    open_app: Opener, slack: Workspace, query: dict[str, str], words: str
) -> None:
    async with open_app(**INSTALLED) as house:
        _, page = await install(slack, **query)
        assert words in page
        assert await house.stores.installations.servers("slack") == []


async def test_a_state_of_another_browser_is_refused(open_app: Opener, slack: Workspace) -> None:
    async with open_app(**INSTALLED) as house:
        _, location, _ = await get(slack, "/slack/install")
        state = parse_qs(urlsplit(location).query)["state"][0]
        status, _, _ = await get(slack, f"/slack/oauth_redirect?state={state}&code={CODE}", "parley_slack_state=else")
        assert status == 400
        assert await house.stores.installations.servers("slack") == []


async def test_a_token_is_renewed_before_it_ends(open_app: Opener, slack: Workspace) -> None:
    slack.token_seconds = 3600  # within the hours before its end
    async with open_app(**INSTALLED, slack_token_rotation=True) as house:
        await install(slack)
        first = next(token for token, team in slack.tokens.items() if team == OTHER_TEAM)
        slack.token_seconds = 12 * 3600
        asked = say(slack, "U0ANN", "D0ANN", "say: Renewed.", OTHER_TEAM)
        assert (await slack.answer("D0ANN", asked.ts)).shown == "Renewed."
        renewals = slack.called("oauth.v2.access")
        assert [call.arguments.get("grant_type") for call in renewals] == [None, "refresh_token"]
        assert first not in slack.tokens
        kept: Any = await house.stores.installations.get("slack", OTHER_TEAM)
        assert slack.tokens[kept["token"]] == OTHER_TEAM
        asked = say(slack, "U0ANN", "D0ANN", "say: Once.", OTHER_TEAM)
        await slack.answer("D0ANN", asked.ts)
        assert len(slack.called("oauth.v2.access")) == 2


async def test_removing_the_app_forgets_the_tokens(open_app: Opener, slack: Workspace) -> None:
    async with open_app(**INSTALLED) as house:
        await install(slack)
        asked = say(slack, "U0ANN", "D0ANN", "say: Hello.", OTHER_TEAM)
        await slack.answer("D0ANN", asked.ts)
        slack.deliver("events_api", {
            "type": "event_callback", "team_id": OTHER_TEAM, "event_id": "Ev-gone",
            "event": {"type": "app_uninstalled"},
        })  # fmt: skip

        async def gone() -> bool:
            return await house.stores.installations.servers("slack") == []

        await until(gone)
        await house.app.settled()  # the rest goes after the installation
        assert await house.stores.turns.of_user(f"slack:{OTHER_TEAM}.U0ANN") == []


async def test_signed_requests_and_the_pages_share_a_port(open_app: Opener, slack: Workspace) -> None:
    async with open_app(**INSTALLED, slack_app_token="", slack_signing_secret=SECRET, slack_bot_token=""):
        assert (await install(slack))[0] == 200
        asked = say(slack, "U0ANN", "D0ANN", "say: By HTTP.", OTHER_TEAM)
        assert (await slack.answer("D0ANN", asked.ts)).shown == "By HTTP."


def test_half_a_setting_is_refused() -> None:
    with pytest.raises(UserError, match="SLACK_CLIENT_SECRET and SLACK_ADDRESS"):
        load_settings(_env_file=None, slack_client_id="1.2")
    with pytest.raises(UserError, match="https://"):
        load_settings(_env_file=None, slack_address="http://bot.example")


async def test_who_signs_in_to_the_console_is_looked_up_in_their_own_workspace(house: House) -> None:
    found = await house.app.courier.member(TEAM, "U0BEN")
    assert found is not None
    assert (found.name, found.admin) == ("Ben", True)
    assert await house.app.courier.member(OTHER_TEAM, "U0BEN") is None
