"""What comes over the wire, checked, and the dialect's way to say what is wrong with it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from models.engine import Message, Sampling

T = TypeVar("T", bound=BaseModel)


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


class Part(BaseModel):
    """A part of a message. Only text is read."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["text"]
    text: str


class WireMessage(BaseModel):
    model_config = ConfigDict(extra="ignore")
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[Part]

    def message(self) -> Message:
        text = self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)
        return Message("system" if self.role == "developer" else self.role, text)


class StreamOptions(BaseModel):
    model_config = ConfigDict(extra="ignore")
    include_usage: bool = False


class ChatRequest(BaseModel):
    """`POST /v1/chat/completions`. What this worker cannot do is refused, never passed over."""

    model_config = ConfigDict(extra="forbid", strict=True)
    model: str
    messages: list[WireMessage] = Field(min_length=1)
    stream: bool = False
    stream_options: StreamOptions | None = None
    temperature: Annotated[float, Field(ge=0, le=2, strict=False)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1, strict=False)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    repetition_penalty: Annotated[float, Field(gt=0, le=2, strict=False)] | None = None
    user: str | None = None
    # The neutral values of what is not offered.
    n: Literal[1] | None = None
    logprobs: Literal[False] | None = None
    frequency_penalty: Annotated[float, Field(ge=0, le=0, strict=False)] | None = None
    presence_penalty: Annotated[float, Field(ge=0, le=0, strict=False)] | None = None
    response_format: dict[Literal["type"], Literal["text"]] | None = None

    @field_validator("stop")
    @classmethod
    def _few(cls, value: str | list[str] | None) -> str | list[str] | None:
        if isinstance(value, list) and len(value) > 16:
            raise ValueError("at most 16 stop strings")
        return value

    def sampling(self, most_tokens: int) -> Sampling:
        stop = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return Sampling(
            temperature=1.0 if self.temperature is None else self.temperature,
            top_p=1.0 if self.top_p is None else self.top_p,
            max_tokens=self.max_completion_tokens or self.max_tokens or most_tokens,
            stop=tuple(stop),
            seed=self.seed,
            repetition_penalty=self.repetition_penalty or 1.0,
        )


class EmbeddingRequest(BaseModel):
    """`POST /v1/embeddings`."""

    model_config = ConfigDict(extra="forbid", strict=True)
    model: str
    input: str | Annotated[list[str], Field(min_length=1, max_length=2048)]
    encoding_format: Literal["float", "base64"] = "float"
    user: str | None = None


async def read(request: web.Request, kind: type[T]) -> T:
    """The request's body as `kind`. Raises WireError."""
    try:
        text = await request.text()
    except UnicodeDecodeError:
        raise WireError(400, "The body is not UTF-8.") from None
    except web.HTTPRequestEntityTooLarge:
        raise WireError(413, "The body is too large.") from None
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise _wire_error(dict(error.errors(include_url=False)[0])) from None


def _wire_error(problem: dict[str, Any]) -> WireError:
    param = ".".join(str(part) for part in problem["loc"]) or None
    if problem["type"] == "json_invalid":
        return WireError(400, f"The body is not JSON: {problem['msg']}.")
    if problem["type"] == "extra_forbidden":
        return WireError(400, f"Unknown field: {param}.", code="unknown_parameter", param=param)
    if problem["type"] == "missing":
        return WireError(400, f"Missing field: {param}.", code="missing_required_parameter", param=param)
    # Of the right type and still not possible: 422; of the wrong type: 400.
    status = 422 if problem["type"] in ("greater_than", "greater_than_equal", "less_than_equal", "value_error") else 400
    return WireError(status, f"{param}: {problem['msg']}.", code="invalid_value", param=param)
