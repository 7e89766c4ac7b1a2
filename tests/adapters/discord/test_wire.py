"""Discord's faults: limits, broken servers and sockets, late and doubled events, missing rights."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path

import discord
import pytest
from simcord.backend.models import Message, Overwrite
from simcord.enums import OverwriteType

from adapters.discord import client
from tests.adapters.discord.conftest import Stage, staged
from tests.adapters.discord.peer import Fault, Peer
from tests.adapters.discord.people import World, labels, text_of

SEND = 1 << 11


def said(peer: Peer, channel: int, wanted: str) -> list[Message]:
    """The bot's finished messages that say something, for everybody."""
    return [m for m in peer.answers(channel) if wanted in text_of(m) and "Stop" not in labels(m)]


def mention(stage: Stage, text: str) -> Message:
    return stage.world.ann.say(stage.world.general, f"<@{stage.peer.backend.bot_user.id}> {text}")


async def test_a_limit_hit_twice_is_waited_for(stage: Stage) -> None:
    stage.peer.faults += [Fault("POST", "/channels/*/messages", 429, times=2, retry_after=0.3)]
    mention(stage, "say: hello")
    await stage.peer.until(lambda: said(stage.peer, stage.world.general, "hello"))
    assert len(stage.peer.answers(stage.world.general)) == 1
    statuses = [c.status for c in stage.peer.calls if c.path.endswith("/messages") and c.method == "POST"]
    assert statuses == [429, 429, 200]


async def test_a_server_error_is_tried_again(stage: Stage) -> None:
    stage.peer.faults += [Fault("PATCH", "/channels/*/messages/*", 500)]
    mention(stage, "say: hello there")
    await stage.peer.until(lambda: said(stage.peer, stage.world.general, "hello there"))
    assert len(stage.peer.answers(stage.world.general)) == 1


async def test_a_dropped_socket_loses_no_message_and_answers_none_twice(stage: Stage) -> None:
    await stage.peer.gateway.drop()
    mention(stage, "say: while away")
    await stage.peer.until(lambda: said(stage.peer, stage.world.general, "while away"), 30)
    assert (stage.peer.gateway.identified, stage.peer.gateway.resumed) == (1, 1)
    await stage.peer.gateway.drop()
    await stage.peer.until(lambda: stage.peer.gateway.resumed == 2, 30)
    mention(stage, "say: once more")
    await stage.peer.until(lambda: said(stage.peer, stage.world.general, "once more"))
    assert len(stage.peer.answers(stage.world.general)) == 2


async def test_an_ordered_reconnect_resumes(stage: Stage) -> None:
    await stage.peer.gateway.order_reconnect()
    await stage.peer.until(lambda: stage.peer.gateway.resumed == 1, 30)
    mention(stage, "say: back")
    await stage.peer.until(lambda: said(stage.peer, stage.world.general, "back"))


async def test_an_invalid_session_identifies_anew(stage: Stage) -> None:
    await stage.peer.gateway.invalidate()
    await stage.peer.until(lambda: stage.peer.gateway.identified == 2, 30)
    mention(stage, "say: back")
    await stage.peer.until(lambda: said(stage.peer, stage.world.general, "back"))


async def test_the_same_message_twice_is_answered_once(stage: Stage) -> None:
    asked = mention(stage, "say: only once")
    stage.peer.backend.announce_message_create(asked)
    await stage.peer.until(lambda: said(stage.peer, stage.world.general, "only once"))
    mention(stage, "say: another")
    await stage.peer.until(lambda: said(stage.peer, stage.world.general, "another"))
    assert len(stage.peer.answers(stage.world.general)) == 2


