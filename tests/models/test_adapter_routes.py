"""Adapters over the wire: put into service, asked by name, taken out, while others are being answered."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest
from openai import AsyncOpenAI

from models.engine import AdapterRefused, EngineClient, EngineError, Message, Sampling, UnknownModel
from tests.models import tiny
from tests.models.conftest import Served
from tests.models.test_server import all_free, metric, until, whole

NAMES = ["support@0001", "support@0002", "story@0001"]


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path) -> Path:
    """A data folder whose checkpoint folder holds adapters, good and bad."""
    folder = tmp_path_factory.mktemp("data")
    for seed, name in enumerate(NAMES):
        tiny.adapter(folder / "checkpoints" / name, tiny_checkpoint, seed, r=2 + 2 * seed)
    foreign = tiny.write(folder / "foreign", hidden_size=32, intermediate_size=48)
    tiny.adapter(folder / "checkpoints" / "other-base", foreign)
    tiny.adapter(folder / "checkpoints" / "other-shape", foreign)
    config = folder / "checkpoints" / "other-shape" / "adapter_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "base_model_name_or_path": None}))
    return folder


@pytest.fixture(scope="session")
def served(serve: Callable[..., Served], tiny_checkpoint: Path, data_dir: Path) -> Served:
    """A worker that keeps two adapters in memory."""
    return serve(
        "--model", f"parley={tiny_checkpoint}", "--embedding", "none", "--data-dir", str(data_dir), "--adapters", "2",
        "--queue", "64",
    )  # fmt: skip


@pytest.fixture
async def engine(served: Served) -> AsyncIterator[EngineClient]:
    """The bot's own client; the adapters are taken out again behind the test."""
    async with EngineClient(served.url, served.token) as engine:
        yield engine
        for name in await engine.adapters():
            await engine.unload_adapter(name)


@pytest.fixture
async def client(served: Served) -> AsyncIterator[AsyncOpenAI]:
    async with served.client() as client:
        yield client


async def said(client: AsyncOpenAI, model: str, **asked: Any) -> str:
    return str((await whole(client, model=model, **asked)).choices[0].message.content)


async def test_loaded_listed_asked_and_unloaded(served: Served, engine: EngineClient, client: AsyncOpenAI) -> None:
    bare = await said(client, "parley")
    for name in NAMES:
        await engine.load_adapter(name, name)
    listed = {model.id: model for model in (await client.models.list()).data}
    assert [*listed] == ["parley", *NAMES]
    assert [listed[name].parent for name in NAMES] == ["parley"] * 3  # type: ignore[attr-defined]
    assert await engine.adapters() == dict.fromkeys(NAMES, "parley")
    # three adapters with room for two: the third is read again when it is asked for
    alone = {name: await said(client, name) for name in [*NAMES, "parley"]}
    assert alone["parley"] == bare
    assert len({*alone.values()}) == 4
    order = ["parley", *NAMES[:2]] * 4
    together = await asyncio.gather(*(said(client, name) for name in order))
    assert together == [alone[name] for name in order]
    answer = await whole(client, model=NAMES[0])
    assert answer.model == NAMES[0]
    await engine.unload_adapter(NAMES[0])
    assert [*await engine.adapters()] == NAMES[1:]
    with pytest.raises(openai.NotFoundError):
        await said(client, NAMES[0])
    assert await metric(served, "parley_worker_tokens_total") > 0


async def test_what_cannot_be_served_is_refused_with_the_reason(engine: EngineClient, client: AsyncOpenAI) -> None:
    await engine.load_adapter(NAMES[0], NAMES[0])
    for name, path, words in [
        (NAMES[0], NAMES[0], "already been loaded"),
        ("parley", NAMES[1], "cannot name an adapter"),
        ("a b", NAMES[1], "cannot name an adapter"),
        ("x", "../foreign", "lies elsewhere"),
        ("x", "nowhere", "no adapter folder"),
        ("x", "other-base", "trained on foreign"),
        ("x", "other-shape", "made for another model"),
    ]:
        with pytest.raises(AdapterRefused) as refused:
            await engine.load_adapter(name, path)
        assert words in refused.value.words
    with pytest.raises(UnknownModel):
        await engine.unload_adapter("x")
    assert [*await engine.adapters()] == [NAMES[0]]


async def test_a_name_keeps_its_meaning(engine: EngineClient) -> None:
    await engine.load_adapter("kept@1", NAMES[0])
    await engine.unload_adapter("kept@1")
    with pytest.raises(AdapterRefused, match="meant other weights"):
        await engine.load_adapter("kept@1", NAMES[1])
    await engine.load_adapter("kept@1", NAMES[0])


