"""Keepers: who knows how the engine is, and puts it into words for people."""

from __future__ import annotations

from dataclasses import dataclass

from models.engine import EngineClient
from models.worker import WorkerProcess

WAIT_SECONDS = 120.0
"""A question waits so long for an engine that does not get on; after that it is told as an error."""
LOADING = 0.9
"""The part of a start that goes before the model's loading: its conversion or download, the first time."""


@dataclass(frozen=True, slots=True)
class WorkerKeeper:
    """The embedded worker's keeper."""

    worker: WorkerProcess

    @property
    def words(self) -> str:
        match self.worker.state:
            case "failed":
                return f"The model cannot be started. {self.worker.words} The owner can run doctor."
            case "starting" if self.worker.fraction < LOADING:
                return f"{self.worker.words.rstrip('.')}."
            case "starting":
                return f"The model is loading, for about {self._seconds} seconds more."
            case "suspended":
                return "The model is away while it learns."
            case _:
                return f"The model is restarting, for about {self._seconds} seconds more."

    @property
    def away(self) -> bool:
        return self.worker.state != "ready"

    @property
    def _seconds(self) -> int:
        return max(5, 5 * round(self.worker.seconds_left / 5))

    async def wait_ready(self) -> bool:
        return await self.worker.wait_ready(WAIT_SECONDS)


@dataclass(frozen=True, slots=True)
class RemoteKeeper:
    """The keeper of somebody else's server: it can only ask."""

    client: EngineClient

    @property
    def words(self) -> str:
        return "The model server does not answer just now."

    away = False
    """Nobody tells: a question will find out."""

    async def wait_ready(self) -> bool:
        return await self.client.wait_ready(30.0)
