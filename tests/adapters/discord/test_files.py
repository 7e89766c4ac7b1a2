"""Files sent along: read from Discord's hosts only, and a clear word about what cannot be read."""

from __future__ import annotations

import pytest

from adapters.discord.requests import MOST_BYTES, _Fetch
from bot.errors import UserError
from bot.request import Attachment
from bot.scenarios.attached import attached
from tests.adapters.discord.conftest import Stage
from tests.adapters.discord.peer import Peer
from tests.adapters.discord.test_controls import newest


async def test_a_files_text_reaches_the_model(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    me = f"<@{peer.backend.bot_user.id}>"
    world.ann.say(world.general, f"{me} say: what is in it?", files=[("notes.txt", "Grüße vom Meer".encode())])
    await peer.until(lambda: newest(peer, world.general, "what is in it?"))
    # The scene's talk puts a file's bytes behind the words; its scenario reads them itself.
    assert stage.script.asked == ["say: what is in it? [notes.txt: Grüße vom Meer]"]


def file(name: str, mime: str, content: bytes) -> Attachment:
    async def read() -> bytes:
        return content

    return Attachment(name, mime, len(content), read)


async def test_text_is_read_whatever_its_encoding() -> None:
    got = await attached([file("a.txt", "text/plain", "Grüße vom Meer, schöne Tage".encode())])
    assert got.text == "The file a.txt says:\nGrüße vom Meer, schöne Tage"
    assert got.notes == ()


async def test_pictures_and_voice_get_a_clear_word() -> None:
    got = await attached([file("a.png", "image/png", b"x"), file("voice.ogg", "audio/ogg", b"x")])
    assert got.text == ""
    assert "cannot see pictures" in got.notes[0]
    assert "no speech model is set" in got.notes[1]


async def test_only_discords_hosts_are_asked(peer: Peer) -> None:
    stored = peer.backend.store_attachments(1, [("a.txt", b"hello")])[0]["url"]
    assert await _Fetch(stored, 5, frozenset({"127.0.0.1"}))() == b"hello"
    with pytest.raises(UserError, match="Discord's own servers"):
        await _Fetch(stored, 5, frozenset({"cdn.discordapp.com"}))()
    with pytest.raises(UserError, match="too large"):
        await _Fetch(stored, MOST_BYTES + 1, frozenset({"127.0.0.1"}))()
    assert not any(call.path.startswith("/cdn") for call in peer.calls), "no token goes along"
