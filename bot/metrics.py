"""Metrics: what Prometheus reads of the bot at /metrics."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    PROCESS_COLLECTOR,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
)

from bot.controls import Control
from bot.job import Job

_CONTROLS = frozenset(control.value for control in Control)
SECONDS = (0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120)


class Metrics:
    """The bot's own figures in a registry of their own, beside the usual ones of the process."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        for collector in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
            registry.register(collector)
        names = ("platform", "scenario", "state")
        self._turns = Counter("parley_turns", "Turns that ended, by how they did", names, registry=registry)
        self._presses = Counter(
            "parley_presses", "Presses on controls: thumbs, flags ...", ("control",), registry=registry
        )
        self._tokens = Counter("parley_tokens", "Tokens written for people", ("scenario",), registry=registry)
        self._first = Histogram(
            "parley_first_token_seconds", "From leaving the line to the first words", ("scenario",), buckets=SECONDS,
            registry=registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "parley_turn_seconds", "From leaving the line to the end of the answer", ("scenario",), buckets=SECONDS,
            registry=registry,
        )  # fmt: skip

    def watch(self, name: str, words: str, value: Callable[[], float]) -> None:
        """A gauge that is asked whenever Prometheus reads."""
        Gauge(f"parley_{name}", words, registry=self.registry).set_function(value)

    def pressed(self, control: str) -> None:
        if control in _CONTROLS:  # what came from outside makes no series of its own
            self._presses.labels(control).inc()

    def ended(self, job: Job) -> None:
        """Count a turn that has come to its end, good or bad."""
        scenario, outcome = job.route.name, job.outcome
        state = "done" if job.stored or not job.begun else "stopped" if job.stopping else "failed"
        self._turns.labels(job.request.place.platform, scenario, state).inc()
        if not outcome.prompts:
            return
        self._tokens.labels(scenario).inc(outcome.tokens)
        self._seconds.labels(scenario).observe(outcome.seconds)
        if outcome.ttft is not None:
            self._first.labels(scenario).observe(outcome.ttft)
