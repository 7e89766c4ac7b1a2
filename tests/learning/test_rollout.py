"""Rollout: adapters come and go under a running bot, with a real worker, and no request is lost."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.chatbot import ChatBot
from bot.database import Database
from bot.errors import UserError
from bot.generation import Generator
from bot.hosts import Hosts
from bot.keeper import WorkerKeeper
from bot.knowledge.library import Library
from bot.learning.promotion import Promotion
from bot.learning.rollout import Rollout
from bot.learning.runs import Run
from bot.router import Router
from bot.settings import Settings
from bot.stores import Stores, stores_over
from bot.turns import new_id
from models.engine import EngineClient
from models.worker import WorkerProcess
from tests.core.people import Kept, Talk, ask
from tests.learning.runs import finished_run
from tests.models.conftest import REPOSITORY, buried
from tests.waiting import until


@dataclass
class Bot:
    """A bot with a real worker."""

    settings: Settings
    stores: Stores
    chatbot: ChatBot
    rollout: Rollout
    engine: EngineClient
    worker: WorkerProcess

    async def say(self, text: str = "Hello", user: str = "ann") -> tuple[str, str]:
        """The adapter that answered and what it said."""
        reply = Kept()
        await self.chatbot.handle(ask(text, user=user, channel=new_id()), reply)
        assert not reply.answer.broken, reply.answer.notes
        row = await self.stores.turns.get(reply.turn_id)
        assert row is not None
        assert row.adapter == reply.answer.adapter
        return reply.answer.adapter, reply.answer.text

    async def promoted(self, run: Run, share: int = 0) -> None:
        """As another process does it: through the store alone."""
        await Promotion(self.settings, self.stores).promote(run, by="mo", share=share)


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)


@pytest.fixture
async def make_bot(sqlite: Database, tiny_checkpoint: Path, tmp_path: Path) -> Callable[[], object]:
    settings = Settings(_env_file=None, data_dir=tmp_path, engine_slots=4)

    @asynccontextmanager
    async def make() -> AsyncIterator[Bot]:
        worker = WorkerProcess(models={"parley": str(tiny_checkpoint)}, embedding="none", data_dir=tmp_path, threads=1)
        async with worker, EngineClient(worker.url, worker.token) as engine:
            stores, keeper, hosts = stores_over(sqlite, Library(sqlite, engine)), WorkerKeeper(worker), Hosts(sqlite)
            await hosts.enter()
            async with Rollout(stores.registry, engine, keeper, settings.adapters) as rollout:
                generator = Generator(engine, keeper, "parley", rollout)
                chatbot = ChatBot(settings, stores, Router((Talk(),)), generator, keeper, hosts.id)
                yield Bot(settings, stores, chatbot, rollout, engine, worker)
                await chatbot.close(0.1)

    return make


@pytest.fixture
async def bot(make_bot: Callable[[], object]) -> AsyncIterator[Bot]:
    async with make_bot() as bot:  # type: ignore[attr-defined]
        yield bot


async def until_answered_by(bot: Bot, adapter: str, user: str = "ann") -> str:
    """What `adapter` says, once it answers; whoever answers before it answers well."""
    async with asyncio.timeout(60):
        while (said := await bot.say(user=user))[0] != adapter:
            pass
    return said[1]


async def test_a_promotion_and_a_rollback_elsewhere_reach_a_running_bot(bot: Bot, tiny_checkpoint: Path) -> None:
    bare = await bot.say()
    assert bare[0] == ""
    first = await finished_run(bot.stores, bot.settings, tiny_checkpoint, seed=1)
    await bot.promoted(first)
    one = await until_answered_by(bot, "chat@0001")
    assert one != bare[1]
    second = await finished_run(bot.stores, bot.settings, tiny_checkpoint, seed=2)
    await bot.promoted(second)
    two = await until_answered_by(bot, "chat@0002")
    assert two not in (one, bare[1])
    await bot.stores.registry.rollback("chat", words="", by="mo")
    assert await until_answered_by(bot, "chat@0001") == one
    await bot.stores.registry.rollback("chat", words="", by="mo")
    assert await until_answered_by(bot, "") == bare[1]
    # what no rollback would bring back is out of the engine
    await until(lambda: _only(bot, {"chat@0001"}, at_most=True))
    await bot.promoted(second)
    assert await until_answered_by(bot, "chat@0002") == two


async def _only(bot: Bot, names: set[str], *, at_most: bool = False) -> bool:
    found = set(await bot.engine.adapters())
    return found <= names if at_most else found == names


async def test_nobody_waits_or_is_lost_while_adapters_change(bot: Bot, tiny_checkpoint: Path) -> None:
    runs = [await finished_run(bot.stores, bot.settings, tiny_checkpoint, seed=seed) for seed in (1, 2)]
    changing = True
    said: list[tuple[str, str]] = []

    async def talk(user: str) -> None:
        while changing:
            said.append(await bot.say("Tell me a story", user))

    talking = [asyncio.create_task(talk(f"user-{number}")) for number in range(4)]
    for _ in range(2):
        for run in runs:
            await bot.promoted(run)
            await until_answered_by(bot, run.adapter)
        for wanted in ("chat@0001", ""):
            await bot.stores.registry.rollback("chat", words="", by="mo")
            await until_answered_by(bot, wanted)
    changing = False
    await asyncio.gather(*talking)
    # three voices, each always with the same words
    assert {adapter for adapter, _ in said} == {"", "chat@0001", "chat@0002"}
    assert len(set(said)) == 3


async def test_a_restarted_bot_and_a_restarted_worker_have_it_back(
    make_bot: Callable[[], object], tiny_checkpoint: Path
) -> None:
    async with make_bot() as bot:  # type: ignore[attr-defined]
        run = await finished_run(bot.stores, bot.settings, tiny_checkpoint)
        await bot.promoted(run)
        one = await until_answered_by(bot, "chat@0001")
        os.kill(bot.worker.pid, signal.SIGKILL)
        await buried(bot.worker)
        assert await bot.say() == ("chat@0001", one)
    async with make_bot() as bot:  # type: ignore[attr-defined]
        # the very first answer, as in `ask`, is by the adapter
        assert await bot.say() == ("chat@0001", one)


async def test_what_the_engine_lost_is_loaded_again_and_what_is_gone_is_answered_bare(
    bot: Bot, tiny_checkpoint: Path
) -> None:
    bare = await bot.say()
    run = await finished_run(bot.stores, bot.settings, tiny_checkpoint)
    await bot.promoted(run)
    one = await until_answered_by(bot, "chat@0001")
    await bot.engine.unload_adapter("chat@0001")
    assert await bot.say() == ("chat@0001", one)
    await bot.engine.unload_adapter("chat@0001")
    shutil.rmtree(bot.settings.adapters / "chat@0001")
    assert await bot.say() == bare
    assert "chat@0001 is not served: There is no adapter folder" in (await bot.rollout.readiness())[1]


async def test_what_cannot_be_loaded_does_not_take_the_place_of_what_serves(bot: Bot, tiny_checkpoint: Path) -> None:
    good = await finished_run(bot.stores, bot.settings, tiny_checkpoint)
    await bot.promoted(good)
    one = await until_answered_by(bot, "chat@0001")
    bad = await finished_run(bot.stores, bot.settings, tiny_checkpoint, seed=2, base="another-model")
    await bot.promoted(bad)

    async def told() -> bool:
        return "chat@0002 is not served: The adapter was trained on another-model" in (await bot.rollout.readiness())[1]

    await until(told)
    assert await bot.say() == ("chat@0001", one)
    await bot.stores.registry.rollback("chat", words="", by="mo")
    await bot.rollout.sync()
    assert await bot.rollout.readiness() == (True, "chat@0001")


async def test_a_trial_answers_its_share_always_the_same_people(bot: Bot, tiny_checkpoint: Path) -> None:
    run = await finished_run(bot.stores, bot.settings, tiny_checkpoint)
    await bot.promoted(run, share=40)
    service = await bot.stores.registry.service("chat")
    assert service is not None
    people = [f"user-{number}" for number in range(8)]
    expected = {user: service.adapter_for(f"test:{user}") for user in people}
    assert set(expected.values()) == {"", "chat@0001"}
    await until_answered_by(bot, "chat@0001", next(user for user, adapter in expected.items() if adapter))
    for _ in range(2):
        assert {user: (await bot.say(user=user))[0] for user in people} == expected


async def test_a_run_is_promoted_whole_or_not_at_all(bot: Bot, tiny_checkpoint: Path) -> None:
    promotion = Promotion(bot.settings, bot.stores)
    run = await finished_run(bot.stores, bot.settings, tiny_checkpoint)
    weights = bot.settings.runs / run.id / "adapter" / "adapter_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-100])
    with pytest.raises(UserError, match="cut short"):
        await promotion.promote(run, by="mo")
    assert await bot.stores.registry.services() == []
    assert not bot.settings.adapters.exists()
    weights.write_bytes(whole)
    # what a crash in the middle of placing leaves is in nobody's way
    (bot.settings.adapters / ".chat@0001.1.partial").mkdir(parents=True)
    await promotion.promote(run, by="mo")
    assert (bot.settings.adapters / "chat@0001" / "adapter_model.safetensors").read_bytes() == whole
    with pytest.raises(UserError, match="in service already"):
        await promotion.promote(run, by="mo")
    failed = await bot.stores.runs.begin("chat", parent="", by="mo", host="h")
    await bot.stores.runs.end(failed.id, "failed", "it broke")
    failed = await bot.stores.runs.get(failed.id)  # type: ignore[assignment]
    with pytest.raises(UserError, match="chat@0002 broke off"):
        await promotion.promote(failed, by="mo")
