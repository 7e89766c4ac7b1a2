"""What comes over the wire, checked, and the dialect's way to say what is wrong with it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.dialect import Message, Sampling

READ_SECONDS = 30.0
"""Who needs longer than this to send a request is not waited for."""
USUAL_TOKENS = 1024
"""The length of an answer that nobody bounded."""


class WireError(Exception):
    """An answer of the dialect's error shape."""

    def __init__(
        self, status: int, message: str, kind: str = "invalid_request_error", code: str | None = None,
        param: str | None = None, headers: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
        self.headers = headers or {}

    def response(self) -> web.Response:
        return web.json_response(self.body, status=self.status, headers=self.headers)


class Strict(BaseModel):
    """What this worker cannot do is refused by name, never passed over."""

    model_config = ConfigDict(extra="forbid", strict=True)


class TextPart(Strict):
    """A part of a message. Only text is read."""

    type: Literal["text"]
    text: str


class WireMessage(Strict):
    """A message; `name` is taken and not used."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]
    name: str | None = None

    def message(self) -> Message:
        text = self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)
        return Message("system" if self.role == "developer" else self.role, text)


class StreamOptions(Strict):
    include_usage: bool = False


class ResponseFormat(Strict):
    type: Literal["text"]


StopText = Annotated[str, Field(min_length=1)]
Neutral = Annotated[float, Field(ge=0, le=0)]


class ChatRequest(Strict):
    """`POST /v1/chat/completions`. `priority` is vLLM's: a request of a higher number yields.

    `deadline` is ours, in seconds from now: what has not begun by then is refused, what has begun ends there.
    So are `num_beams` and the languages, for models that translate; a chat model is told the languages in words.
    """

    model: str
    messages: Annotated[list[WireMessage], Field(min_length=1)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    stop: StopText | Annotated[list[StopText], Field(max_length=16)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    repetition_penalty: Annotated[float, Field(gt=0, le=2)] | None = None
    logprobs: bool | None = None
    priority: Annotated[int, Field(ge=0, le=100)] = 0
    deadline: Annotated[float, Field(gt=0, le=86400)] | None = None
    num_beams: Annotated[int, Field(ge=1, le=16)] | None = None
    source_language: str | None = None
    target_language: str | None = None
    # who asks is not our business
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    metadata: dict[str, str] | None = None
    # the neutral values of what is not offered
    n: Literal[1] | None = None
    top_logprobs: Literal[0] | None = None
    frequency_penalty: Neutral | None = None
    presence_penalty: Neutral | None = None
    logit_bias: Annotated[dict[str, float], Field(max_length=0)] | None = None
    response_format: ResponseFormat | None = None
    tools: Annotated[list[Any], Field(max_length=0)] | None = None
    tool_choice: Literal["none"] | None = None
    store: Literal[False] | None = None

    def sampling(self, prompt_tokens: int, context: int) -> Sampling:
        """How to draw the answer to a prompt of so many tokens. Raises WireError when both do not fit the context."""
        asked = self.max_completion_tokens or self.max_tokens
        if prompt_tokens + (asked or 1) > context:
            raise WireError(
                400,
                f"This model's maximum context length is {context} tokens, but the messages are {prompt_tokens} tokens"
                + (f" and {asked} more were asked for." if asked else "."),
                code="context_length_exceeded", param="messages",
            )  # fmt: skip
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
        return Sampling(
            temperature=1.0 if self.temperature is None else self.temperature,
            top_p=self.top_p or 1.0,
            max_tokens=asked or min(USUAL_TOKENS, context - prompt_tokens),
            stop=stop,
            seed=self.seed,
            repetition_penalty=self.repetition_penalty or 1.0,
            num_beams=self.num_beams or 1,
            source_language=self.source_language or "",
            target_language=self.target_language or "",
            logprobs=bool(self.logprobs),
        )


class LoadAdapter(Strict):
    """`POST /v1/load_lora_adapter`, as in vLLM; `load_inplace` would change what a name means."""

    lora_name: Annotated[str, Field(min_length=1)]
    lora_path: Annotated[str, Field(min_length=1)]
    load_inplace: Literal[False] = False


class UnloadAdapter(Strict):
    """`POST /v1/unload_lora_adapter`, as in vLLM; `lora_int_id` is taken and not used."""

    lora_name: Annotated[str, Field(min_length=1)]
    lora_int_id: int | None = None


class EmbeddingRequest(Strict):
    """`POST /v1/embeddings`."""

    model: str
    input: StopText | Annotated[list[StopText], Field(min_length=1, max_length=2048)]
    encoding_format: Literal["float", "base64"] = "float"
    user: str | None = None

    @property
    def texts(self) -> list[str]:
        return [self.input] if isinstance(self.input, str) else self.input


T = TypeVar("T", bound=BaseModel)


async def read(request: web.Request, kind: type[T]) -> T:
    """The request's body as `kind`. Raises WireError."""
    try:
        async with asyncio.timeout(READ_SECONDS):
            body = await request.read()
    except TimeoutError as error:
        raise WireError(408, "The request did not come in time.", code="request_timeout") from error
    except web.HTTPRequestEntityTooLarge as error:
        raise WireError(413, "The request is too large.", code="request_too_large") from error
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise _wire_error(error) from None


def _wire_error(error: ValidationError) -> WireError:
    """The first thing wrong with the body, by the name of its field."""
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    # of what is wrong with one field, the alternative that was followed furthest is the one that was meant
    problem = max(
        (each for each in problems if each["loc"][:1] == problems[0]["loc"][:1]), key=lambda it: len(it["loc"])
    )
    # only the keys and numbers that the client wrote, not the names of our own alternatives
    where = ".".join(str(part) for part in problem["loc"] if part == problem["loc"][0] or not _ours(part))
    match problem["type"]:
        case "json_invalid":
            return WireError(400, "The body is not valid JSON.", code="invalid_json")
        case "extra_forbidden":
            return WireError(400, f"Unknown field: {where}.", code="unknown_parameter", param=where)
        case "missing":
            return WireError(400, f"Missing field: {where}.", code="missing_required_parameter", param=where)
    # of the right type and still not possible: 422, as other servers of this dialect say
    ranged = problem["type"].startswith(("greater_than", "less_than"))
    words = f"{where}: {problem['msg']}." if where else f"{problem['msg']}."
    return WireError(422 if ranged else 400, words, code="invalid_value", param=where or None)


def _ours(part: int | str) -> bool:
    return isinstance(part, str) and ("[" in part or part in ("str", "constrained-str"))
