"""The guard: an adapter that people surely like less than the one before it goes; a trial without trouble ends well."""

from __future__ import annotations

from datetime import timedelta

import structlog

from bot.database import now
from bot.learning.registry import Registry, Service
from bot.learning.votes import Votes, votes, worse
from bot.stores import Stores

log = structlog.get_logger(__name__)

WATCHED = timedelta(days=14)
"""So long after it went into service an adapter is watched."""
BEFORE = timedelta(days=90)
"""Whose thumbs the one before it is known by."""
NAME = "guard"


class Guard:
    """Watches what went into service. `trial` is how long a trial lasts."""

    def __init__(self, stores: Stores, trial: timedelta) -> None:
        self._stores = stores
        self._registry: Registry = stores.registry
        self._trial = trial

    async def look(self) -> None:
        """Once over every scenario."""
        for service in await self._registry.services():
            if service.canary and service.canary_since is not None:
                await self._look_at_trial(service)
            elif service.adapter and service.previous and service.since > now() - WATCHED:
                await self._look_at_service(service)

    async def _look_at_trial(self, service: Service) -> None:
        """Both sides at the same time."""
        counted = await votes(self._stores.database, service.scenario, service.canary_since)
        new, old = counted.get(service.canary, Votes()), counted.get(service.adapter, Votes())
        if worse(new, old):
            words = _words(service.canary, new, service.adapter, old)
            await self._registry.end_canary(service.scenario, keep=False, words=words, by=NAME)
            log.error("adapter_rolled_back", adapter=service.canary, words=words)
        elif service.canary_since is not None and service.canary_since < now() - self._trial:
            words = f"No worse than before for {service.share} % of the people: {new.down} of {new.n} thumbs were down."
            await self._registry.end_canary(service.scenario, keep=True, words=words, by=NAME)
            log.info("trial_ended", adapter=service.canary, words=words)

    async def _look_at_service(self, service: Service) -> None:
        """It against what the one before it was known for."""
        counted = await votes(self._stores.database, service.scenario, service.since - BEFORE)
        before = service.previous[-1]
        new, old = counted.get(service.adapter, Votes()), counted.get(before, Votes())
        if worse(new, old):
            words = _words(service.adapter, new, before, old)
            await self._registry.rollback(service.scenario, words=words, by=NAME)
            log.error("adapter_rolled_back", adapter=service.adapter, words=words)


def _words(name: str, new: Votes, before: str, old: Votes) -> str:
    return (
        f"People liked {name} less than {before or 'the model as it came'}: {new.down} of {new.n} thumbs were down, "
        f"against {old.down} of {old.n}. It was rolled back by itself."
    )
