"""The routes that put adapters into service and take them out of it, in vLLM's dialect."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog
from aiohttp import web

from models.serving.adapters import AdapterError
from models.serving.registry import Registry, UnknownAdapter
from models.serving.requests import LoadAdapter, UnloadAdapter, WireError, read

log = structlog.get_logger(__name__)


class AdapterRoutes:
    """`/v1/load_lora_adapter` and `/v1/unload_lora_adapter` over a registry.

    `tell` is called with the event for whoever keeps this process, so that a restart can put the same adapters back.
    """

    def __init__(self, registry: Registry, tell: Callable[..., None]) -> None:
        self._registry = registry
        self._tell = tell

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_post("/v1/load_lora_adapter", self.load)
        router.add_post("/v1/unload_lora_adapter", self.unload)

    async def load(self, request: web.Request) -> web.Response:
        asked = await read(request, LoadAdapter)
        started = time.monotonic()
        try:
            await self._registry.load(asked.lora_name, asked.lora_path)
        except AdapterError as error:
            log.warning("adapter_refused", adapter=asked.lora_name, words=error.words)
            raise WireError(400, error.words, "InvalidUserInput", "adapter_refused", "lora_path") from error
        self._tell(event="adapter_loaded", name=asked.lora_name, path=asked.lora_path)
        log.info("adapter_loaded", adapter=asked.lora_name, seconds=round(time.monotonic() - started, 3))
        return web.Response(text=f"Success: LoRA adapter '{asked.lora_name}' added successfully.")

    async def unload(self, request: web.Request) -> web.Response:
        asked = await read(request, UnloadAdapter)
        self._tell(event="adapter_unloaded", name=asked.lora_name)
        try:
            await self._registry.unload(asked.lora_name)
        except UnknownAdapter as error:
            words = f"The lora adapter '{asked.lora_name}' cannot be found."
            raise WireError(404, words, "NotFoundError", "adapter_not_found", "lora_name") from error
        log.info("adapter_unloaded", adapter=asked.lora_name)
        return web.Response(text=f"Success: LoRA adapter '{asked.lora_name}' removed successfully.")
