"""Senses: voice is written down and pictures are handed to the model, where the host has models for that."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Protocol

import structlog

from bot.errors import UserError
from bot.request import Attachment, Request, one_line
from models.engine import EngineError

log = structlog.get_logger(__name__)

MOST_BYTES = 8_000_000
MOST_PICTURES = 4
PICTURES = ("image/png", "image/jpeg", "image/webp", "image/gif")
NOT_HEARD = "I could not make out {name}: the speech model does not answer. Write it, please, or send it again later."


class Listener(Protocol):
    """Who writes down what is said."""

    async def transcribe(self, name: str, content: bytes) -> str: ...


class Senses:
    """`listener` is None where no speech model is set; `sees`: whether the chat model reads pictures."""

    def __init__(self, listener: Listener | None, *, sees: bool) -> None:
        self._listener = listener
        self._sees = sees

    async def take_in(self, request: Request) -> Request:
        """The request with voice as words and pictures for the model; other files stay as they are.

        Raises UserError.
        """
        heard: list[str] = []
        images: list[str] = []
        left: list[Attachment] = []
        for attachment in request.attachments:
            kind = attachment.mime.partition("/")[0]
            if kind in ("audio", "video") and self._listener is not None:
                heard.append(await self._hear(self._listener, attachment))
            elif self._sees and attachment.mime in PICTURES and len(images) < MOST_PICTURES:
                images.append(await self._see(attachment))
            else:
                left.append(attachment)
        if not heard and not images:
            return request
        text = "\n".join(part for part in (request.text, *heard) if part)
        return replace(request, text=text, heard=tuple(heard), images=tuple(images), attachments=tuple(left))

    async def _hear(self, listener: Listener, attachment: Attachment) -> str:
        name = one_line(attachment.name)
        try:
            words = await listener.transcribe(attachment.name, await _content(attachment))
        except EngineError as error:
            log.warning("not_heard", kind=type(error).__name__, detail=error.detail)
            raise UserError(NOT_HEARD.format(name=name)) from error
        if not words:
            raise UserError(f"I heard no words in {name}.")
        return words

    async def _see(self, attachment: Attachment) -> str:
        content = base64.b64encode(await _content(attachment)).decode()
        return f"data:{attachment.mime};base64,{content}"


async def _content(attachment: Attachment) -> bytes:
    if attachment.size > MOST_BYTES:
        raise UserError(f"{one_line(attachment.name)} is larger than {MOST_BYTES // 1_000_000} MB; send a smaller one.")
    return await attachment.read()
