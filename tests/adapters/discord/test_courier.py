"""Answers that a crash kept from their readers come after the next start, in the right place."""

from __future__ import annotations

from pathlib import Path

from adapters.discord.answers import Answers
from adapters.discord.courier import DiscordCourier
from bot.delivery import SECOND_COPY
from tests.adapters.discord.conftest import staged
from tests.adapters.discord.peer import Peer
from tests.adapters.discord.people import World, labels, text_of
from tests.adapters.discord.test_controls import newest, told


async def test_what_a_crash_kept_back_is_sent_with_a_word_and_its_controls(
    peer: Peer, harbour: World, tmp_path: Path
) -> None:
    async with staged(peer, harbour, tmp_path) as first:
        harbour.ann.slash(harbour.general, "write", facts="rain")
        await peer.until(lambda: newest(peer, harbour.general, "Rain at last"))
        await first.chatbot.close(30)
        (row,) = await first.stores.turns.of_user(f"discord:{harbour.ann.id}")
        await first.stores.turns.finish(row.id, delivery="unsure")
    async with staged(peer, harbour, tmp_path):
        await peer.until(lambda: len(peer.answers(harbour.general)) == 2, words="a second copy")
        copy = peer.answers(harbour.general)[-1]
        assert SECOND_COPY in text_of(copy)
        assert "Rain at last" in text_of(copy)
        record = harbour.ann.press(copy, "Pick 1")
        await peer.until(lambda: told(peer, record, "Noted"))
    assert "Pick 1" in labels(copy)


async def test_what_was_for_one_alone_comes_as_a_direct_message(peer: Peer, harbour: World, tmp_path: Path) -> None:
    posted = harbour.ben.say(harbour.general, "how do I install it?")
    async with staged(peer, harbour, tmp_path) as first:
        record = harbour.ann.menu("Ask support about this", posted)
        await peer.until(lambda: told(peer, record, "make run"))
        await peer.until(lambda: any("why" in str(c.body) for c in peer.calls if c.method == "PATCH"))
        await first.chatbot.close(30)
        (row,) = await first.stores.turns.of_user(f"discord:{harbour.ann.id}")
        await first.stores.turns.finish(row.id, delivery="unsure")
    async with staged(peer, harbour, tmp_path):
        await peer.until(lambda: newest(peer, harbour.ann.dm, "make run"))
    assert all(message.is_ephemeral for message in peer.answers(harbour.general))


async def test_people_are_told_alone_and_a_channel_gets_words_and_a_picture(
    peer: Peer, harbour: World, tmp_path: Path
) -> None:
    async with staged(peer, harbour, tmp_path) as stage:
        courier = DiscordCourier(stage.app.client, Answers(stage.chatbot, stage.stores))
        await courier.tell(str(harbour.ann.id), "Your correction is in support@0043. @everyone")
        await courier.post(str(harbour.general), "The week: 12 answers", b"\x89PNG not really")
        told, posted = [call for call in peer.calls if call.method == "POST" and call.path.endswith("/messages")]
    assert "support@0043" in str(told.body)
    assert str(harbour.general) not in told.path
    assert str(harbour.general) in posted.path
    assert "The week" in str(posted.body)
    assert "parley.png" in str(posted.body)


async def test_a_member_is_told_with_their_roles_and_strangers_are_none(
    peer: Peer, harbour: World, tmp_path: Path
) -> None:
    async with staged(peer, harbour, tmp_path) as stage:
        await stage.ready()
        courier = DiscordCourier(stage.app.client, Answers(stage.chatbot, stage.stores))
        guild = stage.app.client.guilds[0]
        found = await courier.member(str(guild.id), str(harbour.moderator.id))
        assert found is not None
        assert found.id == str(harbour.moderator.id)
        assert len(found.roles) == 2  # a role's name and its id
        assert await courier.member(str(guild.id), "404404404404404404") is None
        before = len(peer.calls)
        assert await courier.member("505505505505505505", str(harbour.moderator.id)) is None
        assert len(peer.calls) == before  # nothing is asked of a server that the bot is not on
