"""Translation in channels: linked rooms through webhooks, and flags as reactions."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from simcord.backend.models import Message

from adapters.discord import linked
from adapters.discord.linked import shown_name
from bot.places import Places
from bot.request import Author, Place
from tests.adapters.discord.conftest import Stage, staged
from tests.adapters.discord.peer import Fault, Peer
from tests.adapters.discord.people import World, text_of
from tests.adapters.discord.test_controls import newest
from tests.waiting import until


async def link(stage: Stage, **tongues: int) -> None:
    """Channels of a link, each with its language."""
    places: Places = stage.stores.places
    admin = Author(str(stage.world.moderator.id), "mo", admin=True)
    for tongue, channel in tongues.items():
        place = Place("discord", str(stage.world.guild), str(channel))
        await places.change(place, admin, "link", "pier")
        await places.change(place, admin, "tongue", tongue)


def copies(stage: Stage, channel: int) -> list[Message]:
    return [message for message in stage.peer.messages(channel) if message.webhook_id]


async def test_what_is_said_in_one_shows_in_all_under_its_authors_name(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    third = peer.backend.create_channel(world.guild, "dritter").id
    await link(stage, English=world.general, French=world.support, German=third)
    world.ann.say(world.general, f"good morning <@{world.ben.id}> @everyone")
    (french,) = await peer.until(lambda: copies(stage, world.support))
    (german,) = await peer.until(lambda: copies(stage, third))
    assert french.content.startswith(f"[French] good morning <@{world.ben.id}> @everyone")
    assert german.content.startswith("[German] good morning")
    assert "[original](<https://discord.com/channels/" in french.content
    assert (french.author_name, french.ping_user_ids, french.mention_everyone) == ("ann", [], False)
    world.ben.say(world.support, "bonjour")
    await peer.until(lambda: copies(stage, world.general) and len(copies(stage, third)) == 2)
    assert len(copies(stage, world.support)) == 1, "nothing goes round"


async def test_edits_and_deletions_are_followed(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    await link(stage, English=world.general, French=world.support)
    said = world.ann.say(world.general, "helo")
    (copy,) = await peer.until(lambda: copies(stage, world.support))
    world.ann.edit(said, "hello")
    await peer.until(lambda: copy.content.startswith("[French] hello"))
    world.ann.delete(said)
    await peer.until(lambda: not copies(stage, world.support))


async def test_edits_and_deletions_are_followed_after_a_restart(
    peer: Peer, harbour: World, tmp_path: Path,
    stage_with: Callable[..., AbstractAsyncContextManager[Stage]],
) -> None:  # fmt: skip
    async with stage_with() as first:
        await link(first, English=harbour.general, French=harbour.support)
        said = harbour.ann.say(harbour.general, "helo")
        (copy,) = await peer.until(lambda: copies(first, harbour.support))
        await known(first, said, 1)
    async with staged(peer, harbour, tmp_path) as second:
        harbour.ann.edit(said, "hello")
        await peer.until(lambda: copy.content.startswith("[French] hello"))
        assert len(copies(second, harbour.support)) == 1
    async with staged(peer, harbour, tmp_path) as third:
        harbour.ann.delete(said)
        await peer.until(lambda: not copies(third, harbour.support))
        await known(third, said, 0)


async def known(stage: Stage, said: Message, count: int) -> None:
    """Wait until the store knows so many copies of a message."""

    async def counted() -> bool:
        return len(await stage.stores.copies.of("discord", str(said.id))) == count

    await until(counted)


async def test_a_message_deleted_while_it_is_carried_leaves_no_copy(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    await link(stage, English=world.general, French=world.support)
    for number in range(3):
        said = world.ann.say(world.general, f"number {number}")
    world.ann.delete(said)
    world.ann.say(world.general, "last")
    expected = ["[French] number 0", "[French] number 1", "[French] last"]
    await peer.until(lambda: [one.content.split("\n")[0] for one in copies(stage, world.support)] == expected)


async def test_a_channel_that_is_gone_keeps_no_copy_standing_elsewhere(
    peer: Peer, harbour: World, tmp_path: Path,
    stage_with: Callable[..., AbstractAsyncContextManager[Stage]],
) -> None:  # fmt: skip
    third = peer.backend.create_channel(harbour.guild, "dritter").id
    async with stage_with() as first:
        await link(first, English=harbour.general, French=third, German=harbour.support)
        said = harbour.ann.say(harbour.general, "not for ever")
        await known(first, said, 2)
    peer.backend.delete_channel(third)
    async with staged(peer, harbour, tmp_path) as second:
        await second.ready()
        harbour.ann.delete(said)
        await peer.until(lambda: not copies(second, harbour.support))
        await known(second, said, 1)  # of what stands where the bot cannot look


async def test_a_copy_that_cannot_be_deleted_at_once_is_tried_again(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    await link(stage, English=world.general, French=world.support)
    said = world.ann.say(world.general, "helo")
    await known(stage, said, 1)
    peer.faults.append(Fault("DELETE", "/webhooks/*", 403, code=50013))
    world.ann.delete(said)
    await peer.until(lambda: not peer.faults)
    assert len(copies(stage, world.support)) == 1
    await known(stage, said, 1)
    again = world.ann.say(world.general, "another")
    await known(stage, again, 1)
    peer.faults.append(Fault("DELETE", "/webhooks/*", 503))
    world.ann.delete(again)
    await known(stage, again, 0)
    assert len(copies(stage, world.support)) == 1


async def test_a_message_deleted_while_its_edit_is_carried_leaves_no_copy(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    await link(stage, English=world.general, French=world.support)
    said = world.ann.say(world.general, "helo")
    await known(stage, said, 1)
    peer.faults.append(Fault("PATCH", "/webhooks/*", delay=0.5))
    world.ann.edit(said, "hello " * 330)  # several messages by now
    await peer.until(lambda: not peer.faults)
    world.ann.delete(said)
    await known(stage, said, 0)
    assert copies(stage, world.support) == []


async def test_two_hosts_that_hear_the_same_carry_it_once(
    peer: Peer, harbour: World, tmp_path: Path,
    stage_with: Callable[..., AbstractAsyncContextManager[Stage]],
) -> None:  # fmt: skip
    async with stage_with() as first, staged(peer, harbour, tmp_path) as second:
        await first.ready()
        await second.ready()
        await link(first, English=harbour.general, French=harbour.support)
        said = harbour.ann.say(harbour.general, "helo")
        await known(first, said, 1)
        harbour.ann.edit(said, "hello")
        await peer.until(lambda: copies(first, harbour.support)[0].content.startswith("[French] hello"))
        harbour.ann.say(harbour.general, "that is all")
        await peer.until(lambda: len(copies(first, harbour.support)) > 1)
    shown = [one.content.split("\n")[0] for one in copies(first, harbour.support)]
    assert shown == ["[French] hello", "[French] that is all"]


async def test_a_webhook_that_somebody_removed_is_made_anew(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    await link(stage, English=world.general, French=world.support)
    await known(stage, world.ann.say(world.general, "one"), 1)
    peer.faults.append(Fault("POST", "/webhooks/*", 404, code=10015))
    peer.backend.webhooks.clear()
    world.ann.say(world.general, "lost")
    await peer.until(lambda: not peer.faults)
    await known(stage, world.ann.say(world.general, "two"), 1)
    assert [copy.content.split("\n")[0] for copy in copies(stage, world.support)] == ["[French] one", "[French] two"]


async def test_a_flood_in_one_is_no_flood_in_all(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linked, "A_MINUTE", 2)
    world, peer = stage.world, stage.peer
    await link(stage, English=world.general, French=world.support)
    for number in range(5):
        world.ann.say(world.general, f"number {number}")
    await peer.until(lambda: any("not carried" in message.content for message in peer.answers(world.general)))
    await peer.until(lambda: len(copies(stage, world.support)) == 2)
    assert [copy.content.split("\n")[0] for copy in copies(stage, world.support)] == [
        "[French] number 0", "[French] number 1",
    ]  # fmt: skip


async def test_a_broken_translation_carries_the_words_themselves(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    await link(stage, English=world.general, French=world.support)
    world.ann.say(world.general, "break this")
    (copy,) = await peer.until(lambda: copies(stage, world.support))
    assert copy.content == "break this"


async def test_a_flag_translates_once_where_it_is_allowed(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    said = world.ann.say(world.general, "good morning")
    peer.backend.add_reaction(world.general, said.id, "🇫🇷", world.ben.id)
    world.ann.say(world.support, f"<@{peer.backend.bot_user.id}> say: meanwhile")
    await peer.until(lambda: newest(peer, world.support, "meanwhile"))
    admin = Author(str(world.moderator.id), "mo", admin=True)
    await stage.stores.places.change(Place("discord", str(world.guild), "1"), admin, "flags", True)
    other = world.ann.say(world.general, "good evening")
    peer.backend.add_reaction(world.general, other.id, "🇩🇪", world.ann.id)
    answer = await peer.until(lambda: newest(peer, world.general, "[German] good evening"))
    assert answer.reference["message_id"] == str(other.id)
    peer.backend.add_reaction(world.general, other.id, "🇩🇪", world.ben.id)
    peer.backend.add_reaction(world.general, other.id, "🎉", world.moderator.id)
    peer.backend.add_reaction(world.general, other.id, "🇪🇸", world.moderator.id)
    await peer.until(lambda: newest(peer, world.general, "[Spanish] good evening"))
    assert [text_of(message) for message in peer.answers(world.general)] == [
        "[German] good evening", "[Spanish] good evening",
    ]  # fmt: skip


def test_reserved_words_in_names_are_broken() -> None:
    assert shown_name("Discord fan") == "D·iscord fan"
    assert shown_name("") == "Somebody"
