"""What happens by the clock: a job that fails is told and does not stop the others; the end leaves none under way."""

from __future__ import annotations

import asyncio
import logging

import pytest
from structlog.testing import capture_logs

from bot.schedule import Schedule


class Held:
    """A job that goes on until it is cancelled, and takes a moment to put its things away."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.put_away = False

    async def __call__(self) -> None:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.put_away = True


async def test_the_end_waits_for_what_is_under_way_and_prints_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    held, schedule = Held(), Schedule()
    schedule.soon(0, "held", held)
    with capture_logs() as logs:
        async with asyncio.timeout(30), schedule:
            await held.begun.wait()
    assert held.put_away
    assert [line for line in logs if line["log_level"] != "debug"] == []
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


async def test_a_job_that_is_due_at_the_very_end_prints_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    jobs = [Held() for _ in range(20)]
    for number, job in enumerate(jobs):
        schedule = Schedule()
        schedule.soon(0, "held", job)
        async with asyncio.timeout(30), schedule:
            for _ in range(number):
                await asyncio.sleep(0)
    assert any(job.begun.is_set() for job in jobs)
    assert [job for job in jobs if job.begun.is_set() and not job.put_away] == []
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


async def test_a_job_cancelled_with_the_loop_prints_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    """As asyncio ends every task when the bot is interrupted a second time."""
    held, schedule = Held(), Schedule()
    schedule.soon(0, "held", held)
    async with asyncio.timeout(30), schedule:
        await held.begun.wait()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
    assert held.put_away
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


async def test_a_job_that_fails_is_told_and_comes_again() -> None:
    schedule, times, again = Schedule(), 0, asyncio.Event()

    async def failing() -> None:
        nonlocal times
        times += 1
        if times > 1:
            again.set()
        raise OSError("no room")

    schedule.every(0.05, "failing", failing)
    with capture_logs() as logs:
        async with asyncio.timeout(30), schedule:
            await again.wait()
    told = [line for line in logs if line["event"] == "job_failed"]
    assert [line["job"] for line in told[:2]] == ["failing", "failing"]
    assert str(told[0]["exc_info"]) == "no room"