async def test_an_answer_deleted_by_a_moderator_stops(stage: Stage) -> None:
    stage.script.texts["go on"] = "word " * 2000
    stage.script.pause = 0.1
    mention(stage, "go on")
    await stage.peer.until(lambda: stage.peer.answers(stage.world.general))
    shown = stage.peer.answers(stage.world.general)[0]
    stage.peer.backend.delete_message(shown.channel_id, shown.id)
    await stage.peer.until(lambda: any(c.status == 404 for c in stage.peer.calls))
    stage.peer.backend.create_message(stage.world.general, stage.world.ben.id, "still here")
    mention(stage, "say: next")
    await stage.peer.until(lambda: said(stage.peer, stage.world.general, "next"))


async def test_a_channel_where_it_may_not_write_is_left_alone(stage: Stage) -> None:
    backend, world = stage.peer.backend, stage.world
    role = next(r for r in backend.get_guild(world.guild).roles.values() if r.managed)
    backend.set_overwrite(world.general, Overwrite(role.id, OverwriteType.ROLE, deny=SEND))
    mention(stage, "say: nothing")
    await stage.peer.until(lambda: any(c.status == 403 for c in stage.peer.calls))
    world.ann.say(world.support, f"<@{backend.bot_user.id}> say: here")
    await stage.peer.until(lambda: said(stage.peer, world.support, "here"))
    assert stage.troubles == []


