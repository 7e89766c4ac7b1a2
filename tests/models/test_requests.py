"""What the wire refuses: each time the dialect's shape, the right status, and the field's name."""

from __future__ import annotations

import io
import json
from typing import Any

import aiohttp
import pytest

from models.serving.server import MOST_BYTES
from tests.models import tiny
from tests.models.conftest import Served

USER = {"role": "user", "content": "Hello"}
ASKED: dict[str, Any] = {"model": "parley", "messages": [USER], "max_tokens": 2}
CHAT = "/v1/chat/completions"


async def send(served: Served, body: object, path: str = CHAT, method: str = "POST", **headers: str) -> Any:
    """Status and error of a raw request."""
    data = io.BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
    headers = {"Authorization": f"Bearer {served.token}", **headers}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, served.url + path, data=data, headers=headers) as answer,
    ):
        text = await answer.text()
        assert "Traceback" not in text
        return answer.status, json.loads(text).get("error")


@pytest.mark.parametrize(("change", "status", "code", "param"), [
    ({"messages": []}, 400, "invalid_value", "messages"),
    ({"messages": "hello"}, 400, "invalid_value", "messages"),
    ({"messages": [{"role": "user"}]}, 400, "missing_required_parameter", "messages.0.content"),
    ({"messages": [{"role": "wizard", "content": "x"}]}, 400, "invalid_value", "messages.0.role"),
    ({"messages": [{"role": "user", "content": 5}]}, 400, "invalid_value", "messages.0.content"),
    ({"messages": [{"role": "user", "content": "x", "wings": 2}]}, 400, "unknown_parameter", "messages.0.wings"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]}, 400, None, None),
    ({"wings": 2}, 400, "unknown_parameter", "wings"),
    ({"temperature": "hot"}, 400, "invalid_value", "temperature"),
    ({"temperature": 3}, 422, "invalid_value", "temperature"),
    ({"top_p": 0}, 422, "invalid_value", "top_p"),
    ({"max_tokens": 0}, 422, "invalid_value", "max_tokens"),
    ({"max_tokens": 1.5}, 400, "invalid_value", "max_tokens"),
    ({"max_tokens": True}, 400, "invalid_value", "max_tokens"),
    ({"stop": [""]}, 400, "invalid_value", "stop.0"),
    ({"stop": ["x"] * 17}, 400, "invalid_value", "stop"),
    ({"seed": 2**70}, 422, "invalid_value", "seed"),
    ({"n": 2}, 400, "invalid_value", "n"),
    ({"top_logprobs": 3}, 400, "invalid_value", "top_logprobs"),
    ({"frequency_penalty": 0.5}, 422, "invalid_value", "frequency_penalty"),
    ({"response_format": {"type": "json_object"}}, 400, "invalid_value", "response_format.type"),
    ({"tools": [{}]}, 400, "invalid_value", "tools"),
    ({"model": "gpt-5"}, 404, "model_not_found", "model"),
    ({"model": None}, 400, "invalid_value", "model"),
    ({"max_tokens": tiny.CONTEXT}, 400, "context_length_exceeded", "messages"),
    ({"messages": [{"role": "user", "content": "x" * 5000}]}, 400, "context_length_exceeded", "messages"),
    ({"messages": [USER, {"role": "system", "content": "x"}]}, 422, None, "messages"),
])  # fmt: skip
async def test_bad_request_is_told(
    tiny_worker: Served, change: dict[str, Any], status: int, code: str | None, param: str | None
) -> None:
    found, error = await send(tiny_worker, {**ASKED, **change})
    assert found == status
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    if param is not None:
        assert (error["code"], error["param"]) == (code, param)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"model": "parley", "messages": 1e999}']
)
async def test_bad_body_is_told(tiny_worker: Served, body: bytes) -> None:
    status, error = await send(tiny_worker, body)
    assert (status, error["type"]) == (400, "invalid_request_error")


async def test_a_hundred_kilobytes_are_read_and_refused_by_length(tiny_worker: Served) -> None:
    status, error = await send(tiny_worker, {**ASKED, "messages": [{"role": "user", "content": "word " * 20000}]})
    assert (status, error["code"]) == (400, "context_length_exceeded")
    assert "4096" in error["message"]


async def test_too_large_a_body_is_refused(tiny_worker: Served) -> None:
    status, error = await send(tiny_worker, b'"' + b"x" * (MOST_BYTES + 10) + b'"')
    assert (status, error["code"]) == (413, "request_too_large")


@pytest.mark.parametrize(("path", "method", "status"), [
    ("/v1/nothing", "GET", 404), (CHAT, "GET", 405), ("/v1/models", "POST", 405), ("/", "GET", 404),
])  # fmt: skip
async def test_wrong_paths_and_methods(tiny_worker: Served, path: str, method: str, status: int) -> None:
    found, error = await send(tiny_worker, b"", path, method)
    assert found == status
    assert error["message"]


@pytest.mark.parametrize("given", ["", "Bearer ", "Bearer open", "Bearer sésame", "sesame!"])
async def test_without_the_key_nothing_is_told(tiny_worker: Served, given: str) -> None:
    for path, method in ((CHAT, "POST"), ("/v1/models", "GET"), ("/metrics", "GET"), ("/v1/nothing", "GET")):
        status, error = await send(tiny_worker, ASKED, path, method, Authorization=given)
        assert (status, error["code"]) == (401, "invalid_api_key")


async def test_health_needs_no_key(tiny_worker: Served) -> None:
    status, _ = await send(tiny_worker, b"", "/health", "GET", Authorization="")
    assert status == 200


@pytest.mark.parametrize("body", [
    {"model": "embedding", "input": "x"}, {"model": "parley", "input": "x"},
])  # fmt: skip
async def test_embeddings_of_an_unknown_model(tiny_worker: Served, body: dict[str, Any]) -> None:
    status, error = await send(tiny_worker, body, "/v1/embeddings")
    assert (status, error["code"]) == (404, "model_not_found")
