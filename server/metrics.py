"""Prometheus figures, on a listener of their own: who reaches the service does not yet read them."""

from __future__ import annotations

from aiohttp import web
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

CHORE_BUCKETS = (0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300, 900)
BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class Metrics:
    """Labels are methods, route templates and statuses: no id and no person ever becomes one."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._seconds = Histogram(
            "xiaotuo_request_seconds",
            "Time to answer",
            ["method", "route"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._answers = Counter(
            "xiaotuo_answers_total",
            "Answers by status",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.batch_size = Histogram(
            "xiaotuo_group_commit_items",
            "Items that one transaction carried",
            ["group"],
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 200),
            registry=self.registry,
        )
        self.queue_length = Gauge(
            "xiaotuo_group_commit_waiting",
            "Items that wait for a transaction",
            ["group"],
            registry=self.registry,
        )
        self.session_guard_listening = Gauge(
            "xiaotuo_session_guard_listening",
            "1 while ended sessions are heard of; 0 while every request asks the database",
            registry=self.registry,
        )
        self.throttle_store_failures = Counter(
            "xiaotuo_throttle_store_failures_total",
            "Times that the shared store of the throttles did not answer and this process counted alone",
            registry=self.registry,
        )
        self.worker_leading = Gauge(
            "xiaotuo_worker_leading",
            "1 while this process is the one that does the chores",
            registry=self.registry,
        )
        self.chore_seconds = Histogram(
            "xiaotuo_chore_seconds",
            "Time that a chore took, done or failed",
            ["chore"],
            buckets=CHORE_BUCKETS,
            registry=self.registry,
        )
        self.chore_failures = Counter(
            "xiaotuo_chore_failures_total",
            "Times that a chore failed",
            ["chore"],
            registry=self.registry,
        )
        self.chore_rows = Counter(
            "xiaotuo_chore_rows_total",
            "What chores have changed",
            ["chore", "kind"],
            registry=self.registry,
        )
        self.clock_ahead = Gauge(
            "xiaotuo_clock_ahead_seconds",
            "How far the database's clock is ahead of this machine's",
            registry=self.registry,
        )
        self.clock_error = Gauge(
            "xiaotuo_clock_error_seconds",
            "How far what this process takes for the database's time may be off, as of its last measurement",
            registry=self.registry,
        )
        self.clock_failures = Counter(
            "xiaotuo_clock_failures_total",
            "Times that the database's clock could not be read",
            registry=self.registry,
        )
        self.reconciled_at = Gauge(
            "xiaotuo_reconciliation_timestamp_seconds",
            "When counters were last compared with their rows; 0 where they never were",
            registry=self.registry,
        )
        self.drifts = Gauge(
            "xiaotuo_reconciliation_drifts",
            "Counters that differed from their rows at the last comparison; each is a fault to be looked into",
            registry=self.registry,
        )
        self._children: dict[tuple[str, str, int], tuple[Histogram, Counter]] = {}

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        key = (method, route, status)
        try:
            histogram, counter = self._children[key]
        except KeyError:
            histogram = self._seconds.labels(method, route)
            counter = self._answers.labels(method, route, status)
            self._children[key] = histogram, counter
        histogram.observe(seconds)
        counter.inc()


METRICS = web.AppKey("metrics", Metrics)


async def show(request: web.Request) -> web.Response:
    """Figures in Prometheus' text format."""
    text = generate_latest(request.app[METRICS].registry)
    return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})


def build_metrics_app(metrics: Metrics) -> web.Application:
    app = web.Application()
    app[METRICS] = metrics
    app.router.add_get("/metrics", show)
    return app
