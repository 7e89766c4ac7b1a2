"""Stepping: work that knows no pauses is run a stretch at a time, in a thread of its own.

So transformers' `generate`, with its beam search and its many rules, can share the runner with other models.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


class Closed(BaseException):
    """The work is not wanted any more. No Exception, so that nothing within the work catches it."""


class Stepped:
    """`work` is called with a function that it calls wherever it may be paused."""

    def __init__(self, work: Callable[[Callable[[], None]], None]) -> None:
        self._work = work
        self._go = threading.Semaphore(0)
        self._paused = threading.Semaphore(0)
        self._error: Exception | None = None
        self._closed = False
        self._over = False
        self._thread = threading.Thread(target=self._run, name="stepped", daemon=True)
        self._thread.start()

    def advance(self) -> bool:
        """Go on to the next pause. True when the work is over; raises what the work raised."""
        if not self._over:
            self._go.release()
            self._paused.acquire()
        if self._error is not None:
            raise self._error
        return self._over

    def close(self) -> None:
        """Break the work off where it pauses."""
        self._closed = True
        self._go.release()
        self._thread.join()

    def _pause(self) -> None:
        self._paused.release()
        self._go.acquire()
        if self._closed:
            raise Closed

    def _run(self) -> None:
        self._go.acquire()
        try:
            if not self._closed:
                self._work(self._pause)
        except Closed:
            pass
        except Exception as error:  # noqa: BLE001 - handed to whoever waits in `advance`
            self._error = error
        finally:
            self._over = True
            self._paused.release()
