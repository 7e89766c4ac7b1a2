"""The loop by the clock: training at night, what a crash left, the guard, the digest, and who hears of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from functools import partial

import sqlalchemy as sa
import structlog

from bot.delivery import Courier
from bot.errors import UserError
from bot.hosts import Hosts
from bot.learning.digest import Digests
from bot.learning.drafts import NothingNew
from bot.learning.feedback import feedback
from bot.learning.guard import Guard
from bot.learning.priority import Priorities
from bot.learning.retraining import Retraining
from bot.learning.review import verdicts
from bot.schedule import Schedule, last_time
from bot.settings import SCENARIOS, Settings
from bot.stores import Stores

log = structlog.get_logger(__name__)

LATE = timedelta(hours=12)
"""A time that was missed, since nobody ran then, is made up for within these."""
KEPT = timedelta(days=2)
LOOK_SECONDS = 60
PRIORITY_SECONDS = 600
CALM_SECONDS = 30.0
PATIENCE = timedelta(hours=2)
"""So long training waits for a quiet moment; then it begins all the same, and yields by its niceness."""


class Nightly:
    """What learning does by itself in a running bot. `waiting`: how many questions wait in line."""

    def __init__(
        self, settings: Settings, stores: Stores, hosts: Hosts, retraining: Retraining,
        couriers: Mapping[str, Courier], waiting: Callable[[], int],
    ) -> None:  # fmt: skip
        self._settings = settings
        self._stores = stores
        self._hosts = hosts
        self._retraining = retraining
        self._couriers = couriers
        self._waiting = waiting
        self._priorities = Priorities(stores.database)
        self._digests = Digests(stores.database, stores.places)
        self._guard = Guard(stores, timedelta(hours=settings.canary_hours))

    def enter(self, schedule: Schedule) -> None:
        """Have all of it done from now on."""
        schedule.every(LOOK_SECONDS, "guard", self._guard.look)
        schedule.every(LOOK_SECONDS, "runs left behind", self._retraining.resume)
        schedule.every(LOOK_SECONDS, "notices", self.tell)
        schedule.every(PRIORITY_SECONDS, "priorities", self.weigh)
        schedule.daily(4, "leases", self._stores.leases.sweep)
        if self._settings.digest_cron:
            schedule.cron(self._settings.digest_cron, "digest", self.digest)
            schedule.every(PRIORITY_SECONDS, "digest, missed", self.digest)  # a platform may be away for a while
        for scenario in SCENARIOS:
            if when := self._settings.retrain_when(scenario):
                schedule.cron(when, f"train {scenario}", partial(self.train, scenario))
                schedule.soon(LOOK_SECONDS, f"train {scenario}, missed", partial(self.make_up, scenario))

    async def weigh(self) -> None:
        """Have the queue begin with what teaches most."""
        await self._priorities.refresh()

    async def tell(self) -> None:
        """Tell people what became of their flags."""
        await self._stores.notices.send(dict(self._couriers))

    async def digest(self) -> None:
        """Bring moderators their week, once, whichever host does it."""
        due = last_time(self._settings.digest_cron, LATE)
        if due is not None and self._couriers:
            async with self._once(f"digest {due:%Y-%m-%dT%H:%M%z}") as first:
                if first:
                    await self._digests.send(dict(self._couriers))

    @contextlib.asynccontextmanager
    async def _once(self, name: str) -> AsyncIterator[bool]:
        """Whether it is ours to do, as nobody has done it. What the end of the bot breaks off is to be done anew."""
        first = await self._stores.leases.claim(name, self._hosts.id, KEPT)
        try:
            yield first
        except asyncio.CancelledError:
            if first:
                await self._stores.leases.free(name, self._hosts.id)
            raise

    async def make_up(self, scenario: str) -> None:
        """Train for a time that was missed; on a store in which nobody ever judged an answer there was none to miss."""
        if await self._judged():
            await self.train(scenario)

    async def _judged(self) -> bool:
        either = sa.or_(sa.exists(sa.select(verdicts.c.turn_id)), sa.exists(sa.select(feedback.c.turn_id)))
        async with self._stores.database.read() as connection:
            return bool((await connection.execute(sa.select(either))).scalar_one())

    async def train(self, scenario: str) -> None:
        """Train, once for each time that is due, whichever of the hosts does it."""
        due = last_time(self._settings.retrain_when(scenario), LATE)
        if due is None:
            return
        await self._calm()
        async with self._once(f"train {scenario} {due:%Y-%m-%dT%H:%M%z}") as first:
            if not first:
                return
            try:
                await self._retraining.train(scenario, by="schedule", wait=True)
            except NothingNew as error:
                log.debug("not_trained", scenario=scenario, words=error.words)
            except UserError as error:
                log.info("not_trained", scenario=scenario, words=error.words)

    async def _calm(self) -> None:
        """Wait for a moment in which nobody waits in line, but not for ever."""
        for _ in range(int(PATIENCE.total_seconds() / CALM_SECONDS)):
            if not self._waiting():
                return
            await asyncio.sleep(CALM_SECONDS)
