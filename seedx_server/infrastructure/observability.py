"""Logging for operators, and the numbers that `/metrics` shows."""

import logging
import sys
from contextvars import ContextVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

request_id: ContextVar[str] = ContextVar("request_id", default="-")

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"


class _RequestIdFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        return True


def configure_logging(level: str) -> None:
    """Write the log to stderr, one line an entry, with the id of the request it belongs to."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(LOG_FORMAT))
    handler.addFilter(_RequestIdFilter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for talkative in ("httpx", "httpcore", "groq", "alembic"):
        logging.getLogger(talkative).setLevel(logging.WARNING)


class Metrics:
    """The numbers of one app; each app has a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "seedx_http_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "seedx_http_request_seconds",
            "Time to the first byte of the answer.",
            ["method", "route"],
            registry=self.registry,
        )
        self.runs = Counter(
            "seedx_ai_runs",
            "AI runs that ended in this process.",
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
            "Tokens of AI runs, as providers counted them.",
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
            "seedx_ai_live_runs", "AI runs that this process works on.", registry=self.registry
        )
        self.streams = Gauge(
            "seedx_streams", "Event streams open on this process.", registry=self.registry
        )