@pytest.mark.parametrize(
    "body", [{}, {"lora_name": "x"}, {"lora_name": "", "lora_path": "x"}, {"lora_name": 1, "lora_path": "x"}]
)
async def test_errors_have_the_dialects_shape(served: Served, body: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {served.token}"}
    async with aiohttp.ClientSession(served.url, headers=headers) as session:
        async with session.post("/v1/load_lora_adapter", json=body) as answer:
            assert answer.status == 400
            assert (await answer.json())["error"]["message"]
        async with session.post("/v1/unload_lora_adapter", json={"lora_name": "none"}) as answer:
            assert answer.status == 404
            assert (await answer.json())["error"]["type"] == "NotFoundError"
        async with session.post("/v1/load_lora_adapter", json=body, headers={"Authorization": "no"}) as answer:
            assert answer.status == 401


async def test_unload_waits_for_who_is_being_answered(served: Served, engine: EngineClient) -> None:
    await engine.load_adapter(NAMES[0], NAMES[0])
    sampling = Sampling(temperature=0, max_tokens=3500)
    stream = engine.stream(NAMES[0], [Message("user", "Say something")], sampling)
    pieces = [(await anext(stream)).text]
    unloading = asyncio.create_task(engine.unload_adapter(NAMES[0]))

    async def gone() -> bool:
        return NAMES[0] not in await engine.adapters()

    await until(gone)
    with pytest.raises(UnknownModel):
        await anext(engine.stream(NAMES[0], [Message("user", "Hello")], sampling))
    assert not unloading.done()
    pieces += [piece.text async for piece in stream]
    await unloading
    await engine.load_adapter(NAMES[0], NAMES[0])
    again = [piece.text async for piece in engine.stream(NAMES[0], [Message("user", "Say something")], sampling)]
    assert "".join(again) == "".join(pieces)
    await until(all_free(served))


async def test_a_client_that_goes_does_not_hold_an_unload_up(served: Served, engine: EngineClient) -> None:
    await engine.load_adapter(NAMES[0], NAMES[0])
    stream = engine.stream(NAMES[0], [Message("user", "Hello")], Sampling(temperature=0, max_tokens=4000))
    await anext(stream)
    unloading = asyncio.create_task(engine.unload_adapter(NAMES[0]))
    await stream.aclose()
    await asyncio.wait_for(unloading, 60)
    await until(all_free(served))


async def test_swap_under_load_fails_nobody_and_mixes_nothing(served: Served, engine: EngineClient) -> None:
    """16 streams run without a pause while an adapter is loaded, switched to and unloaded 20 times."""
    sampling = Sampling(temperature=0, max_tokens=24)
    questions = [[Message("user", "word " * length)] for length in (1, 9, 30)]

    async def answer(model: str, question: list[Message]) -> str:
        return "".join([piece.text async for piece in engine.stream(model, question, sampling)])

    expected: dict[tuple[str, int], str] = {}
    for folder in [None, *NAMES[:2]]:
        if folder is not None:
            await engine.load_adapter(f"alone-{folder}", folder)
        for at, question in enumerate(questions):
            expected[folder or "", at] = await answer(f"alone-{folder}" if folder else "parley", question)
        if folder is not None:
            await engine.unload_adapter(f"alone-{folder}")
    assert len({*expected.values()}) == 9

    current, over, answers = ("parley", ""), False, 0
    wrong: list[tuple[str, str]] = []

    async def talk(number: int) -> None:
        nonlocal answers
        for turn in itertools.count(number):
            if over:
                return
            # a bare and an adapted stream side by side; the name may go while this one is under way
            model, folder = current if number % 2 else ("parley", "")
            said = await answer(model, questions[turn % 3])
            answers += 1
            if said != expected[folder, turn % 3]:
                wrong.append((model, said))

    talks = [asyncio.create_task(talk(number)) for number in range(16)]
    previous = None
    for swap in range(20):
        name, folder = f"swap@{swap:04}", NAMES[swap % 2]
        await engine.load_adapter(name, folder)
        current = (name, folder)
        if previous is not None:
            await engine.unload_adapter(previous)
        previous, enough = name, answers + 16

        async def went_on(enough: int = enough) -> bool:
            return answers >= enough or any(talk.done() for talk in talks)

        await until(went_on)
    over = True
    await asyncio.gather(*talks)
    assert wrong == []
    assert answers >= 16 * 20
    assert previous is not None
    await engine.unload_adapter(previous)
    await until(all_free(served))


async def test_a_changed_file_is_not_served_under_the_old_name(
    served: Served, engine: EngineClient, data_dir: Path, tiny_checkpoint: Path
) -> None:
    tiny.adapter(data_dir / "checkpoints" / "changing", tiny_checkpoint, 8)
    await engine.load_adapter("changing@1", "changing")
    for name in NAMES[:2]:  # push it out of memory
        await engine.load_adapter(name, name)
        _ = [piece async for piece in engine.stream(name, [Message("user", "Hello")], Sampling(max_tokens=1))]
    tiny.adapter(data_dir / "checkpoints" / "changing", tiny_checkpoint, 9)
    with pytest.raises(EngineError, match="changed since"):
        await anext(engine.stream("changing@1", [Message("user", "Hello")], Sampling(max_tokens=1)))
