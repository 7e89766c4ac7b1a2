"""The worker over the wire, asked by the official client."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.models import tiny
from tests.models.conftest import Served
from tests.waiting import until

USER = {"role": "user", "content": "Say something"}
# answers of bytes that are no text are fine; all that matters is that they are the same
ASKED: dict[str, Any] = {"model": "parley", "messages": [USER], "temperature": 0, "max_tokens": 40}


async def streamed(client: AsyncOpenAI, **asked: Any) -> tuple[list[str], str | None, Any]:
    """Pieces, finish_reason and usage of a streamed answer."""
    pieces, reason, usage = [], None, None
    stream = await client.chat.completions.create(
        **{**ASKED, **asked}, stream=True, stream_options={"include_usage": True}
    )
    async for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            reason = choice.finish_reason or reason
            pieces += [choice.delta.content] if choice.delta.content else []
    return pieces, reason, usage


async def whole(client: AsyncOpenAI, **asked: Any) -> Any:
    return await client.chat.completions.create(**{**ASKED, **asked})


async def health(served: Served) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session, session.get(served.url + "/health") as answer:
        return dict(await answer.json())


async def metric(served: Served, name: str) -> float:
    """The sum of a metric over its labels."""
    headers = {"Authorization": f"Bearer {served.token}"}
    async with aiohttp.ClientSession() as session, session.get(served.url + "/metrics", headers=headers) as answer:
        lines = (await answer.text()).splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith((name + " ", name + "{")))


def all_free(served: Served) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        state = await health(served)
        return (state["running"], state["waiting"], state["free_slots"]) == (0, 0, 8)

    return check


async def test_streamed_and_whole_answers_are_equal(client: AsyncOpenAI) -> None:
    answer = await whole(client)
    pieces, reason, usage = await streamed(client)
    assert "".join(pieces) == answer.choices[0].message.content
    assert (reason, answer.choices[0].finish_reason) == ("length", "length")
    assert (usage.prompt_tokens, usage.completion_tokens) == (answer.usage.prompt_tokens, 40)
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 40


def test_the_synchronous_client_works_as_well(tiny_worker: Served) -> None:
    with OpenAI(base_url=tiny_worker.url + "/v1", api_key="sesame") as client:
        answer = client.chat.completions.create(**ASKED)
        with client.chat.completions.create(**ASKED, stream=True) as chunks:
            text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        assert text == answer.choices[0].message.content
        assert [model.id for model in client.models.list()] == ["parley", "story"]


async def test_the_probabilities_of_tokens_are_told_where_they_are_asked_for(client: AsyncOpenAI) -> None:
    answer = await whole(client, logprobs=True)
    told = answer.choices[0].logprobs.content
    assert len(told) == answer.usage.completion_tokens == 40
    assert all(one.logprob <= 0 for one in told)
    stream = await client.chat.completions.create(**ASKED, logprobs=True, stream=True)
    streamed = [
        one async for chunk in stream for choice in chunk.choices if choice.logprobs for one in choice.logprobs.content
    ]
    assert [(one.token, one.logprob) for one in streamed] == [(one.token, one.logprob) for one in told]
    drawn = await whole(client, logprobs=True, temperature=1.5, seed=3)
    # a greedy answer is made of the likeliest tokens
    assert sum(one.logprob for one in told) > sum(one.logprob for one in drawn.choices[0].logprobs.content)
    assert (await whole(client)).choices[0].logprobs is None


async def test_a_message_may_come_in_parts_and_neutral_fields_are_taken(client: AsyncOpenAI) -> None:
    parts = [{"role": "user", "content": [{"type": "text", "text": "Say "}, {"type": "text", "text": "something"}]}]
    neutral = {
        "n": 1, "frequency_penalty": 0, "presence_penalty": 0.0, "logprobs": False, "user": "u",
        "response_format": {"type": "text"}, "tools": [], "logit_bias": {}, "metadata": {"a": "b"},
    }  # fmt: skip
    answer = await whole(client, messages=parts, **neutral)
    assert answer.choices[0].message.content == (await whole(client)).choices[0].message.content


async def test_eight_at_once_are_computed_together_and_answer_as_alone(
    tiny_worker: Served, client: AsyncOpenAI
) -> None:
    asked = [{"messages": [{"role": "user", "content": f"{number} " * number}]} for number in range(1, 9)]
    alone = [(await whole(client, **each)).choices[0].message.content for each in asked]
    steps = await metric(tiny_worker, "parley_worker_steps_total")
    together = await asyncio.gather(*(whole(client, **each) for each in asked))
    steps = await metric(tiny_worker, "parley_worker_steps_total") - steps
    assert [each.choices[0].message.content for each in together] == alone
    # one by one they would take 8 x 40 passes
    assert steps < 250


async def test_a_seed_repeats_an_answer_even_in_a_crowd(client: AsyncOpenAI) -> None:
    async def drawn(seed: int | None) -> str:
        return str((await whole(client, temperature=1.0, top_p=0.9, seed=seed)).choices[0].message.content)

    alone = await drawn(11)
    crowd = await asyncio.gather(*(drawn(seed) for seed in (11, 12, 13, 11, None, None)))
    assert crowd[0] == crowd[3] == alone
    assert len({*crowd}) == 5


async def test_stop_strings_end_an_answer_and_are_not_part_of_it(client: AsyncOpenAI) -> None:
    text = str((await whole(client, max_tokens=200)).choices[0].message.content)
    # some run of characters in the middle, each a token of its own
    stop = text[60:66]
    cut = text[: text.index(stop)]
    for asked in (stop, ["never said", stop]):
        pieces, reason, _ = await streamed(client, max_tokens=200, stop=asked)
        assert ("".join(pieces), reason) == (cut, "stop")
        answer = await whole(client, max_tokens=200, stop=asked)
        assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (cut, "stop")


async def test_repetition_penalty_changes_the_answer(client: AsyncOpenAI) -> None:
    plain, other = await whole(client), await whole(client, extra_body={"repetition_penalty": 1.5})
    assert plain.choices[0].message.content != other.choices[0].message.content


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_a_dropped_connection_frees_its_slot(tiny_worker: Served, stream: bool) -> None:
    """Bare sockets, closed without a word after the request was sent."""
    body = json.dumps({**ASKED, "max_tokens": 4000, "stream": stream}).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sesame\r\nContent-Length: {len(body)}"
    )
    request = head.encode() + b"\r\n\r\n" + body
    written = await metric(tiny_worker, "parley_worker_tokens_total")
    sockets = [socket.create_connection(("127.0.0.1", tiny_worker.port)) for _ in range(12)]
    for each in sockets:
        each.sendall(request)

    async def busy() -> bool:
        state = await health(tiny_worker)
        return bool(state["running"] == 8 and state["waiting"] == 4)

    await until(busy)
    for each in sockets:
        # a reset, as from a killed process
        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        each.close()
    await until(all_free(tiny_worker))
    written = await metric(tiny_worker, "parley_worker_tokens_total") - written
    assert written < 8 * 4000, "they were not answered to the end for nobody"


async def test_closing_a_stream_of_the_client_frees_its_slot(tiny_worker: Served, client: AsyncOpenAI) -> None:
    written = await metric(tiny_worker, "parley_worker_tokens_total")
    stream = await client.chat.completions.create(**{**ASKED, "max_tokens": 4000}, stream=True)
    await anext(aiter(stream))
    assert (await health(tiny_worker))["running"] == 1
    await stream.close()
    await until(all_free(tiny_worker))
    assert await metric(tiny_worker, "parley_worker_tokens_total") - written < 4000, "it was not said to its end"


async def test_full_queue_answers_503_with_retry_after(tiny_worker: Served, client: AsyncOpenAI) -> None:
    # Far more than slots and queue hold together, so that some are refused however quick the others are.
    waiting = [asyncio.create_task(whole(client, max_tokens=4000)) for _ in range(80)]
    done, _ = await asyncio.wait(waiting, timeout=60, return_when=asyncio.FIRST_EXCEPTION)
    refused = [task.exception() for task in done if task.exception() is not None]
    assert refused
    for error in refused:
        assert isinstance(error, openai.InternalServerError)
        assert error.status_code == 503
        assert error.code == "overloaded"
        assert int(error.response.headers["Retry-After"]) > 0
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await until(all_free(tiny_worker))


async def test_a_failing_model_fails_one_request_only(tiny_worker: Served, client: AsyncOpenAI) -> None:
    expected = (await whole(client)).choices[0].message.content
    poison = {"messages": [{"role": "user", "content": tiny.POISON}]}
    answers = await asyncio.gather(
        whole(client), whole(client, **poison), streamed(client, **poison), whole(client), return_exceptions=True
    )
    for answer in (answers[0], answers[3]):
        assert answer.choices[0].message.content == expected
    for answer in answers[1:3]:
        assert isinstance(answer, openai.InternalServerError)
        assert answer.code == "generation_failed"
    await until(all_free(tiny_worker))


async def test_models_and_metrics(tiny_worker: Served, client: AsyncOpenAI) -> None:
    assert [model.id async for model in client.models.list()] == ["parley", "story"]
    assert (await whole(client, model="story")).model == "story"
    assert await metric(tiny_worker, "parley_worker_first_token_seconds_count") > 0
    assert await metric(tiny_worker, "parley_worker_waiting") == 0


async def test_prefix_of_a_conversation_is_not_read_again(tiny_worker: Served, client: AsyncOpenAI) -> None:
    messages = [{"role": "user", "content": "A question that is long enough to be worth it"}]
    first = await whole(client, messages=messages)
    read = await metric(tiny_worker, "parley_worker_prompt_tokens_total")
    messages += [{"role": "assistant", "content": "ok"}, {"role": "user", "content": "And now?"}]
    second = await whole(client, messages=messages)
    read = await metric(tiny_worker, "parley_worker_prompt_tokens_total") - read
    assert read <= second.usage.prompt_tokens - first.usage.prompt_tokens + 1


async def test_sigterm_lets_answers_end_and_then_ends(serve: Callable[..., Served], tiny_checkpoint: object) -> None:
    served = serve("--model", f"parley={tiny_checkpoint}", "--embedding", "none")
    async with served.client() as client:
        answer = asyncio.create_task(whole(client, max_tokens=1500))

        async def running() -> bool:
            return bool((await health(served))["running"] == 1)

        await until(running)
        served.process.terminate()
        assert len((await answer).choices[0].message.content) > 0
    assert await asyncio.to_thread(served.process.wait, 120) == 0


async def test_it_ends_with_its_parent(serve: Callable[..., Served], tiny_checkpoint: object) -> None:
    served = serve("--model", f"parley={tiny_checkpoint}", "--embedding", "none", "--watch-stdin")
    assert served.process.stdin is not None
    served.process.stdin.close()
    await asyncio.to_thread(served.process.wait, 120)
    served.process.stdin = None
