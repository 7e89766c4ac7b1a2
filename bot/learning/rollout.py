"""Rollout: this process's engine follows the registry; a turn is told which adapter answers it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog

from bot.errors import StoreError
from bot.generation import Keeper
from bot.learning.registry import Registry, Service
from models.engine import AdapterRefused, Engine, EngineError, EngineFailed

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.5
"""How soon another process's promotion or rollback is seen."""
AGAIN_SECONDS = 30.0
"""When an adapter that the engine refused is offered again: its owner may have mended it."""
PATIENCE = 20.0
"""Seconds that a turn waits for the first adapters of a process that has just started."""


class Rollout:
    """Which adapter answers, in this process, for as long as `async with`.

    An adapter is loaded before the first turn is sent to it, and one that cannot be loaded does not take the place of
    what serves. `folder` holds the adapters by name, at the same path for us and for the engine.
    """

    def __init__(self, registry: Registry, engine: Engine, keeper: Keeper, folder: Path) -> None:
        self._registry = registry
        self._engine = engine
        self._keeper = keeper
        self._folder = folder
        self._serving: dict[str, Service] = {}
        self._seen: dict[str, int] = {}
        self._loaded: set[str] = set()
        self._troubles: dict[str, tuple[float, str]] = {}
        self._ready = asyncio.Event()
        self._syncing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._unloading: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Rollout:
        self._task = asyncio.create_task(self._follow(), name="rollout")
        return self

    async def __aexit__(self, *exc: object) -> None:
        tasks = [*self._unloading, *([self._task] if self._task is not None else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def pick(self, scenario: str, user: str) -> str:
        """The adapter that answers a person, "" for the bare model."""
        if not self._ready.is_set():
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._ready.wait()
            except TimeoutError:
                log.warning("adapters_not_ready", scenario=scenario)
        serving = self._serving.get(scenario)
        return serving.adapter_for(user) if serving is not None else ""

    async def restore(self, name: str) -> bool:
        """Load an adapter that the engine has lost; whether it can be asked for again."""
        log.warning("adapter_lost", adapter=name)
        self._loaded.discard(name)
        async with self._syncing:
            return await self._load(name)

    async def readiness(self) -> tuple[bool, str]:
        """The part of /readyz. Without its adapter a scenario is answered all the same, so it is never "not ready"."""
        names = [name for serving in self._serving.values() for name in serving.names]
        troubles = [f"{name} is not served: {words}" for name, (_, words) in sorted(self._troubles.items())]
        return True, "; ".join([", ".join(names) or "no adapter in service", *troubles])

    async def sync(self) -> None:
        """Have the engine and our picture of it be what the registry says. Raises StoreError."""
        async with self._syncing:
            services = await self._registry.services()
            wanted = {name for service in services for name in service.names}
            self._troubles = {name: trouble for name, trouble in self._troubles.items() if name in wanted}
            for service in services:
                if self._seen.get(service.scenario) != service.revision or self._again(service):
                    await self._adopt(service)

    def _again(self, service: Service) -> bool:
        """Whether something of it could not be loaded, and may be by now."""
        now = asyncio.get_running_loop().time()
        return any(name in self._troubles and self._troubles[name][0] <= now for name in service.names)

    async def _adopt(self, service: Service) -> None:
        """Load first, then answer with it; what cannot be loaded leaves in place what serves."""
        loaded = [await self._load(name) for name in service.names]
        self._seen[service.scenario] = service.revision
        if not all(loaded):
            return
        before = self._serving.get(service.scenario)
        self._serving[service.scenario] = service
        gone = set(before.names) - set(service.names) if before is not None else set()
        log.info("adapter_in_service", scenario=service.scenario, adapter=service.adapter, canary=service.canary,
                 revision=service.revision)  # fmt: skip
        # What a rollback would bring back stays at hand.
        for name in gone - {*service.previous[-1:]}:
            self._loaded.discard(name)
            task = asyncio.create_task(self._unload(name), name=f"unload {name}")
            self._unloading.add(task)
            task.add_done_callback(self._unloading.discard)

    async def _load(self, name: str) -> bool:
        if name in self._loaded:
            return True
        try:
            if name not in await self._engine.adapters():
                await self._engine.load_adapter(name, str(self._folder / name))
        except EngineError as error:
            words = error.words if isinstance(error, AdapterRefused) else "the engine does not take adapters just now"
            final = isinstance(error, AdapterRefused | EngineFailed)
            self._note(name, words, AGAIN_SECONDS if final else POLL_SECONDS, error.detail)
            return False
        self._loaded.add(name)
        self._troubles.pop(name, None)
        return True

    def _note(self, name: str, words: str, wait: float, detail: str) -> None:
        if self._troubles.get(name, (0.0, ""))[1] != words:  # said once
            log.error("adapter_not_loaded", adapter=name, words=words, detail=detail)
        self._troubles[name] = (asyncio.get_running_loop().time() + wait, words)

    async def _unload(self, name: str) -> None:
        """Take it out of the engine, which waits for the answers under way by it."""
        try:
            await self._engine.unload_adapter(name)
        except EngineError as error:
            log.info("adapter_not_unloaded", adapter=name, detail=error.detail)

    async def _follow(self) -> None:
        while True:
            try:
                if self._keeper.away:
                    await self._keeper.wait_ready()
                await self.sync()
            except StoreError as error:
                log.error("registry_not_read", detail=error.detail)
            except Exception as error:
                log.error("rollout_failed", exc_info=error)
            finally:
                self._ready.set()
            await asyncio.sleep(POLL_SECONDS)
