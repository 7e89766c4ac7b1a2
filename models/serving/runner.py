"""The runner: the one thread that computes, taking every lane and every embedding job in turn."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial
from typing import TypeVar

from models.dialect import Piece, Sampling
from models.serving.embeddings import Embedder, EmbeddingJob
from models.serving.lora import AdapterWeights
from models.serving.resident import Failure, Outcome, Resident

T = TypeVar("T")


class GenerationFailed(Exception):
    """A request could not be computed. `detail` is for the log; `busy`: for want of room, so later it may go."""

    def __init__(self, detail: str, *, busy: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.busy = busy


class Runner:
    """Use as a context manager in the event loop: the thread lives within it.

    One thread for all models, since two would only share the same cores and wait for each other's.
    `on_death` is called in the thread if it ends by an error, after which nothing is computed any more.
    """

    def __init__(self, lanes: Sequence[Resident], embedder: Embedder | None, on_death: Callable[[], None]) -> None:
        self._lanes = lanes
        self._embedder = embedder
        self._on_death = on_death
        self._jobs: deque[EmbeddingJob] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="runner", daemon=True)

    def __enter__(self) -> Runner:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    async def stream(
        self, lane: Resident, prompt: list[int], sampling: Sampling, priority: int = 0, deadline: float = math.inf,
        adapter: AdapterWeights | None = None,
    ) -> AsyncGenerator[Piece, None]:  # fmt: skip
        """The answer piece by piece. Raises QueueFull at once, GenerationFailed later.

        Closing the generator frees the slot within one step.
        """
        out: asyncio.Queue[Outcome] = asyncio.Queue()
        deliver = partial(_post, asyncio.get_running_loop(), out.put_nowait)
        answering = lane.submit(prompt, sampling, deliver, priority, deadline, adapter)
        self._notify()
        try:
            while True:
                outcome = await out.get()
                if isinstance(outcome, Failure):
                    raise GenerationFailed(outcome.detail, busy=outcome.busy)
                yield outcome
                if outcome.finish_reason is not None:
                    return
        finally:
            lane.cancel(answering)
            self._notify()

    async def embed(self, texts: Sequence[str]) -> tuple[list[list[float]], int]:
        """Vectors of length 1, and the tokens that were read. Raises GenerationFailed."""
        assert self._embedder is not None
        loop = asyncio.get_running_loop()
        tokens = await asyncio.to_thread(self._embedder.encode, texts)
        done: asyncio.Future[list[list[float]] | None] = loop.create_future()

        def settle(vectors: list[list[float]] | None) -> None:
            if not done.done():
                done.set_result(vectors)

        job = EmbeddingJob(tokens, partial(_post, loop, settle))
        with self._wake:
            self._jobs.append(job)
            self._wake.notify()
        try:
            vectors = await done
        finally:
            job.over = True
        if vectors is None:
            raise GenerationFailed("the embedding model failed")
        return vectors, sum(map(len, tokens))

    def _notify(self) -> None:
        with self._wake:
            self._wake.notify()

    def _work(self) -> None:
        try:
            while self._wait():
                for lane in self._lanes:
                    if lane.busy:
                        lane.step()
                self._embed_some()
        finally:
            if not self._closing:
                self._on_death()

    def _wait(self) -> bool:
        """Sleep while there is nothing to do. False when the runner is closed."""
        with self._wake:
            self._wake.wait_for(lambda: self._closing or self._jobs or any(lane.busy for lane in self._lanes))
            return not self._closing

    def _embed_some(self) -> None:
        """One batch of the job whose turn it is: a question to the knowledge base does not wait for an import."""
        with self._wake:
            if not self._jobs:
                return
            job = self._jobs.popleft()
        if job.over:
            return
        assert self._embedder is not None
        try:
            done = self._embedder.step(job)
        except (RuntimeError, ValueError, IndexError, MemoryError):
            job.deliver(None)
            return
        if done:
            job.deliver(job.vectors)
        else:
            with self._wake:
                self._jobs.append(job)


def _post(loop: asyncio.AbstractEventLoop, call: Callable[[T], None], value: T) -> None:
    """Call in the event loop, which may be gone when the process ends."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call, value)
