"""The worker over the wire when clients behave badly: slow, half-open, gone, impatient."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path

import aiohttp
import openai
import pytest
from aiohttp import web
from openai import AsyncOpenAI

from models.serving import requests
from models.serving.requests import ChatRequest, WireError, read
from tests.models.conftest import Serve, Served
from tests.models.test_server import ASKED, all_free, health, metric, streamed, until, whole

HALF_OPEN = [
    b"",
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuth",
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sesame\r\nContent-Length: 500\r\n\r\n{",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a TLS greeting
]


async def test_a_thousand_half_open_connections_hold_nobody_up(tiny_worker: Served, client: AsyncOpenAI) -> None:
    expected = (await whole(client)).choices[0].message.content
    with contextlib.ExitStack() as stack:
        for number in range(1000):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", tiny_worker.port)))
            connection.sendall(HALF_OPEN[number % len(HALF_OPEN)])
        answers = await asyncio.wait_for(asyncio.gather(*(whole(client) for _ in range(8))), 60)
        assert {answer.choices[0].message.content for answer in answers} == {expected}
        assert (await health(tiny_worker))["status"] == "ok"
    await until(all_free(tiny_worker))


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "READ_SECONDS", 0.1)

    async def handle(request: web.Request) -> web.Response:
        try:
            await read(request, ChatRequest)
        except WireError as error:
            return error.response()
        raise AssertionError

    application = web.Application()
    application.router.add_post("/", handle)
    runner = web.AppRunner(application, lingering_time=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = runner.addresses[0][1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{")
        assert b"408" in await asyncio.wait_for(reader.readline(), 60)
        writer.close()
    finally:
        await runner.cleanup()


async def test_past_its_deadline_a_request_is_refused_or_cut(tiny_worker: Served, client: AsyncOpenAI) -> None:
    # one that is being answered ends where it is
    pieces, reason, usage = await streamed(client, max_tokens=4000, extra_body={"deadline": 2.0})
    assert reason == "length"
    assert 0 < usage.completion_tokens < 4000
    assert "".join(pieces)
    # and one that cannot begin is told to come again
    busy = [asyncio.create_task(whole(client, max_tokens=4000)) for _ in range(8)]

    async def full() -> bool:
        return bool((await health(tiny_worker))["free_slots"] == 0)

    await until(full)
    with pytest.raises(openai.InternalServerError) as refused:
        await whole(client, extra_body={"deadline": 0.05})
    assert refused.value.status_code == 503
    assert int(refused.value.response.headers["Retry-After"]) > 0
    for task in busy:
        task.cancel()
    await asyncio.gather(*busy, return_exceptions=True)
    await until(all_free(tiny_worker))


async def test_nobody_gets_half_a_character(client: AsyncOpenAI, serve: Serve, tmp_path: Path) -> None:
    """A model that says bytes at random: whatever comes is whole text, the same in pieces and at once."""
    from tests.models import tiny

    folder = tiny.write(tmp_path / "bytes", "qwen2")
    served = serve("--model", f"parley={folder}", "--embedding", "none")
    headers = {"Authorization": f"Bearer {served.token}"}
    async with aiohttp.ClientSession(served.url, headers=headers) as session:
        for seed in range(4):
            body = {**ASKED, "temperature": 1.5, "seed": seed, "max_tokens": 300}
            async with session.post("/v1/chat/completions", json={**body, "stream": True}) as answer:
                lines = [line async for line in answer.content]
            # each event alone is valid UTF-8, though the characters are spread over tokens
            assert all(line.decode() for line in lines if line.strip())
            async with served.client() as own:
                pieces, _, _ = await streamed(own, temperature=1.5, seed=seed, max_tokens=300)
                text = (await whole(own, temperature=1.5, seed=seed, max_tokens=300)).choices[0].message.content
            assert "".join(pieces) == text
            assert not any(0xD800 <= ord(letter) < 0xE000 for letter in text)
    assert await metric(served, "parley_worker_answer_tokens_total") > 0


async def test_metrics_tell_of_every_part(tiny_worker: Served, client: AsyncOpenAI) -> None:
    await whole(client)
    await whole(client)
    for name in (
        "waiting", "running", "free_slots", "cache_tokens", "cache_budget_tokens", "tokens_per_second",
        "prefix_hits_total", "reused_tokens_total", "memory_shortages_total", "first_token_seconds_count",
        "token_seconds_count", "answer_tokens_total", "requests_total",
    ):  # fmt: skip
        assert await metric(tiny_worker, f"parley_worker_{name}") >= 0
    assert await metric(tiny_worker, "parley_worker_prefix_hits_total") > 0
    assert await metric(tiny_worker, "parley_worker_answer_tokens_total") >= 80
    assert await metric(tiny_worker, "parley_worker_token_seconds_count") >= 2
