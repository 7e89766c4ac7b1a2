"""Metrics: what /metrics tells, read from the lanes at the moment it is asked."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

import prometheus_client
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from models.serving.resident import Resident

BUCKETS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60)
TOKEN_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)


class Metrics:
    """The worker's registry, and what the routes count themselves."""

    def __init__(self, lanes: Mapping[str, Resident]) -> None:
        self.registry = prometheus_client.CollectorRegistry()
        self.registry.register(_Lanes(lanes))
        self.first_token = prometheus_client.Histogram(
            "parley_worker_first_token_seconds", "From the request to the first token", ["model"],
            buckets=BUCKETS, registry=self.registry,
        )  # fmt: skip
        self.requests = prometheus_client.Counter(
            "parley_worker_requests", "Chat requests by how they ended", ["model", "end"], registry=self.registry
        )
        self.token_time = prometheus_client.Histogram(
            "parley_worker_token_seconds", "From one token to the next, mean of an answer", ["model"],
            buckets=TOKEN_BUCKETS, registry=self.registry,
        )  # fmt: skip
        self.answered = prometheus_client.Counter(
            "parley_worker_answer_tokens", "Tokens of whole answers, by the model or adapter that was asked", ["model"],
            registry=self.registry,
        )  # fmt: skip
        self.embedded = prometheus_client.Counter(
            "parley_worker_embedded_texts", "Texts turned into vectors", registry=self.registry
        )

    def text(self) -> bytes:
        return prometheus_client.generate_latest(self.registry)


class _Lanes(Collector):
    def __init__(self, lanes: Mapping[str, Resident]) -> None:
        self._lanes = lanes

    def collect(self) -> Iterable[Metric]:
        def gauge(name: str, words: str) -> GaugeMetricFamily:
            return GaugeMetricFamily(f"parley_worker_{name}", words, labels=["model"])

        def counter(name: str, words: str) -> CounterMetricFamily:
            return CounterMetricFamily(f"parley_worker_{name}", words, labels=["model"])

        running, waiting = gauge("running", "Requests in a slot"), gauge("waiting", "Requests in the queue")
        free, held = gauge("free_slots", "Slots without a request"), gauge("cache_tokens", "Tokens held or promised")
        budget = gauge("cache_budget_tokens", "Tokens the cache may hold")
        steps, read = counter("steps", "Passes of the model"), counter("prompt_tokens", "Prompt tokens read")
        written, reused = counter("tokens", "Tokens written"), counter("reused_tokens", "Prompt tokens not read again")
        failed = counter("failures", "Requests the model failed on")
        hits = counter("prefix_hits", "Prompts of which a beginning was known")
        shortages = counter("memory_shortages", "Passes that did not fit the memory and were made in parts")
        guessed, right = (
            counter("guessed_tokens", "Tokens guessed"),
            counter("right_guesses", "Guesses that were right"),
        )
        rate = gauge("tokens_per_second", "Tokens written a second, over the last 15 seconds")
        # a lane with several names is told once, by its first
        for lane, name in {self._lanes[name]: name for name in reversed(list(self._lanes))}.items():
            status = lane.status()
            running.add_metric([name], status.running)
            waiting.add_metric([name], status.waiting)
            free.add_metric([name], status.free_slots)
            held.add_metric([name], status.cache_tokens)
            budget.add_metric([name], status.cache_budget)
            steps.add_metric([name], lane.counts.steps)
            read.add_metric([name], lane.counts.read)
            written.add_metric([name], lane.counts.written)
            reused.add_metric([name], status.reused)
            failed.add_metric([name], lane.counts.failed)
            hits.add_metric([name], status.hits)
            shortages.add_metric([name], status.shortages)
            guessed.add_metric([name], lane.counts.guessed)
            right.add_metric([name], lane.counts.right)
            rate.add_metric([name], lane.counts.rate(time.monotonic()))
        return (
            running,
            waiting,
            free,
            held,
            budget,
            steps,
            read,
            written,
            reused,
            failed,
            hits,
            shortages,
            guessed,
            right,
            rate,
        )
