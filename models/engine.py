"""The engine seam: what the bot asks of a model server, and the one client that asks it over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import openai
from openai import AsyncOpenAI, AsyncStream

from models.dialect import Message as Message
from models.dialect import Piece as Piece
from models.dialect import Role as Role
from models.dialect import Sampling as Sampling
from models.dialect import Usage as Usage
from models.engine_errors import AdapterRefused as AdapterRefused
from models.engine_errors import EngineBusy as EngineBusy
from models.engine_errors import EngineDenied as EngineDenied
from models.engine_errors import EngineError as EngineError
from models.engine_errors import EngineFailed as EngineFailed
from models.engine_errors import EngineUnavailable as EngineUnavailable
from models.engine_errors import PromptTooLong as PromptTooLong
from models.engine_errors import UnknownLanguage as UnknownLanguage
from models.engine_errors import UnknownModel as UnknownModel

ADAPTER_SECONDS = 600.0


class Engine(Protocol):
    """What the bot needs of an engine; `EngineClient` is the one over HTTP."""

    def stream(self, model: str, messages: Sequence[Message], sampling: Sampling) -> AsyncGenerator[Piece, None]: ...

    async def embed(self, texts: Sequence[str]) -> list[list[float]]: ...

    async def models(self) -> list[str]: ...

    async def adapters(self) -> dict[str, str]: ...

    async def load_adapter(self, name: str, path: str) -> None: ...

    async def unload_adapter(self, name: str) -> None: ...


@dataclass(slots=True)
class EngineClient:
    """The engine over the OpenAI-compatible wire: the embedded worker, vLLM, SGLang, llama.cpp.

    `base_url` ends before `/v1`; `embedding_url` is the server of the embedding model where it is another one. Closing
    the iterator of `stream` drops the HTTP request, which frees the slot on the server. Use as an async context
    manager.
    """

    base_url: str
    api_key: str = "none"
    embedding_model: str = "embedding"
    first_token_timeout: float = 120.0
    connect_timeout: float = 5.0
    embedding_url: str = ""
    _tells: bool = field(init=False, repr=False, default=True)
    """Whether the server may be asked how likely its tokens are."""
    _client: AsyncOpenAI = field(init=False, repr=False)
    _embedder: AsyncOpenAI = field(init=False, repr=False)
    _opening: dict[str, set[asyncio.Future[None]]] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._client = self._connected(self.base_url)
        self._embedder = self._connected(self.embedding_url) if self.embedding_url else self._client

    def _connected(self, url: str) -> AsyncOpenAI:
        return AsyncOpenAI(
            base_url=url.rstrip("/") + "/v1",
            api_key=self.api_key,
            max_retries=0,  # the core owns retries: a second answer must never be paid for silently
            timeout=openai.Timeout(self.first_token_timeout, connect=self.connect_timeout),
        )

    async def __aenter__(self) -> EngineClient:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._client.close()
        await self._embedder.close()

    async def stream(self, model: str, messages: Sequence[Message], sampling: Sampling) -> AsyncGenerator[Piece, None]:
        """Answer `messages` with `model` ("base" or "scenario@number"), piece by piece.

        Raises an EngineError; nothing of the client library passes this line.
        """
        with translated_errors():
            request: dict[str, Any] = {
                "model": model,
                "messages": [message.wire for message in messages],
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                "max_tokens": sampling.max_tokens,
                "stream": True,
                "stream_options": {"include_usage": True},
            }
            if sampling.stop:
                request["stop"] = list(sampling.stop)
            if sampling.seed is not None:
                request["seed"] = sampling.seed
            if sampling.repetition_penalty != 1.0:
                request["repetition_penalty"] = sampling.repetition_penalty
            for key in ("source_language", "target_language"):
                if language := getattr(sampling, key):
                    request[key] = language
            if sampling.num_beams > 1:
                request["num_beams"] = sampling.num_beams
            if sampling.logprobs and self._tells:
                request["logprobs"] = True
            finish_reason: str | None = None
            usage = Usage()
            # The SDK's own call builds typed objects from the request and from each piece of the answer:
            # milliseconds of every turn, for dictionaries that are read once.
            with self._on_its_way(model):
                chunks = await self._asked(request)
            async with chunks:
                async for chunk in chunks:
                    if spent := chunk.get("usage"):
                        usage = Usage(spent["prompt_tokens"], spent["completion_tokens"])
                    for choice in chunk["choices"]:
                        finish_reason = choice.get("finish_reason") or finish_reason
                        told = (choice.get("logprobs") or {}).get("content") or ()
                        logprobs = tuple((str(one["token"]), float(one["logprob"])) for one in told)
                        if (content := choice["delta"].get("content")) or logprobs:
                            yield Piece(content or "", logprobs=logprobs)
            if finish_reason is None:
                raise EngineFailed("the stream ended without a finish_reason")
            yield Piece(finish_reason=finish_reason, usage=usage)

    async def _asked(self, request: dict[str, Any]) -> AsyncStream[Any]:
        """The stream of an answer. A server that refuses to tell of its tokens is not asked for that again."""
        try:
            return await self._post(request)
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            if "logprobs" not in request or "logprob" not in str(error):
                raise
            self._tells = False
            return await self._post({key: value for key, value in request.items() if key != "logprobs"})

    async def _post(self, request: dict[str, Any]) -> AsyncStream[Any]:
        return await self._client.post(
            "/chat/completions", cast_to=object, body=request, stream=True, stream_cls=AsyncStream[Any]
        )

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One unit-length vector a text, in order."""
        with translated_errors():
            answer = await self._embedder.embeddings.create(
                model=self.embedding_model, input=list(texts), encoding_format="float"
            )
        return [row.embedding for row in answer.data]

    async def models(self) -> list[str]:
        """Names the engine serves now."""
        with translated_errors():
            return [model.id async for model in self._client.models.list()]

    async def adapters(self) -> dict[str, str]:
        """The adapters in service, each with the model it belongs to."""
        with translated_errors():
            models = (await self._client.models.list()).data
        # "parent" is vLLM's addition to the dialect
        return {model.id: str(parent) for model in models if (parent := getattr(model, "parent", None))}

    async def load_adapter(self, name: str, path: str) -> None:
        """Put the LoRA in the folder `path`, as the engine's machine sees it, into service under a new `name`.

        Raises AdapterRefused with the reason, or another EngineError.
        """
        with translated_errors():
            try:
                await self._adapter("load", lora_name=name, lora_path=path)
            except (openai.BadRequestError, openai.NotFoundError, openai.UnprocessableEntityError) as error:
                body = error.body if isinstance(error.body, dict) else {}
                raise AdapterRefused(str(body.get("message") or error.message)) from error

    async def unload_adapter(self, name: str) -> None:
        """Take an adapter out of service; who is being answered by it is waited for. Raises UnknownModel.

        Requests of ours that are on their way arrive first, so that none finds its adapter gone.
        """
        if opening := self._opening.get(name):
            await asyncio.wait(opening)
        with translated_errors():
            await self._adapter("unload", lora_name=name)

    @contextlib.contextmanager
    def _on_its_way(self, model: str) -> Iterator[None]:
        """Between asking and the head of the answer."""
        opening = self._opening.setdefault(model, set())
        arrived = asyncio.get_running_loop().create_future()
        opening.add(arrived)
        try:
            yield
        finally:
            arrived.set_result(None)
            opening.discard(arrived)
            if not opening:
                self._opening.pop(model, None)

    async def _adapter(self, verb: str, **body: str) -> None:
        # an unload waits for answers under way, each of which may take minutes
        options = openai.RequestOptions(timeout=ADAPTER_SECONDS)
        await self._client.post(f"/{verb}_lora_adapter", cast_to=str, body=body, options=options)

    async def wait_ready(self, seconds: float) -> bool:
        """True as soon as the engine lists its models, False when it does not within `seconds`."""
        until = time.monotonic() + seconds
        while True:
            try:
                await self.models()
            except EngineError:
                if time.monotonic() >= until:
                    return False
                await asyncio.sleep(0.2)
            else:
                return True


