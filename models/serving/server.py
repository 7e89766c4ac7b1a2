"""The worker's HTTP face: the OpenAI dialect over the resident models."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import math
import struct
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any

import structlog
from aiohttp import web

from models.checkpoints import write_json
from models.dialect import Piece, Sampling, Usage
from models.serving.adapter_routes import AdapterRoutes
from models.serving.adapters import AdapterError
from models.serving.language_codes import UnknownLanguage
from models.serving.lora import AdapterWeights
from models.serving.metrics import Metrics
from models.serving.registry import NoRoom, Registry, UnknownAdapter
from models.serving.requests import ChatRequest, EmbeddingRequest, WireError, read
from models.serving.resident import Resident
from models.serving.runner import GenerationFailed, Runner
from models.serving.waiting import QueueFull

log = structlog.get_logger(__name__)

MOST_BYTES = 2 * 2**20
EMBEDDING = "embedding"
RETRY_SECONDS = 5

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Routes over `lanes`, each a model by its name, and the embedding model if there is one."""

    def __init__(
        self, runner: Runner, lanes: Mapping[str, Resident], registry: Registry, *, embeds: bool, token: str
    ) -> None:
        self._runner = runner
        self._lanes = lanes
        self._registry = registry
        self._embeds = embeds
        self._token = token
        self._started = int(time.time())
        self._metrics = Metrics(lanes)
        self.draining = False

    def application(self) -> web.Application:
        application = web.Application(client_max_size=MOST_BYTES, middlewares=[self._guard])
        application.router.add_get("/health", self.health)
        application.router.add_get("/metrics", self.metrics)
        application.router.add_get("/v1/models", self.models)
        application.router.add_post("/v1/chat/completions", self.complete)
        application.router.add_post("/v1/embeddings", self.embed)
        AdapterRoutes(self._registry, write_json).add_to(application.router)
        return application

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Check the key, and turn every error into the dialect's shape."""
        try:
            self._admit(request)
            return await handler(request)
        except WireError as error:
            return error.response()
        except GenerationFailed as error:
            return _model_failed(error).response()
        except web.HTTPException as error:
            code = {404: "not_found", 405: "method_not_allowed"}.get(error.status)
            return WireError(error.status, f"{request.method} {request.path}: {error.reason}.", code=code).response()
        except ConnectionError:
            raise  # the client is gone, there is nobody to tell
        except Exception as error:  # the last net of the wire: a client never sees a traceback
            log.error("request_failed", path=request.path, exc_info=error)
            return WireError(500, "The worker failed on this request.", "server_error", "internal_error").response()

    def _admit(self, request: web.Request) -> None:
        if request.path == "/health":
            return
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self._token and not hmac.compare_digest(given.encode(), self._token.encode()):
            raise WireError(401, "Wrong or missing key.", "authentication_error", "invalid_api_key")
        if self.draining and request.method == "POST":
            raise _overloaded("The worker is ending.")

    async def health(self, _request: web.Request) -> web.Response:
        states = [lane.status() for lane in set(self._lanes.values())]
        status = "failed" if not self._runner.alive else "ending" if self.draining else "ok"
        body = {
            "status": status,
            "running": sum(each.running for each in states),
            "waiting": sum(each.waiting for each in states),
            "free_slots": sum(each.free_slots for each in states),
        }
        return web.json_response(body, status=200 if status == "ok" else 503)

    async def metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text(), content_type="text/plain")

    async def models(self, _request: web.Request) -> web.Response:
        names = [*self._lanes, *([EMBEDDING] if self._embeds else [])]
        data = [_card(name, self._started, name, None) for name in names]
        data += [_card(each.name, each.created, each.folder.name, each.parent) for each in self._registry]
        return web.json_response({"object": "list", "data": data})

    async def complete(self, request: web.Request) -> web.StreamResponse:
        asked = await read(request, ChatRequest)
        async with self._model(asked.model) as (lane, adapter):
            return await self._answer(request, asked, lane, adapter)

    @asynccontextmanager
    async def _model(self, name: str) -> AsyncIterator[tuple[Resident, AdapterWeights | None]]:
        """A bare model, or an adapter on its model, by the name in a request. Raises WireError."""
        if name in self._lanes:
            yield self._lanes[name], None
            return
        try:
            async with self._registry.using(name) as found:
                yield found
        except UnknownAdapter as error:
            raise _unknown_model(name) from error
        except NoRoom as error:
            raise _overloaded("As many adapters as fit are answering.") from error
        except AdapterError as error:
            log.error("adapter_lost", adapter=name, words=error.words)
            raise WireError(500, error.words, "server_error", "adapter_lost", "model") from error

    async def _answer(
        self, request: web.Request, asked: ChatRequest, lane: Resident, adapter: AdapterWeights | None
    ) -> web.StreamResponse:
        messages = [message.message() for message in asked.messages]
        try:
            languages = asked.source_language or "", asked.target_language or ""
            prompt = await asyncio.to_thread(lane.encode, messages, *languages)
        except UnknownLanguage as error:
            words = f"The model cannot translate this: {error}."
            raise WireError(422, words, code="unknown_language", param="target_language") from error
        except ValueError as error:
            raise WireError(422, f"The model refuses these messages: {error}.", param="messages") from error
        if asked.num_beams and asked.num_beams > 1 and not lane.searches:
            raise WireError(422, "num_beams: this model draws its answers and cannot search.", param="num_beams")
        sampling = asked.sampling(len(prompt), lane.window(len(prompt)))
        async with aclosing(self._counted(asked, lane, adapter, prompt, sampling)) as pieces:
            answer = self._stream(request, asked, pieces) if asked.stream else self._whole(asked, pieces)
            return await answer

    async def _whole(self, asked: ChatRequest, pieces: AsyncGenerator[Piece, None]) -> web.Response:
        text, last = "", Piece()
        logprobs: list[tuple[str, float]] = []
        async for last in pieces:
            text += last.text
            logprobs += last.logprobs
        choice = {
            "index": 0, "message": {"role": "assistant", "content": text, "refusal": None},
            "logprobs": _logprobs(logprobs) if asked.logprobs else None, "finish_reason": last.finish_reason,
        }  # fmt: skip
        return web.json_response(
            {**_head("chat.completion", asked.model), "choices": [choice], "usage": _usage(last.usage or Usage())}
        )

    async def _stream(
        self, request: web.Request, asked: ChatRequest, pieces: AsyncGenerator[Piece, None]
    ) -> web.StreamResponse:
        counts = asked.stream_options is not None and asked.stream_options.include_usage
        head = _head("chat.completion.chunk", asked.model)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})

        async def event(delta: dict[str, str], reason: str | None = None, piece: Piece | None = None) -> None:
            told = _logprobs(piece.logprobs) if piece is not None and piece.logprobs else None
            choice = {"index": 0, "delta": delta, "logprobs": told, "finish_reason": reason}
            await response.write(_event({**head, "choices": [choice], **({"usage": None} if counts else {})}))

        try:
            async for piece in pieces:
                if not response.prepared:
                    # only now, so that a request that is refused or fails at once gets its own status
                    await response.prepare(request)
                    await event({"role": "assistant", "content": ""})
                if piece.text:
                    await event({"content": piece.text}, piece=piece)
                if piece.finish_reason is not None:
                    await event({}, piece.finish_reason, None if piece.text else piece)
                    if counts:
                        await response.write(_event({**head, "choices": [], "usage": _usage(piece.usage or Usage())}))
        except GenerationFailed as error:
            if not response.prepared:
                raise
            await response.write(_event(_model_failed(error).body))
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _counted(
        self, asked: ChatRequest, lane: Resident, adapter: AdapterWeights | None, prompt: list[int], sampling: Sampling
    ) -> AsyncGenerator[Piece, None]:
        """The runner's pieces, measured. Raises WireError when the queue is full."""
        started, first, end = time.monotonic(), 0.0, "dropped"
        deadline = started + (asked.deadline or math.inf)
        try:
            async with aclosing(
                self._runner.stream(lane, prompt, sampling, asked.priority, deadline, adapter)
            ) as pieces:
                async for piece in pieces:
                    if not first:
                        first = time.monotonic()
                        self._metrics.first_token.labels(asked.model).observe(first - started)
                    if piece.finish_reason is not None and piece.usage is not None:
                        end, tokens = piece.finish_reason, piece.usage.completion_tokens
                        self._metrics.answered.labels(asked.model).inc(tokens)
                        if tokens > 1:
                            spent = (time.monotonic() - first) / (tokens - 1)
                            self._metrics.token_time.labels(asked.model).observe(spent)
                    yield piece
        except QueueFull as error:
            end = "refused"
            raise _overloaded("The queue is full.") from error
        except GenerationFailed as error:
            end = "refused" if error.busy else "failed"
            log.error("generation_failed", model=asked.model, detail=error.detail)
            raise
        finally:
            self._metrics.requests.labels(asked.model, end).inc()

    async def embed(self, request: web.Request) -> web.Response:
        asked = await read(request, EmbeddingRequest)
        if not self._embeds or asked.model != EMBEDDING:
            raise _unknown_model(asked.model)
        vectors, tokens = await self._runner.embed(asked.texts)
        self._metrics.embedded.inc(len(vectors))
        data = [
            {"object": "embedding", "index": number, "embedding": _encoded(vector, asked.encoding_format)}
            for number, vector in enumerate(vectors)
        ]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return web.json_response({"object": "list", "model": EMBEDDING, "data": data, "usage": usage})


def _unknown_model(name: str) -> WireError:
    return WireError(404, f"The model {name!r} is not served here.", code="model_not_found", param="model")


def _card(name: str, created: int, root: str, parent: str | None) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": created, "owned_by": "parley", "root": root, "parent": parent}


def _model_failed(error: GenerationFailed) -> WireError:
    if error.busy:
        return _overloaded("There was no room for this request in time.")
    return WireError(500, "The model failed on this request.", "server_error", "generation_failed")


def _overloaded(words: str) -> WireError:
    headers = {"Retry-After": str(RETRY_SECONDS)}
    return WireError(503, words, "overloaded_error", "overloaded", headers=headers)


def _head(kind: str, model: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": model}


def _event(body: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


def _encoded(vector: list[float], form: str) -> list[float] | str:
    return vector if form == "float" else base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _logprobs(told: Iterable[tuple[str, float]]) -> dict[str, Any]:
    content = [
        {"token": token, "logprob": logprob, "bytes": list(token.encode()), "top_logprobs": []}
        for token, logprob in told
    ]
    return {"content": content, "refusal": None}


def _usage(usage: Usage) -> dict[str, int]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }
