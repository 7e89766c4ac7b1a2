"""Waiting for what gives no sign when it changes: a row of the store, a file, another process."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def until(look: Callable[[], T | Awaitable[T | None] | None], seconds: float = 60.0) -> T:
    """What `look` gives once it is true. Raises TimeoutError after `seconds`."""
    async with asyncio.timeout(seconds):
        while True:
            found = look()
            if inspect.isawaitable(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.01)
