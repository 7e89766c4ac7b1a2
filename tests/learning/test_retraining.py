"""Retraining with a real process in the trainer's place: what passes is served, what breaks goes on or says why."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.database import Database
from bot.errors import UserError
from bot.hosts import Hosts
from bot.knowledge.library import Library
from bot.learning.promotion import Promotion
from bot.learning.retraining import Retraining
from bot.learning.runs import Run
from bot.learning.trainer import Trainer, alive
from bot.settings import Settings
from bot.stores import Stores, stores_over
from models.engine import EngineClient
from models.training.config import read
from tests.learning.runs import TRAINER, Rows
from tests.models.conftest import REPOSITORY
from tests.waiting import until


@dataclass
class School:
    """A store with something to learn, and hosts that train on it."""

    settings: Settings
    stores: Stores
    rows: Rows

    async def host(self, **settings: Any) -> Retraining:
        """One more process on the store."""
        changed = self.settings.model_copy(update=settings)
        hosts = Hosts(self.stores.database)
        await hosts.enter()
        return Retraining(changed, self.stores, hosts, self.rows.build, Promotion(changed, self.stores))

    @property
    def served(self) -> Callable[[], Any]:
        return lambda: self.stores.registry.service("chat")

    async def running(self, retraining: Retraining, steps: int = 1) -> Path:
        """The folder of the run that is at work, once its trainer has taken so many steps."""

        def found() -> Path | None:
            if retraining.current is None:
                return None
            state = self.settings.runs / retraining.current.id / "state.json"
            return state.parent if state.exists() and json.loads(state.read_text())["step"] >= steps else None

        return await until(found)


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)


@pytest.fixture(scope="session")
def tiny_adapter(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.models import tiny

    return tiny.adapter(tmp_path_factory.mktemp("adapter") / "made", tiny_checkpoint)


@pytest.fixture
async def school(sqlite: Database, tiny_checkpoint: Path, tiny_adapter: Path, tmp_path: Path) -> School:
    settings = Settings(_env_file=None, data_dir=tmp_path, model=str(tiny_checkpoint), train_launcher=TRAINER)
    stores = stores_over(sqlite, Library(sqlite, EngineClient("http://127.0.0.1:9")))
    return School(settings, stores, Rows(settings.datasets, tiny_adapter))


async def test_what_passes_the_gate_goes_into_service(school: School) -> None:
    told: list[dict[str, Any]] = []
    retraining = await school.host()
    run = await retraining.train("chat", by="mo", watch=told.append)
    assert (run.state, run.adapter, run.by, run.words) == (
        "promoted", "chat@0001", "mo", "9 of 10 are right that were wrong."
    )  # fmt: skip
    service = await school.served()
    assert (service.adapter, service.previous, service.words) == ("chat@0001", ("",), run.words)
    assert (school.settings.adapters / "chat@0001" / "adapter_model.safetensors").exists()
    assert [event["stage"] for event in told] == ["load", "sft", "sft", "sft", "gate"]
    config = read(school.settings.runs / run.id / "config.json")
    assert (config.adapter, config.method, config.kind, config.incumbent) == ("chat@0001", "lora", "causal", None)
    assert config.model == Path(school.settings.model)
    assert (config.dataset.name, run.counts) == (run.dataset, {"sft": 60})
    assert await school.stores.registry.learned("chat") >= {"chat-0", "chat-39", "chat-r19"}
    assert await school.stores.leases.holder("train") == ""
    # the next one is held against it
    school.rows.count = 80
    second = await retraining.train("chat", by="mo")
    assert read(school.settings.runs / second.id / "config.json").incumbent == school.settings.adapters / "chat@0001"
    assert (second.parent, (await school.served()).adapter) == ("chat@0001", "chat@0002")


async def test_it_waits_for_enough_and_learns_nothing_twice(school: School) -> None:
    school.rows.count = 5
    retraining = await school.host()
    with pytest.raises(UserError, match=r"5 newly approved answers for /chat; training starts at 20"):
        await retraining.train("chat", by="schedule")
    assert await school.stores.runs.recent() == []
    assert school.rows.settled == 0
    assert (await retraining.train("chat", by="mo", force=True)).state == "promoted"
    with pytest.raises(UserError, match="nothing new to learn"):
        await retraining.train("chat", by="mo", force=True)
    school.rows.count = 24
    with pytest.raises(UserError, match="19 newly approved"):
        await retraining.train("chat", by="schedule")
    school.rows.count = 25
    assert (await retraining.train("chat", by="schedule")).adapter == "chat@0002"


@pytest.mark.parametrize(
    ("verdict", "state", "words"),
    [
        ("fail", "rejected", "The capital of France was lost."),
        ("inconclusive", "inconclusive", "Only 3 items differ."),
        ("failed", "failed", "Training broke: the loss is no number."),
        ("none", "failed", "The trainer ended 3 times without a result; the log of the run says more."),
    ],
)
async def test_what_does_not_pass_changes_nothing_and_says_why(
    school: School, verdict: str, state: str, words: str
) -> None:
    retraining = await school.host()
    first = await retraining.train("chat", by="mo")
    school.rows.count, school.rows.behaviour = 80, {"verdict": verdict}
    run = await retraining.train("chat", by="mo")
    assert (run.state, run.words) == (state, words)
    assert (await school.served()).adapter == first.adapter
    assert not (school.settings.adapters / run.adapter).exists()
    promotion = Promotion(school.settings, school.stores)
    if state == "failed":
        with pytest.raises(UserError, match="broke off"):
            await promotion.promote(run, by="mo")
        # what broke has taught nothing: the same rows are tried again
        school.rows.behaviour = {}
        assert (await retraining.train("chat", by="mo")).state == "promoted"
    else:
        assert (school.settings.runs / run.id / "adapter" / "adapter_model.safetensors").exists()
        if state == "rejected":
            with pytest.raises(UserError, match="did not pass the gate: The capital"):
                await promotion.promote(run, by="mo")
        service = await promotion.promote(run, by="mo", force=state == "rejected")
        assert (service.adapter, service.words) == (run.adapter, "mo promoted it")


async def test_old_runs_leave_their_reports_and_the_last_ones_their_weights(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.learning.promotion.KEEP_RUNS", 2)
    retraining = await school.host()
    good = await retraining.train("chat", by="mo")
    ended = []
    for number, verdict in enumerate(("fail", "inconclusive", "fail"), 1):
        school.rows.count, school.rows.behaviour = 40 + 20 * number, {"verdict": verdict}
        ended.append(await retraining.train("chat", by="mo"))
    left = [(school.settings.runs / run.id / "adapter").exists() for run in ended]
    assert left == [False, True, True]
    assert all((school.settings.runs / run.id / "report.json").exists() for run in ended)
    assert (school.settings.adapters / good.adapter).exists()


async def test_it_waits_for_a_person_where_the_owner_wants_that(school: School) -> None:
    retraining = await school.host(retrain_promote=False)
    run = await retraining.train("chat", by="mo")
    assert (run.state, await school.served()) == ("ready", None)
    assert "waits for somebody" in run.words
    assert (await Promotion(school.settings, school.stores).promote(run, by="mo")).adapter == run.adapter


async def test_a_whole_model_is_not_served_as_an_adapter(school: School) -> None:
    school.rows.behaviour = {"serves": "model"}
    run = await (await school.host(train_method="full")).train("chat", by="mo")
    assert (run.state, await school.served()) == ("ready", None)
    with pytest.raises(UserError, match="cannot be served as an adapter"):
        await Promotion(school.settings, school.stores).promote(run, by="mo")


async def test_a_killed_trainer_goes_on_where_it_was(school: School) -> None:
    school.rows.behaviour = {"steps": 6, "die_at": [2, 4]}
    told: list[dict[str, Any]] = []
    run = await (await school.host()).train("chat", by="mo", watch=told.append)
    assert (run.state, run.tries) == ("promoted", 3)
    assert [event["from"] for event in told if event["stage"] == "load"] == [0, 2, 4]
    assert [event["step"] for event in told if event["stage"] == "sft"] == [1, 2, 3, 4, 5, 6]


async def test_a_bot_that_ends_leaves_its_run_to_the_next_one(school: School) -> None:
    school.rows.behaviour = {"steps": 80, "seconds": 0.1}
    first = await school.host()
    training = asyncio.create_task(first.train("chat", by="mo"))
    folder = await school.running(first)
    training.cancel()
    await asyncio.wait([training])
    assert not alive(folder)
    assert await school.stores.leases.holder("train") == ""
    step = json.loads((folder / "state.json").read_text())["step"]
    assert step < 80
    await first._hosts.leave()
    second = await school.host()
    await second.resume()
    (run,) = await school.stores.runs.recent()
    assert (run.state, run.id, run.tries) == ("promoted", folder.name, 2)
    loads = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines() if '"load"' in line]
    assert loads[1]["from"] >= step


async def test_a_trainer_that_outlived_its_bot_is_followed_and_not_doubled(school: School) -> None:
    school.rows.behaviour = {"steps": 20, "seconds": 0.05}
    dead = await school.host()
    run = await dead._begin("chat", "mo", False)
    folder = school.settings.runs / run.id
    await school.stores.runs.change(run.id, tries=1)
    trainer = await Trainer.start(folder, TRAINER)
    with pytest.raises(BlockingIOError):
        await Trainer.start(folder, TRAINER)
    await dead._hosts.leave()
    again = await (await school.host()).train("chat", by="eve")
    assert (again.id, again.state, again.tries, again.by) == (run.id, "promoted", 1, "mo")
    await trainer.wait()


async def test_what_died_before_it_was_prepared_is_said(school: School) -> None:
    dead = await school.host()
    run = await school.stores.runs.begin("chat", parent="", by="mo", host=dead._hosts.id)
    await dead._hosts.leave()
    await (await school.host()).resume()
    found = await school.stores.runs.get(run.id)
    assert isinstance(found, Run)
    assert (found.state, found.words) == ("failed", "The bot ended while it was prepared; the next one starts anew.")


async def test_what_passed_before_a_crash_is_promoted_by_the_next_one(school: School) -> None:
    dead = await school.host(retrain_promote=False)
    run = await dead.train("chat", by="mo")
    await school.stores.runs.change(run.id, state="passed", ended=None)
    await dead._hosts.leave()
    await (await school.host()).resume()
    assert (await school.served()).adapter == run.adapter


async def test_one_host_trains_and_the_others_say_so_or_wait(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    school.rows.behaviour = {"steps": 3000, "seconds": 0.1}
    first, second = await school.host(), await school.host()
    training = asyncio.create_task(first.train("chat", by="mo"))
    folder = await school.running(first)
    school.rows.behaviour = {"steps": 3}  # of the one that waits
    with pytest.raises(UserError, match="Another process on this store is training"):
        await second.train("chat", by="eve")
    with pytest.raises(UserError, match="chat@0001 is training"):
        await first.train("story", by="eve")
    await second.resume()  # nothing is taken from the living
    monkeypatch.setattr("bot.learning.retraining.LEASE_SECONDS", 0.05)
    patient = asyncio.create_task(second.train("story", by="schedule", wait=True))
    await school.stores.runs.ask_to_stop(folder.name)
    run = await training
    assert (run.state, run.words) == ("stopped", "It was stopped.")
    assert not alive(folder)
    assert await school.served() is None
    assert (await patient).state == "promoted"


async def test_a_host_that_was_thought_dead_lets_go(school: School) -> None:
    school.rows.behaviour = {"steps": 30, "seconds": 0.1}
    first, second = await school.host(), await school.host()
    training = asyncio.create_task(first.train("chat", by="mo"))
    folder = await school.running(first)
    await school.stores.runs.change(folder.name, host=second._hosts.id)
    assert (await training).host == second._hosts.id
    assert not alive(folder)
    await second.resume()
    assert (await school.served()).adapter == "chat@0001"


async def test_a_stopped_trainer_that_does_not_listen_is_killed(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.learning.trainer.STOP_SECONDS", 0.2)
    school.rows.behaviour = {"steps": 300, "seconds": 0.1}
    retraining = await school.host()
    training = asyncio.create_task(retraining.train("chat", by="mo"))
    folder = await school.running(retraining)
    await until((folder / "trainer.pid").exists)  # written by this process, beside the trainer
    pid = int((folder / "trainer.pid").read_text())
    os.kill(pid, signal.SIGSTOP)
    await school.stores.runs.ask_to_stop(folder.name)
    assert (await training).state == "stopped"
    assert not alive(folder)
