"""Interrupts: which part of the program Ctrl-C and a supervisor's SIGTERM are for, from moment to moment."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections import defaultdict
from collections.abc import Callable, Iterator

_handlers: defaultdict[signal.Signals, list[Callable[[], None]]] = defaultdict(list)
"""Whom a signal is for: the last one."""


@contextlib.contextmanager
def signals_to(handler: Callable[[], None], *numbers: signal.Signals) -> Iterator[None]:
    """Have the loop call `handler` for these signals; behind the block they are for whom they were for before."""
    loop = asyncio.get_running_loop()
    for number in numbers:
        _handlers[number].append(handler)
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in numbers:
            _handlers[number].remove(handler)
            if _handlers[number]:
                loop.add_signal_handler(number, _handlers[number][-1])
            else:
                loop.remove_signal_handler(number)
