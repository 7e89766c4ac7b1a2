"""The engine's contract: what the bot relies on, held by the embedded worker and by any server of the dialect.

`PARLEY_TEST_ENGINE_URL` names another server to hold to it (vLLM with VLLM_ALLOW_RUNTIME_LORA_UPDATING=True and
--enable-lora, say), `PARLEY_TEST_ENGINE_KEY` its key, `PARLEY_TEST_ENGINE_MODEL` a model (the first listed by default),
`PARLEY_TEST_ENGINE_ADAPTER` the folder of an adapter for it, as that server sees it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from models.engine import (
    AdapterRefused,
    EngineClient,
    EngineDenied,
    EngineError,
    Message,
    Piece,
    PromptTooLong,
    Sampling,
    UnknownModel,
)  # fmt: skip
from tests.models import tiny
from tests.models.conftest import Serve

URL = os.environ.get("PARLEY_TEST_ENGINE_URL", "")
HELLO = [Message("system", "You are brief."), Message("user", "Tell me about the sea.")]
GREEDY = Sampling(temperature=0, max_tokens=24)


@dataclass(frozen=True)
class Target:
    """A server that is held to the contract. `adapter` is the folder of an adapter, where there is one."""

    url: str
    key: str
    model: str = ""
    adapter: str = ""


@pytest.fixture(scope="session")
def embedded(serve: Serve, tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Target:
    data_dir = tmp_path_factory.mktemp("contract")
    folder = tiny.adapter(data_dir / "checkpoints" / "adapter", tiny_checkpoint)
    served = serve("--model", f"parley={tiny_checkpoint}", "--embedding", "none", "--data-dir", str(data_dir))
    return Target(served.url, served.token, "parley", str(folder))


@pytest.fixture(params=["embedded", *(["url"] if URL else [])])
def target(request: pytest.FixtureRequest) -> Target:
    if request.param == "embedded":
        return request.getfixturevalue("embedded")  # type: ignore[no-any-return]
    of = {key: os.environ.get(f"PARLEY_TEST_ENGINE_{key}", "") for key in ("KEY", "MODEL", "ADAPTER")}
    return Target(URL, of["KEY"] or "none", of["MODEL"], of["ADAPTER"])


@pytest.fixture
async def engine(target: Target) -> AsyncIterator[EngineClient]:
    async with EngineClient(target.url, target.key) as engine:
        yield engine


@pytest.fixture
async def model(target: Target, engine: EngineClient) -> str:
    return target.model or (await engine.models())[0]


async def pieces(engine: EngineClient, model: str, sampling: Sampling = GREEDY) -> list[Piece]:
    return [piece async for piece in engine.stream(model, HELLO, sampling)]


def text(found: list[Piece]) -> str:
    return "".join(piece.text for piece in found)


async def test_an_answer_comes_in_pieces_and_ends_with_a_reason_and_its_cost(engine: EngineClient, model: str) -> None:
    found = await pieces(engine, model)
    assert len(found) > 2
    assert [piece.finish_reason for piece in found[:-1]] == [None] * (len(found) - 1)
    assert found[-1].finish_reason in ("stop", "length")
    assert found[-1].usage is not None
    assert found[-1].usage.prompt_tokens > 0
    assert 0 < found[-1].usage.completion_tokens <= 24


async def test_it_tells_how_likely_its_tokens_were(engine: EngineClient, model: str) -> None:
    found = await pieces(engine, model, Sampling(temperature=0, max_tokens=24, logprobs=True))
    told = [logprob for piece in found for _, logprob in piece.logprobs]
    assert found[-1].usage is not None
    assert len(told) in (found[-1].usage.completion_tokens, found[-1].usage.completion_tokens - 1)  # the end is none
    assert max(told) <= 0
    assert text(found) == text(await pieces(engine, model))


async def test_greedy_and_seeded_answers_repeat(engine: EngineClient, model: str) -> None:
    for sampling in (GREEDY, Sampling(temperature=1.0, top_p=0.9, max_tokens=24, seed=5)):
        assert text(await pieces(engine, model, sampling)) == text(await pieces(engine, model, sampling))


async def test_a_stop_string_ends_the_answer_before_it(engine: EngineClient, model: str) -> None:
    whole = text(await pieces(engine, model))
    stop = whole[len(whole) // 2 :][:3]
    found = await pieces(engine, model, Sampling(temperature=0, max_tokens=24, stop=(stop,)))
    assert text(found) == whole[: whole.index(stop)]
    assert found[-1].finish_reason == "stop"


async def test_a_crowd_is_answered_and_who_leaves_harms_nobody(engine: EngineClient, model: str) -> None:
    async def leave() -> None:
        stream = engine.stream(model, HELLO, Sampling(temperature=0, max_tokens=200))
        await anext(stream)
        await stream.aclose()

    answers = asyncio.gather(*(pieces(engine, model) for _ in range(6)))
    await asyncio.gather(*(leave() for _ in range(4)))
    assert all(found[-1].finish_reason for found in await answers)


async def test_what_goes_wrong_has_its_own_error(engine: EngineClient, model: str) -> None:
    with pytest.raises(UnknownModel):
        await anext(engine.stream("no-such-model", HELLO, GREEDY))
    with pytest.raises(PromptTooLong):
        await anext(engine.stream(model, [Message("user", "word " * 60_000)], GREEDY))
    assert text(await pieces(engine, model))


async def test_a_wrong_key_is_refused_where_one_is_wanted(target: Target) -> None:
    if target.key == "none":
        return
    async with EngineClient(target.url, "wrong") as engine:
        with pytest.raises(EngineDenied):
            await engine.models()


async def test_it_tells_of_its_health_and_its_numbers(target: Target) -> None:
    headers = {"Authorization": f"Bearer {target.key}"}
    async with aiohttp.ClientSession(target.url, headers=headers) as session:
        async with session.get("/health") as answer:
            assert answer.status == 200
        async with session.get("/metrics") as answer:
            assert answer.status == 200
            assert "# TYPE" in await answer.text()


async def test_adapters_come_and_go_by_name(target: Target, engine: EngineClient, model: str) -> None:
    with pytest.raises(AdapterRefused) as refused:
        await engine.load_adapter("contract@0", "no/such/folder")
    assert refused.value.words
    with pytest.raises(EngineError):
        await engine.unload_adapter("contract@0")
    if not target.adapter:
        return
    await engine.load_adapter("contract@1", target.adapter)
    try:
        with pytest.raises(AdapterRefused, match="already been loaded"):
            await engine.load_adapter("contract@1", target.adapter)
        assert "contract@1" in await engine.adapters()
        bare, adapted = await asyncio.gather(pieces(engine, model), pieces(engine, "contract@1"))
        assert text(bare)
        assert text(adapted)
    finally:
        await engine.unload_adapter("contract@1")
    assert "contract@1" not in await engine.adapters()
    with pytest.raises(UnknownModel):
        await anext(engine.stream("contract@1", HELLO, GREEDY))
