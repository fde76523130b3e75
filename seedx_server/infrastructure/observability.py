"""Logging for operators, and the metrics of `/metrics`."""

import logging
import os
import sys
from contextvars import ContextVar
from pathlib import Path

import psutil
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

request_id: ContextVar[str] = ContextVar("request_id", default="-")

METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus_client's variable for the folder in which server processes share their metrics.

It must be in the environment before a server process starts.
"""

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"


class _RequestIdFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        return True


def configure_logging(level: str) -> None:
    """Log to stderr, one line per entry, with the id of the request it belongs to."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(LOG_FORMAT))
    handler.addFilter(_RequestIdFilter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for verbose in ("httpx", "httpcore", "groq", "alembic"):
        logging.getLogger(verbose).setLevel(logging.WARNING)


class Metrics:
    """The metrics of one app, in a separate registry.

    If `METRICS_FOLDER` is set, the server processes share their metrics through its files.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "seedx_http_requests",
            "HTTP requests.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "seedx_http_request_seconds",
            "Time to the first byte of the response.",
            ["method", "route"],
            registry=self.registry,
        )
        self.runs = Counter(
            "seedx_ai_runs",
            "AI runs that ended.",
            ["purpose", "status", "provider", "model", "handoff"],
            registry=self.registry,
        )
        self.fallbacks = Counter(
            "seedx_ai_fallbacks",
            "Answers for which a provider gave up and its fallback was asked.",
            ["provider", "reason"],
            registry=self.registry,
        )
        self.tokens = Counter(
            "seedx_ai_tokens",
            "Tokens of AI runs, as counted by providers.",
            ["provider", "model", "kind"],
            registry=self.registry,
        )
        self.cost = Counter(
            "seedx_ai_cost",
            "Price of AI runs, in the currency of SEEDX_AI_PRICES.",
            ["provider", "model"],
            registry=self.registry,
        )
        self.first_text_seconds = Histogram(
            "seedx_ai_first_text_seconds",
            "Time from the start of a run to its first text.",
            ["provider", "model"],
            registry=self.registry,
        )
        self.run_seconds = Histogram(
            "seedx_ai_run_seconds",
            "Time from the start of a run to its end.",
            ["provider", "model"],
            buckets=(0.1, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300),
            registry=self.registry,
        )
        self.live_runs = Gauge(
            "seedx_ai_live_runs",
            "AI runs in progress.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.streams = Gauge(
            "seedx_streams",
            "Open event streams.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )

    def exposition(self) -> bytes:
        """Return the metrics of all server processes in Prometheus' text format."""
        folder = os.environ.get(METRICS_FOLDER)
        if folder is None:
            return generate_latest(self.registry)
        _forget_dead_processes(Path(folder))
        shared = CollectorRegistry()
        MultiProcessCollector(shared, folder)  # type: ignore[no-untyped-call]  # the library's
        return generate_latest(shared)


def _forget_dead_processes(folder: Path) -> None:
    """Remove killed processes from the gauges; their counters are kept."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        if not psutil.pid_exists(pid):
            mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]  # the library's
