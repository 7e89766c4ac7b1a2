"""The schedule: what happens by the clock. Each job logs its failure and is tried again at its next time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger

log = structlog.get_logger(__name__)

Job = Callable[[], Awaitable[None]]


class Schedule:
    """APScheduler with our manners. `async with schedule:` runs it, and at its end no job is under way any more."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[object]] = set()
        self._scheduler = AsyncIOScheduler(
            job_defaults={"misfire_grace_time": 3600, "coalesce": True, "max_instances": 1}
        )

    def every(self, seconds: float, name: str, job: Job) -> None:
        self._scheduler.add_job(self._logged(name, job), "interval", seconds=seconds, id=name)

    def daily(self, hour: int, name: str, job: Job) -> None:
        """At `hour` o'clock of the host, with some jitter so that several hosts do not start together."""
        self._scheduler.add_job(self._logged(name, job), "cron", hour=hour, minute=10, jitter=300, id=name)

    def soon(self, seconds: float, name: str, job: Job) -> None:
        """Once, so many seconds from now."""
        self._scheduler.add_job(
            self._logged(name, job), "date", run_date=datetime.now().astimezone() + timedelta(seconds=seconds), id=name
        )

    def cron(self, crontab: str, name: str, job: Job) -> None:
        """At the times of a crontab's line, in the host's time zone."""
        self._scheduler.add_job(self._logged(name, job), CronTrigger.from_crontab(crontab), id=name)

    async def __aenter__(self) -> Schedule:
        self._scheduler.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        # APScheduler would cancel its jobs and not wait for them, so the store would close under them.
        self._scheduler.pause()
        await asyncio.sleep(0)  # what is due this very moment begins, and can be cancelled as the others
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._scheduler.shutdown(wait=False)

    def _logged(self, name: str, job: Job) -> Job:
        async def run() -> None:
            task = asyncio.current_task()
            assert task is not None
            self._running.add(task)
            try:
                await job()
            except asyncio.CancelledError:
                # Nobody cancels a job but the end of the bot, which APScheduler would print as the job's failure.
                log.debug("job_cancelled", job=name)
            except Exception as error:
                log.error("job_failed", job=name, exc_info=error)
            finally:
                self._running.discard(task)

        return run


def last_time(crontab: str, within: timedelta) -> datetime | None:
    """When a crontab's line was due last, None if that is longer ago than `within`."""
    trigger, until = CronTrigger.from_crontab(crontab), datetime.now().astimezone()
    last, moment = None, trigger.get_next_fire_time(None, until - within)
    while moment is not None and moment <= until:
        last, moment = moment, trigger.get_next_fire_time(moment, moment + timedelta(seconds=1))
    return last
