"""doctor on Discord: what is wrong with the token, the intents and the permissions, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.discord.doctor import NEEDED, examine, invite_link
from bot.doctor import Finding
from bot.settings import Settings
from tests.adapters.discord.peer import Peer
from tests.adapters.discord.people import World


def settings(peer: Peer, path: Path, **changes: object) -> Settings:
    return Settings(_env_file=None, data_dir=path, **(peer.settings | changes))  # type: ignore[arg-type]


def levels(findings: list[Finding]) -> dict[str, str]:
    return {finding.part: finding.level for finding in findings}


async def test_all_is_well(peer: Peer, harbour: World, tmp_path: Path) -> None:
    findings = await examine(settings(peer, tmp_path))
    assert levels(findings) == {"Discord": "ok", "Discord intents": "ok", "invite link": "ok"}
    assert findings[0].words == "TestBot, in 1 servers"
    assert f"permissions={NEEDED.value}" in findings[-1].remedy
    assert peer.token not in str(findings)


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("123456789012345678", "DISCORD_TOKEN is an application's id"),
        ("secret", "DISCORD_TOKEN has not the shape of a bot's token"),
        ("MTIzNDU2Nzg5MDEyMzQ1Njc4.Gabcde.another-token-that-is-long", "Discord does not accept DISCORD_TOKEN"),
    ],
)
async def test_a_wrong_token_is_named(peer: Peer, tmp_path: Path, token: str, words: str) -> None:
    (finding,) = await examine(settings(peer, tmp_path, discord_token=token))
    assert (finding.level, finding.words) == ("error", words)
    assert token not in finding.remedy


async def test_a_missing_intent_is_an_error_unless_it_is_not_wanted(peer: Peer, harbour: World, tmp_path: Path) -> None:
    peer.gateway.approved.message_content = False
    assert levels(await examine(settings(peer, tmp_path)))["Discord intents"] == "error"
    without = await examine(settings(peer, tmp_path, discord_message_content=False))
    assert levels(without)["Discord intents"] == "warning"


async def test_nobody_there(tmp_path: Path) -> None:
    url = "http://127.0.0.1:9/api/v10"
    (finding,) = await examine(
        Settings(_env_file=None, data_dir=tmp_path, discord_token=Peer().token, discord_api_url=url)  # type: ignore[call-arg]
    )
    assert finding.words.startswith("Discord cannot be reached")


def test_the_link_asks_for_commands_and_the_least_permissions() -> None:
    link = invite_link(42)
    assert "client_id=42" in link
    assert "applications.commands" in link
    assert not NEEDED.administrator
    assert not NEEDED.manage_messages
