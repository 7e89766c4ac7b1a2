"""The client over the wire beside servers that know less of the dialect than others."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from models.engine import EngineClient, EngineFailed, Message, Sampling

HELLO = (Message("user", "Hello"),)
TOLD = Sampling(temperature=0, max_tokens=4, logprobs=True)


@asynccontextmanager
async def serving(refuses: str) -> AsyncIterator[tuple[EngineClient, list[dict[str, Any]]]]:
    """A client of a server that refuses requests which hold a key; and what was asked of it."""
    asked: list[dict[str, Any]] = []

    async def complete(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        asked.append(body)
        if refuses in body:
            words = f"'{refuses}' is not supported by this model."
            return web.json_response({"error": {"message": words, "code": "unsupported"}}, status=400)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for delta, reason in (({"content": "Good day."}, None), ({}, "stop")):
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            await response.write(b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n")
        await response.write(b"data: [DONE]\n\n")
        return response

    application = web.Application()
    application.router.add_post("/v1/chat/completions", complete)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with EngineClient(f"http://127.0.0.1:{runner.addresses[0][1]}") as client:
            yield client, asked
    finally:
        await runner.cleanup()


async def test_a_server_that_tells_no_probabilities_is_asked_for_them_once() -> None:
    async with serving("logprobs") as (client, asked):
        for _ in range(2):
            found = [piece async for piece in client.stream("m", HELLO, TOLD)]
            assert "".join(piece.text for piece in found) == "Good day."
            assert all(piece.logprobs == () for piece in found)
        assert ["logprobs" in body for body in asked] == [True, False, False]


async def test_what_else_a_server_refuses_is_its_answer() -> None:
    async with serving("max_tokens") as (client, asked):
        with pytest.raises(EngineFailed, match="max_tokens"):
            await anext(client.stream("m", HELLO, TOLD))
        assert len(asked) == 1