@contextlib.contextmanager
def translated_errors() -> Iterator[None]:
    """Turn what the client library raises into an EngineError."""
    try:
        yield
    except openai.APITimeoutError as error:
        raise EngineUnavailable(f"timeout: {error}") from error
    except openai.APIConnectionError as error:
        raise EngineUnavailable(f"connection: {error.__cause__ or error}") from error
    except openai.APIStatusError as error:
        raise from_status(error) from error
    except (openai.APIError, KeyError, TypeError, AttributeError) as error:
        raise EngineFailed(repr(error)) from error  # the latter three: not the dialect


def from_status(error: openai.APIStatusError) -> EngineError:
    """The EngineError for an HTTP answer."""
    detail = f"{error.status_code}: {error.message}"
    if error.status_code in (401, 403):
        return EngineDenied(detail)
    if error.status_code in (429, 503):
        try:
            retry_after = float(error.response.headers.get("retry-after", ""))
        except ValueError:
            retry_after = None
        return EngineBusy(detail, retry_after)
    if error.status_code == 413 or (error.code == "context_length_exceeded" or "context length" in error.message):
        return PromptTooLong(detail)
    if error.status_code == 404:
        return UnknownModel(detail)
    if error.code == "unknown_language":
        return UnknownLanguage(detail)
    return EngineFailed(detail)
