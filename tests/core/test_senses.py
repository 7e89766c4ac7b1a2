"""Voice and pictures: written down and handed to the model where the host has models for them."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest
from aiohttp import web

from bot.errors import UserError
from bot.request import Attachment
from bot.senses import Senses
from models.dialect import Message
from models.engine import EngineFailed
from models.speech import SpeechClient
from tests.core.people import ask


def file(name: str, mime: str, content: bytes = b"sound", size: int = 5) -> Attachment:
    async def read() -> bytes:
        return content

    return Attachment(name, mime, size, read)


class Ears:
    """Hears what is said in the recording's bytes."""

    async def transcribe(self, name: str, content: bytes) -> str:
        if content == b"broken":
            raise EngineFailed("no such model")
        return content.decode()


async def test_voice_becomes_words() -> None:
    request = ask(
        "And?", attachments=(file("voice.ogg", "audio/ogg", b"what is the time"), file("a.txt", "text/plain"))
    )
    heard = await Senses(Ears(), sees=False).take_in(request)
    assert (heard.text, heard.heard) == ("And?\nwhat is the time", ("what is the time",))
    assert [one.name for one in heard.attachments] == ["a.txt"]


async def test_pictures_go_to_a_model_that_sees() -> None:
    request = ask("What is it?", attachments=(file("cat.png", "image/png", b"cat"),))
    seen = await Senses(None, sees=True).take_in(request)
    assert seen.images == ("data:image/png;base64," + base64.b64encode(b"cat").decode(),)
    message = Message("user", "What is it?", seen.images)
    assert message.wire["content"] == [
        {"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": seen.images[0]}},
    ]  # fmt: skip
    assert Message("user", "Hello").wire == {"role": "user", "content": "Hello"}


async def test_without_models_for_them_they_stay_files_that_get_a_clear_word() -> None:
    request = ask("", attachments=(file("voice.ogg", "audio/ogg"), file("cat.png", "image/png")))
    assert await Senses(None, sees=False).take_in(request) is request


@pytest.mark.parametrize(
    ("content", "size", "words"),
    [
        (b"broken", 6, "I could not make out voice.ogg"),
        (b"", 5, "I heard no words in voice.ogg"),
        (b"x", 9_000_000, "voice.ogg is larger than 8 MB"),
    ],
)
async def test_what_cannot_be_heard_is_said(content: bytes, size: int, words: str) -> None:
    request = ask("", attachments=(file("voice.ogg", "audio/ogg", content, size),))
    with pytest.raises(UserError, match=words):
        await Senses(Ears(), sees=False).take_in(request)


@asynccontextmanager
async def listening(status: int = 200) -> AsyncIterator[tuple[str, list[dict[str, str]]]]:
    """A speech server on loopback, and what it was asked."""
    asked: list[dict[str, str]] = []

    async def transcribe(request: web.Request) -> web.Response:
        form = await request.post()
        sent = form["file"]
        assert isinstance(sent, web.FileField)
        asked.append({"model": str(form["model"]), "name": sent.filename, "content": sent.file.read().decode()})
        return web.json_response({"text": " Good morning. "}, status=status)

    app = web.Application()
    app.router.add_post("/v1/audio/transcriptions", transcribe)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


async def test_a_speech_server_is_asked_in_its_dialect() -> None:
    async with listening() as (url, asked), aclosing(SpeechClient(url, "whisper-1")) as speech:
        assert await speech.transcribe("voice.ogg", b"sound") == "Good morning."
        assert asked == [{"model": "whisper-1", "name": "voice.ogg", "content": "sound"}]
