"""Request bodies: read with a limit, and as JSON with the shape that is wanted."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

MEGABYTE = 1024 * 1024


async def read_body(request: web.Request, most: int) -> bytes:
    """The body, at most `most` bytes of it. Raises 413 with a sentence."""
    if (request.content_length or 0) > most:
        raise _too_large(most)
    body = bytearray()
    async for piece in request.content.iter_any():
        body += piece
        if len(body) > most:
            raise _too_large(most)
    return bytes(body)


async def read_json(request: web.Request, most: int = MEGABYTE) -> dict[str, Any]:
    """The body as a JSON object. Raises 400 with a sentence."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="This address takes JSON.")
    try:
        value = json.loads(await read_body(request, most))
    except ValueError:
        raise web.HTTPBadRequest(text="That was not JSON.") from None
    if not isinstance(value, dict):
        raise web.HTTPBadRequest(text="That has to be a JSON object.")
    return value


def text_of(body: dict[str, Any], key: str) -> str:
    """A text in the body, "" where it is missing. Raises 400 for anything else."""
    value = body.get(key, "")
    if not isinstance(value, str):
        raise web.HTTPBadRequest(text=f"{key} has to be a text.")
    return value


def _too_large(most: int) -> web.HTTPException:
    return web.HTTPRequestEntityTooLarge(
        max_size=most, text=f"That is too large: this page takes up to {most // MEGABYTE} MB at once."
    )
