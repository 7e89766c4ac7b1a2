"""doctor on Discord: what is wrong with the token, the intents and the permissions, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.discord.commands import KEPT
from adapters.discord.doctor import NEEDED, examine, invite_link
from bot.doctor import Finding
from bot.scenarios.catalogue import catalogue
from bot.settings import Settings
from tests.adapters.discord.conftest import staged
from tests.adapters.discord.peer import Fault, Peer
from tests.adapters.discord.people import World


def settings(peer: Peer, path: Path, **changes: object) -> Settings:
    return Settings(_env_file=None, data_dir=path, **(peer.settings | changes))  # type: ignore[arg-type]


def levels(findings: list[Finding]) -> dict[str, str]:
    return {finding.part: finding.level for finding in findings}


def words_of(findings: list[Finding]) -> str:
    """What is said of the commands."""
    return next(finding.words for finding in findings if finding.part == "Discord commands")


def remedy_of(findings: list[Finding]) -> str:
    return next(finding.remedy for finding in findings if finding.part == "Discord commands")


async def test_all_is_well(peer: Peer, harbour: World, tmp_path: Path) -> None:
    async with staged(peer, harbour, tmp_path, catalogue()):
        pass
    findings = await examine(settings(peer, tmp_path))
    assert levels(findings) == {
        "Discord": "ok", "Discord intents": "ok", "Discord commands": "ok", "invite link": "ok"
    }  # fmt: skip
    assert findings[0].words == "TestBot, in 1 servers"
    assert words_of(findings) == "20 commands, as this version has them"
    assert f"permissions={NEEDED.value}" in findings[-1].remedy
    assert peer.token not in str(findings)


async def test_commands_that_stand_otherwise_are_named(peer: Peer, harbour: World, tmp_path: Path) -> None:
    findings = await examine(settings(peer, tmp_path))
    assert words_of(findings).startswith("out of date: Discord has none yet")
    assert remedy_of(findings).startswith("Start the bot")
    async with staged(peer, harbour, tmp_path, catalogue()):
        pass
    told = peer.backend.commands[None]
    told["ancient", 1] = {**told["translate", 1], "name": "ancient"}
    told["write", 1]["options"][0]["choices"].pop()
    del told["Translate", 3]
    findings = await examine(settings(peer, tmp_path))
    assert levels(findings)["Discord commands"] == "warning"
    assert words_of(findings) == "out of date: missing: Translate; changed: /write; left over: /ancient"
    kept = tmp_path / KEPT
    assert remedy_of(findings) == f"Delete {kept}, then start the bot: it tells Discord its commands."
    kept.unlink()
    async with staged(peer, harbour, tmp_path, catalogue()):
        pass
    assert levels(await examine(settings(peer, tmp_path)))["Discord commands"] == "ok", "which is what was advised"


async def test_a_server_that_shows_no_commands_is_named(peer: Peer, harbour: World, tmp_path: Path) -> None:
    peer.faults += [Fault("GET", f"/applications/*/guilds/{harbour.guild}/commands", 403, code=50001, times=2)]
    findings = await examine(settings(peer, tmp_path))
    (refused,) = [one for one in findings if one.level == "error"]
    assert refused.words == "Harbour does not let the bot have commands"
    assert "applications.commands" in refused.remedy
    here = await examine(settings(peer, tmp_path, discord_guilds=str(harbour.guild)))
    assert [one.level for one in here if one.part == "Discord commands"] == ["error"], "and no second word on it"


async def test_commands_of_one_server_are_looked_for_there(peer: Peer, harbour: World, tmp_path: Path) -> None:
    async with staged(peer, harbour, tmp_path, catalogue(), discord_guilds=str(harbour.guild)):
        pass
    here = await examine(settings(peer, tmp_path, discord_guilds=str(harbour.guild)))
    assert words_of(here) == "20 commands in Harbour, as this version has them"


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
