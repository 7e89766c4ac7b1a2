"""The manifest is what Slack takes and what the code uses; doctor finds what is wrong and says what to do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from adapters.slack.app import SlackApp
from adapters.slack.limiter import LIMITS
from adapters.slack.manifest import EVENTS, SCOPES, SHORTCUTS, manifest
from adapters.slack.manifest_check import EVENTS as REASONS
from adapters.slack.setup import examine
from bot.errors import UserError
from bot.scenarios.catalogue import catalogue
from bot.settings import Settings
from tests import processes
from tests.adapters.slack.conftest import House
from tests.adapters.slack.delivery import SECRET, Workspace
from tests.adapters.slack.peer import APP_TOKEN, BOT_TOKEN, CONFIG_TOKEN, NEEDS, TEAM
from tests.adapters.slack.peer import SCOPES as GRANTED

ROOT = Path(__file__).parents[3]


def settings_for(slack: Workspace | None = None, **changes: Any) -> Settings:
    given = {"slack_bot_token": BOT_TOKEN, "slack_app_token": APP_TOKEN}
    if slack is not None:
        given["slack_api_url"] = slack.api_url
    return Settings(_env_file=None, **(given | changes))


def made(address: str = "", **changes: Any) -> dict[str, Any]:
    router = catalogue()
    return manifest(settings_for(**changes), router.commands, address)


def test_the_manifest_keeps_to_slacks_limits() -> None:
    for whole in (made(), made("https://bot.example", slack_short_commands=True)):
        display, features = whole["display_information"], whole["features"]
        assert len(display["name"]) <= 35
        assert len(display["description"]) <= 140
        assert 175 <= len(display["long_description"]) <= 4000
        assert re.fullmatch(r"#[0-9a-f]{6}", display["background_color"])
        assert len(features["agent_view"]["agent_description"]) <= 300
        assert "assistant_view" not in features
        assert len(features["shortcuts"]) <= 10
        for shortcut in features["shortcuts"]:
            assert len(shortcut["name"]) <= 24
            assert len(shortcut["description"]) <= 150
        commands = features["slash_commands"]
        assert len({command["command"] for command in commands}) == len(commands) <= 50
        for command in commands:
            assert re.fullmatch(r"/[a-z0-9_-]{1,31}", command["command"])
            assert command["should_escape"] is True
            assert 0 < len(command["description"]) <= 2000
            assert 0 < len(command["usage_hint"]) <= 1000


def test_the_transport_decides_about_addresses() -> None:
    socket, http = made(), made("https://bot.example/")
    assert socket["settings"]["socket_mode_enabled"] is True
    assert "https" not in json.dumps(socket)
    assert http["settings"]["socket_mode_enabled"] is False
    url = "https://bot.example/slack/events"
    assert http["settings"]["event_subscriptions"]["request_url"] == url
    assert http["settings"]["interactivity"]["request_url"] == url
    assert {command["url"] for command in http["features"]["slash_commands"]} == {url}


def test_the_command_is_named_by_the_settings_and_others_come_by_switch() -> None:
    assert [one["command"] for one in made(slack_command="/ask")["features"]["slash_commands"]] == ["/ask"]
    many = [one["command"] for one in made(slack_short_commands=True)["features"]["slash_commands"]]
    assert {"/parley", "/translate", "/tutor", "/story", "/write", "/support"} <= set(many)
    assert "/chat" not in many


def test_the_manifest_asks_for_the_scopes_and_events_that_the_code_uses_and_no_others() -> None:
    assert set(SCOPES) == set(GRANTED)
    source = "".join(
        path.read_text() for path in (ROOT / "adapters" / "slack").glob("*.py") if path.name != "manifest.py"
    )
    used = {NEEDS[method] for method in NEEDS if f'"{method}"' in source}
    assert used <= set(SCOPES)
    for event in EVENTS:
        assert f'"{event.partition(".")[0]}"' in source
    for callback, _, _ in SHORTCUTS:
        assert f'"{callback}"' in source
    # Every method that is called knows its limit, so that none is left to Slack to refuse.
    called = set(
        re.findall(r'"((?:chat|views|files|conversations|users|assistant\.threads|agents\.sessions)\.\w+)"', source)
    )
    assert called <= set(LIMITS)


def test_the_command_line_prints_it() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bot", "slack", "manifest"], capture_output=True, text=True, check=True,
        **processes.apart(),
    )  # fmt: skip
    assert json.loads(done.stdout)["settings"]["socket_mode_enabled"] is True


async def test_doctor_is_content_with_a_whole_set_up(slack: Workspace) -> None:
    findings = await examine(settings_for(slack))
    assert [finding.level for finding in findings] == ["ok"] * 3
    assert BOT_TOKEN not in str(findings)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"slack_bot_token": "xoxp-person"}, "user token"),
        ({"slack_bot_token": "123"}, "no bot token"),
        ({"slack_bot_token": ""}, "SLACK_APP_TOKEN is set, but SLACK_BOT_TOKEN is not"),
        ({"slack_app_token": "xoxb-wrong"}, "no app-level token"),
        ({"slack_app_token": ""}, "neither Socket Mode nor signed requests"),
        ({"slack_bot_token": "xoxb-other"}, "does not accept SLACK_BOT_TOKEN: invalid_auth"),
        ({"slack_app_token": "xapp-other"}, "Socket Mode does not work: invalid_auth"),
        ({"slack_api_url": "http://127.0.0.1:9/api/"}, "cannot be reached"),
    ],
)
async def test_doctor_names_what_is_wrong(slack: Workspace, changes: dict[str, str], words: str) -> None:
    findings = await examine(settings_for(slack, **changes))
    errors = [finding for finding in findings if finding.level == "error"]
    assert words in errors[0].words
    assert errors[0].remedy


async def test_doctor_compares_events_commands_and_shortcuts(slack: Workspace) -> None:
    told = "".join(finding.words for finding in await examine(settings_for(slack)))
    assert "events and commands were not compared" in told
    slack.manifest = made()
    settings = settings_for(slack, slack_config_token=CONFIG_TOKEN)
    assert [finding.level for finding in await examine(settings)] == ["ok"] * 3
    slack.manifest["settings"]["event_subscriptions"]["bot_events"].remove("agent_session_stopped")
    slack.manifest["settings"] |= {"socket_mode_enabled": False, "interactivity": {"is_enabled": False}}
    features = slack.manifest["features"]
    features["slash_commands"][0]["command"] = "/other"
    del features["shortcuts"][0], features["agent_view"]
    features["app_home"]["home_tab_enabled"] = False
    found = [finding for finding in await examine(settings) if finding.level != "ok"]
    assert all("slack manifest" in finding.remedy for finding in found)
    told = "\n".join(finding.words for finding in found)
    for words in (
        "the event agent_session_stopped is not subscribed: Slack's own Stop button", "the command /parley is missing",
        "commands nothing answers: /other", "the shortcut translate is missing", "the app is no agent",
        "Socket Mode is off", "interactivity is off", "the Home tab is off",
    ):  # fmt: skip
        assert words in told
    # Without an app-level token Slack is asked which app the bot is of.
    http = settings_for(slack, slack_app_token="", slack_signing_secret="s", slack_config_token=CONFIG_TOKEN)
    assert "the event agent_session_stopped" in str(await examine(http))
    wrong = settings_for(slack, slack_config_token="xoxe.xoxp-old")
    assert "does not show the app's manifest: invalid_auth" in str(await examine(wrong))


def test_every_event_that_is_asked_for_has_its_reason() -> None:
    assert set(REASONS) == set(EVENTS)


async def test_doctor_compares_the_scopes(slack: Workspace) -> None:
    slack.scopes.discard("users:read")
    slack.scopes.add("channels:join")
    found = {finding.words: finding for finding in await examine(settings_for(slack))}
    missing = next(finding for words, finding in found.items() if "users:read is missing" in words)
    assert "slack manifest" in missing.remedy
    assert any("scopes nothing needs: channels:join" in words for words in found)


async def test_a_token_that_will_never_do_ends_the_start_with_a_sentence(slack: Workspace, house: House) -> None:
    for changes, words in (
        ({"slack_bot_token": "xoxb-other"}, "SLACK_BOT_TOKEN (invalid_auth)"),
        ({"slack_app_token": "xapp-other"}, "SLACK_APP_TOKEN (invalid_auth)"),
        ({"slack_app_token": ""}, "SLACK_APP_TOKEN for Socket Mode, or SLACK_SIGNING_SECRET"),
    ):
        with pytest.raises(UserError) as caught:
            async with SlackApp(house.chatbot, house.stores, settings_for(slack, **changes)):
                pass
        assert words in caught.value.words
        assert "xoxb-other" not in caught.value.words


async def test_a_persons_token_is_refused(slack: Workspace, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slack, "_auth_test", lambda _: {"user_id": "U0ANN", "team_id": TEAM, "user": "ann"})
    with pytest.raises(UserError, match="a person's"):
        async with SlackApp(house.chatbot, house.stores, settings_for(slack)):
            pass


async def test_a_slack_that_is_away_at_the_start_is_waited_for(slack: Workspace, house: House) -> None:
    slack.faults["auth.test"].extend([500, "internal_error"])
    async with SlackApp(house.chatbot, house.stores, settings_for(slack)) as app:
        await slack.connected(2)
        assert (await app.readiness())[0]
    assert SECRET not in str(slack.calls)
