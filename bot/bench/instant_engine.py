"""An engine that answers at once: a server of the dialect without a model, for benches and tests.

It says what the last message asks for: "say: words" is answered with those words, anything else is echoed.
"hold" waits until the client goes away, "break" drops the connection in mid-answer, "refuse" answers 503.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import math
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

DIMENSIONS = 64
LOGPROB = -0.25
"""How likely it says that each of its pieces was."""
_WORDS = re.compile(r"\w+")


class InstantEngine:
    """The server's state, shown at /health: requests taken, open, and dropped by their clients."""

    def __init__(self, pieces: int) -> None:
        self.pieces = pieces
        self.counts: Counter[str] = Counter()

    def application(self) -> web.Application:
        application = web.Application(client_max_size=64 * 2**20)
        application.router.add_get("/health", self.health)
        application.router.add_get("/v1/models", self.models)
        application.router.add_post("/v1/chat/completions", self.complete)
        application.router.add_post("/v1/embeddings", self.embed)
        return application

    async def health(self, _request: web.Request) -> web.Response:
        return web.json_response(dict(self.counts))

    async def models(self, _request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "parley", "object": "model"}]})

    async def embed(self, request: web.Request) -> web.Response:
        body = await request.json()
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        rows = [{"object": "embedding", "index": i, "embedding": vector(text)} for i, text in enumerate(texts)]
        return web.json_response({"object": "list", "data": rows, "usage": {"prompt_tokens": 0, "total_tokens": 0}})

    async def complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        asked = str(body["messages"][-1]["content"])
        self.counts["taken"] += 1
        if asked == "refuse":
            refusal = {"error": {"message": "full", "type": "overloaded", "code": None, "param": None}}
            return web.json_response(refusal, status=503, headers={"Retry-After": "60"})
        said = asked.partition("say: ")[2] or f"You said: {asked}"
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        self.counts["open"] += 1
        try:
            step = max(1, math.ceil(len(said) / self.pieces))
            for start in range(0, len(said), step):
                piece = said[start : start + step]
                told = {"content": [{"token": piece, "logprob": LOGPROB}]} if body.get("logprobs") else None
                await response.write(chunk({"content": piece}, told=told))
                if asked == "break" and request.transport is not None:
                    request.transport.abort()
                    return response
            if asked == "hold":
                await asyncio.Event().wait()
            usage = {"prompt_tokens": 10, "completion_tokens": self.pieces, "total_tokens": 10 + self.pieces}
            await response.write(chunk({}, finish="stop") + chunk(None, usage=usage) + b"data: [DONE]\n\n")
        except (asyncio.CancelledError, ConnectionError):
            self.counts["dropped"] += 1
            raise
        finally:
            self.counts["open"] -= 1
        return response


def chunk(
    delta: dict[str, str] | None, *, finish: str | None = None, usage: dict[str, int] | None = None,
    told: dict[str, Any] | None = None,
) -> bytes:  # fmt: skip
    """One event of the stream; without a delta it has no choices. `told`: the log-probabilities of its tokens."""
    choice = {"index": 0, "delta": delta, "logprobs": told, "finish_reason": finish}
    choices: list[Any] = [] if delta is None else [choice]
    body = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "parley", "choices": choices}
    return b"data: " + json.dumps({**body, "usage": usage}).encode() + b"\n\n"


def vector(text: str) -> list[float]:
    """Words hashed into a unit vector: texts that share words are near each other."""
    values = [0.0] * DIMENSIONS
    for word in _WORDS.findall(text.lower()):
        values[hashlib.sha256(word.encode()).digest()[0] % DIMENSIONS] += 1.0
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return [value / length for value in values]


@contextlib.asynccontextmanager
async def started() -> AsyncIterator[str]:
    """The address of such a server in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.bench.instant_engine", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]  # else the pipe outlives the loop, and says so


async def serve(port: int, pieces: int) -> None:
    """Serve until killed; the first line on stdout is the URL."""
    runner = web.AppRunner(InstantEngine(pieces).application(), handler_cancellation=True, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    host, bound = runner.addresses[0][:2]
    sys.stdout.write(f"http://{host}:{bound}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--pieces", type=int, default=20)
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.port, arguments.pieces))
