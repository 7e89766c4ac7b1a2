"""The night: each time is trained once, whichever host does it, and one that was missed is made up for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import structlog.testing

from bot.database import Database
from bot.errors import UserError
from bot.hosts import Hosts
from bot.knowledge.library import Library
from bot.learning.drafts import not_enough
from bot.learning.nightly import Nightly
from bot.schedule import Schedule, last_time
from bot.settings import Settings, load_settings
from bot.stores import stores_over
from models.engine import EngineClient
from tests.learning.stores import over


@dataclass
class Trained:
    """In place of Retraining: notes what was asked of it."""

    asked: list[str] = field(default_factory=list)
    error: UserError | None = None

    async def train(self, scenario: str, *, by: str, wait: bool) -> None:
        self.asked.append(f"{scenario} by {by}")
        if self.error:
            raise self.error

    async def resume(self) -> None:
        self.asked.append("resume")


async def night(database: Database, trained: Trained, waiting: list[int], **settings: object) -> Nightly:
    """One host's."""
    hosts = Hosts(database)
    await hosts.enter()
    stores = stores_over(database, Library(database, EngineClient("http://127.0.0.1:9")))
    changed = Settings(_env_file=None, **settings)
    return Nightly(changed, stores, hosts, trained, {}, lambda: waiting.pop() if waiting else 0)  # type: ignore[arg-type]


def test_the_last_time_of_a_crontab() -> None:
    assert last_time("* * * * *", timedelta(hours=1)) is not None
    now = datetime.now().astimezone()
    assert last_time(f"{(now + timedelta(minutes=2)).minute} * * * *", timedelta(minutes=30)) is None
    before = now - timedelta(minutes=5)
    last = last_time(f"{before.minute} {before.hour} * * *", timedelta(hours=2))
    assert last is not None
    assert abs(last - before) < timedelta(minutes=1)


async def test_several_hosts_train_a_time_once(sqlite: Database) -> None:
    trained = Trained()
    hosts = [await night(sqlite, trained, [], retrain_cron="0 * * * *") for _ in range(3)]
    await asyncio.gather(*(host.train("chat") for host in hosts))
    await hosts[0].train("chat")
    await hosts[1].train("story")
    assert sorted(trained.asked) == ["chat by schedule", "story by schedule"]


async def test_a_time_that_is_long_gone_is_not_made_up_for(sqlite: Database) -> None:
    trained = Trained()
    far = datetime.now(UTC) + timedelta(days=40)
    host = await night(sqlite, trained, [], retrain_cron=f"0 0 1 {far.month} *")
    await host.train("chat")
    assert trained.asked == []


async def test_it_waits_for_a_quiet_moment_and_too_little_is_no_failure(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.learning.nightly.CALM_SECONDS", 0.01)
    trained, waiting = Trained(error=UserError("It cannot be trained.")), [0, 3, 2]
    await (await night(sqlite, trained, waiting, retrain_cron="0 * * * *")).train("chat")
    assert (trained.asked, waiting) == (["chat by schedule"], [])


async def test_a_night_that_the_end_of_the_bot_breaks_off_is_made_up_for(sqlite: Database) -> None:
    class Held(Trained):
        async def train(self, scenario: str, *, by: str, wait: bool) -> None:
            await super().train(scenario, by=by, wait=wait)
            begun.set()
            await asyncio.Event().wait()

    begun = asyncio.Event()
    first = await night(sqlite, Held(), [], retrain_cron="0 * * * *")
    training = asyncio.create_task(first.train("chat"))
    await asyncio.wait_for(begun.wait(), 30)
    training.cancel()
    await asyncio.wait([training])
    trained = Trained()
    await (await night(sqlite, trained, [], retrain_cron="0 * * * *")).train("chat")
    assert trained.asked == ["chat by schedule"]


async def test_nothing_to_learn_is_no_news_and_a_minimum_is(sqlite: Database) -> None:
    logged = []
    for error in (not_enough("chat", 0, 20), not_enough("chat", 3, 20)):
        host = await night(sqlite, Trained(error=error), [], retrain_cron="* * * * *")
        host._once = _always  # type: ignore[method-assign]
        with structlog.testing.capture_logs() as logs:
            await host.train("chat")
        logged += [(line["event"], line["log_level"]) for line in logs]
    assert logged == [("not_trained", "debug"), ("not_trained", "info")]


@contextlib.asynccontextmanager
async def _always(name: str) -> AsyncIterator[bool]:
    yield True


async def test_nothing_is_made_up_for_where_nobody_has_judged_an_answer(database: Database) -> None:
    trained = Trained()
    host = await night(database, trained, [], retrain_cron="0 * * * *")
    await host.make_up("chat")
    assert trained.asked == []
    await over(database).feedback.rate("turn", "console:ann", "up")
    await host.make_up("chat")
    assert trained.asked == ["chat by schedule"]


async def test_the_settings_name_the_times_of_each_scenario(sqlite: Database) -> None:
    changed = {"retrain_cron": "off", "retrain_cron_scenarios": {"support": "0 4 * * sun"}}
    host = await night(sqlite, Trained(), [], **changed)
    schedule = Schedule()
    host.enter(schedule)
    jobs = {job.id for job in schedule._scheduler.get_jobs()}
    assert {name for name in jobs if name.startswith("train")} == {"train support", "train support, missed"}
    assert {"guard", "runs left behind", "notices"} <= jobs
    for wrong in ({"retrain_cron": "at night"}, {"retrain_cron_scenarios": {"cooking": "0 4 * * *"}}):
        with pytest.raises(UserError, match="RETRAIN_CRON"):
            load_settings(_env_file=None, **wrong)
