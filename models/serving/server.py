"""The worker's HTTP face: the OpenAI dialect over the resident models."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import struct
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import Any

import prometheus_client as prometheus
import structlog
from aiohttp import web

from models.engine import Piece, Sampling, Usage
from models.serving.embeddings import Embedder
from models.serving.requests import ChatRequest, EmbeddingRequest, WireError, read
from models.serving.runner import GenerationFailed, Runner
from models.serving.scheduler import Full

log = structlog.get_logger(__name__)

MOST_BYTES = 4 * 2**20
EMBEDDING = "embedding"
RETRY_SECONDS = 5

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Routes over `runners`, each a model by its name, and the embedder."""

    def __init__(self, runners: Mapping[str, Runner], embedder: Embedder | None, token: str) -> None:
        self._runners = runners
        self._embedder = embedder
        self._token = token
        self._started = int(time.time())
        # The encoder is not safe to share between threads, and one at a time is fair to the decoder.
        self._embedding = ThreadPoolExecutor(1, thread_name_prefix="embedding")
        registry = self.registry = prometheus.CollectorRegistry()
        self._first = prometheus.Histogram(
            "parley_worker_first_token_seconds", "Time to the first token", ["model"], registry=registry
        )
        self._ended = prometheus.Counter(
            "parley_worker_requests", "Requests by how they ended", ["model", "end"], registry=registry
        )
        self._tokens = prometheus.Counter(
            "parley_worker_tokens", "Tokens read and written", ["model", "kind"], registry=registry
        )
        for name, runner in runners.items():
            for gauge, words, value in (
                ("running", "Sequences in a slot", lambda r=runner: len(r.scheduler.running)),
                ("waiting", "Sequences in the queue", lambda r=runner: r.scheduler.waiting),
                ("reused_tokens", "Prompt tokens found in the cache", lambda r=runner: r.scheduler.reused_tokens),
            ):
                metric = prometheus.Gauge(f"parley_worker_{gauge}_{_metric(name)}", words, registry=registry)
                metric.set_function(value)

    def application(self) -> web.Application:
        application = web.Application(client_max_size=MOST_BYTES, middlewares=[self._guard])
        application.router.add_get("/health", self.health)
        application.router.add_get("/metrics", self.metrics)
        application.router.add_get("/v1/models", self.models)
        application.router.add_post("/v1/chat/completions", self.complete)
        application.router.add_post("/v1/embeddings", self.embed)
        return application

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Check the key, and turn every error into the dialect's shape."""
        try:
            if request.path != "/health" and self._token:
                given = request.headers.get("Authorization", "").removeprefix("Bearer ")
                if not hmac.compare_digest(given.encode(), self._token.encode()):
                    raise WireError(401, "Wrong or missing key.", "authentication_error", "invalid_api_key")
            return await handler(request)
        except WireError as error:
            return error.response()
        except web.HTTPException as error:
            code = {404: "not_found", 405: "method_not_allowed"}.get(error.status)
            return WireError(error.status, f"{request.method} {request.path}: {error.reason}.", code=code).response()
        except Exception as error:
            log.error("request_failed", path=request.path, exc_info=error)
            return WireError(500, "The worker failed on this request.", "server_error").response()

    async def health(self, _request: web.Request) -> web.Response:
        alive = all(runner.alive for runner in self._runners.values())
        body = {
            "status": "ok" if alive else "failed",
            "running": sum(len(runner.scheduler.running) for runner in self._runners.values()),
            "waiting": sum(runner.scheduler.waiting for runner in self._runners.values()),
        }
        return web.json_response(body, status=200 if alive else 503)

    async def metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=prometheus.generate_latest(self.registry), content_type="text/plain")

    async def models(self, _request: web.Request) -> web.Response:
        names = [*self._runners, *([EMBEDDING] if self._embedder else [])]
        data = [{"id": name, "object": "model", "created": self._started, "owned_by": "parley"} for name in names]
        return web.json_response({"object": "list", "data": data})

    async def complete(self, request: web.Request) -> web.StreamResponse:
        asked = await read(request, ChatRequest)
        runner = self._runners.get(asked.model)
        if runner is None:
            raise WireError(404, f"The model {asked.model} is not served here.", code="model_not_found", param="model")
        messages = [message.message() for message in asked.messages]
        if not any(message.content.strip() for message in messages):
            raise WireError(400, "messages hold no text.", code="invalid_value", param="messages")
        try:
            prompt = await asyncio.to_thread(runner.encode, messages)
        except Exception as error:
            raise WireError(400, f"The model's chat template refuses these messages: {error}") from error
        if len(prompt) >= runner.context:
            raise WireError(
                400, f"The prompt has {len(prompt)} tokens; this model's context length is {runner.context} tokens.",
                code="context_length_exceeded", param="messages",
            )  # fmt: skip
        sampling = asked.sampling(runner.context - len(prompt))
        if asked.stream:
            return await self._stream(request, asked, runner, prompt, sampling)
        return await self._whole(asked, runner, prompt, sampling)

    async def _whole(
        self, asked: ChatRequest, runner: Runner, prompt: list[int], sampling: Sampling
    ) -> web.StreamResponse:
        text, last = "", Piece()
        try:
            async with aclosing(self._counted(asked.model, runner, prompt, sampling)) as pieces:
                async for last in pieces:
                    text += last.text
        except GenerationFailed as error:
            log.error("generation_failed", detail=error.detail)
            raise WireError(500, "The model failed on this request.", "server_error") from error
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": last.finish_reason}
        body = {"id": _new_id(), "object": "chat.completion", "created": int(time.time()), "model": asked.model}
        return web.json_response({**body, "choices": [choice], "usage": _usage(last.usage or Usage())})

    async def _stream(
        self, request: web.Request, asked: ChatRequest, runner: Runner, prompt: list[int], sampling: Sampling
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        head = {
            "id": _new_id(), "object": "chat.completion.chunk", "created": int(time.time()), "model": asked.model,
        }  # fmt: skip
        usage = asked.stream_options is not None and asked.stream_options.include_usage

        async def event(delta: dict[str, str] | None, reason: str | None = None, total: Usage | None = None) -> None:
            choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": reason}]
            body: dict[str, Any] = {**head, "choices": choices}
            if usage:
                body["usage"] = _usage(total) if total else None
            await response.write(b"data: " + json.dumps(body).encode() + b"\n\n")

        async with aclosing(self._counted(asked.model, runner, prompt, sampling)) as pieces:
            try:
                async for piece in pieces:
                    if not response.prepared:
                        # Only now: a request that is refused gets its own status.
                        await response.prepare(request)
                        await event({"role": "assistant", "content": ""})
                    if piece.text:
                        await event({"content": piece.text})
                    if piece.finish_reason is not None:
                        await event({}, piece.finish_reason)
                        if usage:
                            await event(None, total=piece.usage)
            except GenerationFailed as error:
                log.error("generation_failed", detail=error.detail)
                failure = WireError(500, "The model failed on this request.", "server_error")
                if not response.prepared:
                    raise failure from error
                await response.write(b"data: " + json.dumps(failure.body).encode() + b"\n\n")
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _counted(self, name: str, runner: Runner, prompt: list[int], sampling: Sampling) -> Any:
        """The runner's pieces, measured."""
        started, first, end = time.monotonic(), True, "dropped"
        try:
            async with aclosing(runner.stream(prompt, sampling)) as pieces:
                async for piece in pieces:
                    if first:
                        self._first.labels(name).observe(time.monotonic() - started)
                        first = False
                    if piece.usage is not None:
                        end = piece.finish_reason or "stop"
                        self._tokens.labels(name, "read").inc(piece.usage.prompt_tokens)
                        self._tokens.labels(name, "written").inc(piece.usage.completion_tokens)
                    yield piece
        except Full:
            end = "refused"
            raise WireError(
                503, "The queue is full.", "overloaded_error", "queue_full", headers={"Retry-After": str(RETRY_SECONDS)}
            ) from None
        except GenerationFailed:
            end = "failed"
            raise
        finally:
            self._ended.labels(name, end).inc()

    async def embed(self, request: web.Request) -> web.Response:
        asked = await read(request, EmbeddingRequest)
        if self._embedder is None or asked.model != EMBEDDING:
            raise WireError(404, f"The model {asked.model} is not served here.", code="model_not_found", param="model")
        texts = [asked.input] if isinstance(asked.input, str) else asked.input
        if not all(text.strip() for text in texts):
            raise WireError(400, "input holds an empty text.", code="invalid_value", param="input")
        loop = asyncio.get_running_loop()
        vectors, tokens = await loop.run_in_executor(self._embedding, self._embedder.embed, texts)
        data = [
            {"object": "embedding", "index": number, "embedding": _encoded(vector, asked.encoding_format)}
            for number, vector in enumerate(vectors)
        ]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return web.json_response({"object": "list", "model": EMBEDDING, "data": data, "usage": usage})


def _encoded(vector: list[float], form: str) -> list[float] | str:
    return vector if form == "float" else base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _usage(usage: Usage) -> dict[str, int]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def _new_id() -> str:
    return f"chatcmpl-{uuid.uuid4().hex}"


def _metric(name: str) -> str:
    return "".join(character if character.isalnum() else "_" for character in name)
