"""Training as the console begins it: a run that goes on by itself, whether or not somebody watches."""

from __future__ import annotations

import asyncio

import structlog

from bot.learning.retraining import Retraining
from bot.learning.runs import Run

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.1


class Training:
    """Begins runs in this process. `close` leaves what runs to the next process."""

    def __init__(self, retraining: Retraining) -> None:
        self._retraining = retraining
        self._tasks: set[asyncio.Task[Run]] = set()

    async def begin(self, scenario: str, by: str, *, force: bool) -> Run:
        """Begin a run, or go on with one that a crash left. Raises UserError: another one runs, or there is too little
        to learn from."""
        before = self._retraining.current
        task = asyncio.create_task(self._retraining.train(scenario, by=by, force=force), name=f"train {scenario}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        while not task.done():
            await asyncio.wait([task], timeout=LOOK_SECONDS)
            current = self._retraining.current
            if current is not None and current is not before and current.scenario == scenario:
                return current
        return task.result()

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _ended(self, task: asyncio.Task[Run]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.info("console_training_ended", kind=type(error).__name__, detail=str(error))