async def test_a_late_acknowledgement_goes_on_with_the_bots_own_token(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    peer.faults += [Fault("POST", "/interactions/*/callback", 404, code=10062)]
    world.ann.slash(world.general, "translate", text="hello", to="French")
    found = await peer.until(lambda: said(peer, world.general, "[French] hello"))
    assert found[0].interaction_metadata is None


async def test_an_answer_goes_on_when_the_interactions_token_is_dead(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, peer = stage.world, stage.peer
    stage.script.texts["say: Once upon a time."] = "Once upon a time. " * 200
    stage.script.pause = 0.3
    world.ann.slash(world.general, "story", theme="rain")
    (running,) = await peer.until(lambda: [m for m in peer.answers(world.general) if "Once upon" in text_of(m)])
    real, (record,) = discord.utils.utcnow, peer.backend.interactions.values()
    record.expires_at = "2020-01-01"
    monkeypatch.setattr(discord.utils, "utcnow", lambda: real() + timedelta(minutes=15))
    await peer.until(lambda: "Continue" in labels(running), 30)
    assert text_of(running).count("Once upon") == 200
    assert any(c.method == "PATCH" and c.path.startswith("/channels/") for c in peer.calls)


async def test_a_long_answer_arrives_whole_and_pings_nobody(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    fence = "```python\n" + "".join(f"value_{n} = {n}\n" for n in range(60)) + "```\n\n"
    table = "| name | value |\n|---|---|\n" + "".join(f"| n{n} | {n} |\n" for n in range(12)) + "\n"
    ping = f"@everyone <@{world.ben.id}> <@&{world.guild}> said so.\n\n"
    text = ""
    while len(text) < 12_000:
        text += f"Paragraph at {len(text)}: " + "words and more words " * 18 + "\n\n" + fence + ping + table
    stage.script.texts["everything"] = text
    stage.script.pause = 0.05
    mention(stage, "everything")
    await peer.until(lambda: said(peer, world.general, "") and "Retry" in labels(peer.answers(world.general)[-1]), 60)
    answers = peer.answers(world.general)
    whole = "\n".join(text_of(message) for message in answers)
    assert len(text) >= 12_000
    assert len(answers) >= 4
    assert words_in(whole) == words_in(text), "every word and cell, in order"
    for message in answers:
        assert sum(line.startswith("```") for line in text_of(message).splitlines()) % 2 == 0
        assert not message.ping_user_ids
        assert not message.ping_role_ids
        assert not message.mention_everyone
    edits = [c.at for c in peer.calls if c.method == "PATCH" and c.path.endswith(str(answers[0].id))]
    assert all(later - earlier > 0.9 for earlier, later in itertools.pairwise(edits))


def words_in(text: str) -> list[str]:
    """Words, numbers and mentions; what draws tables is left out."""
    return re.findall(r"<@&?\d+>|@?\w+", text)


async def test_a_very_long_answer_comes_as_a_file(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    text = "A sentence of some words. \n\n" * 1500
    stage.script.texts["everything"] = text
    mention(stage, "everything")
    await peer.until(lambda: said(peer, world.general, "The whole answer is in the file."), 60)
    last = peer.answers(world.general)[-1]
    assert [file["filename"] for file in last.attachments] == ["answer.md"]
    assert peer.backend.cdn.get(last.attachments[0]["url"]) == text.strip().encode()


async def test_two_hundred_commands_in_ten_seconds_are_all_acknowledged_and_answered(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    sent = {}
    records = []
    for number in range(200):
        user = peer.backend.make_user(f"user{number}")
        peer.backend.add_member(world.guild, user.id)
        person = type(world.ann)(peer, user.id, world.guild)
        record = person.slash(world.general, "translate", text=f"number {number}", to="French")
        sent[str(record.id)] = time.monotonic()
        records.append(record)
        await asyncio.sleep(0.05)
    await peer.until(lambda: len(said(peer, world.general, "[French] number")) == 200, 60)
    waits = sorted(call.at - sent[call.path.split("/")[2]] for call in peer.calls if call.path.endswith("/callback"))
    assert all(record.responded for record in records)
    assert len(waits) == 200
    print(f"acknowledged: p99 {waits[197]:.2f} s, last {waits[199]:.2f} s")  # noqa: T201 - the figure to read


async def test_bots_and_webhooks_are_not_answered(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    me = f"<@{peer.backend.bot_user.id}>"
    other = peer.backend.make_user("other", bot=True)
    peer.backend.add_member(world.guild, other.id)
    peer.backend.create_message(world.general, other.id, f"{me} say: no")
    hook = peer.backend.create_webhook(world.general, "hook", world.moderator.id)
    peer.backend.create_message(world.general, hook.webhook_user_id, f"{me} say: no", webhook_id=hook.id)
    mention(stage, "say: yes")
    await peer.until(lambda: said(peer, world.general, "yes"))
    assert stage.script.asked == ["say: yes"]


async def test_a_wrong_token_is_said(
    peer: Peer, harbour: World, stage_with: Callable[..., AbstractAsyncContextManager[Stage]]
) -> None:
    async with stage_with(discord_token="wrong") as stage:
        await asyncio.sleep(0)
        assert stage.troubles[0].words.startswith("DISCORD_TOKEN: Discord does not accept this token.")
        assert "wrong" not in stage.troubles[0].words


async def test_a_missing_intent_is_said_and_the_mode_without_it_works(
    peer: Peer, harbour: World, stage_with: Callable[..., AbstractAsyncContextManager[Stage]]
) -> None:
    peer.gateway.approved.message_content = False
    async with stage_with() as stage:
        assert "Message Content intent" in stage.troubles[0].words
    async with stage_with(discord_message_content=False) as stage:
        mention(stage, "say: hello")
        await peer.until(lambda: said(peer, harbour.general, "hello"))


async def test_a_discord_that_is_down_is_tried_again(
    peer: Peer, harbour: World, stage_with: Callable[..., AbstractAsyncContextManager[Stage]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(client, "LOGIN_SECONDS", 0.1)
    peer.faults += [Fault("GET", "/users/@me", 503, times=2)]
    async with stage_with() as stage:
        assert stage.troubles == []
        assert [call.status for call in peer.calls if call.path == "/users/@me"] == [503, 503, 200]
        mention(stage, "say: here I am")
        await peer.until(lambda: said(peer, harbour.general, "here I am"))


async def test_an_event_that_comes_while_it_closes_begins_nothing(peer: Peer, harbour: World, tmp_path: Path) -> None:
    async with staged(peer, harbour, tmp_path) as stage:
        client = stage.app.client
        await stage.ready()
    # The library's own task waits for servers and may end only now; its loop is gone.
    client.dispatch("ready")
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("discord.py")]
