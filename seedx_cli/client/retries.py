"""When a request is sent again, and how long to wait before."""

from __future__ import annotations

import math
import random
import time

from seedx_cli.client.connection import httpx

ATTEMPTS = 3
LONGEST_WAIT_SECONDS = 60.0
PASSING = frozenset({502, 503, 504})
"""What a proxy or a server says while it starts, stops or is overloaded."""


def backoff(failures: int) -> float:
    """Seconds before the next attempt: doubling from a quarter second, at most 10, spread."""
    longest: float = min(10.0, 0.25 * 2.0**failures)
    return longest * random.uniform(0.6, 1.0)  # noqa: S311  # no secret


def retry_after(answer: httpx.Response) -> float | None:
    """Seconds that the server asks to wait, which it may say as a date (RFC 9110, 10.2.3)."""
    said = answer.headers.get("Retry-After", "")
    try:
        seconds = float(said)
    except ValueError:
        return _until(said)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def pause(answer: httpx.Response, attempt: int, *, repeatable: bool) -> float | None:
    """Seconds to wait before the request is sent again; None when this answer is to be taken."""
    status = answer.status_code
    refused = status == httpx.codes.TOO_MANY_REQUESTS
    if attempt >= ATTEMPTS or not (refused or (repeatable and status in PASSING)):
        return None
    asked = retry_after(answer)
    if asked is None:
        return 1.0 if refused else backoff(attempt - 1)
    return asked if asked <= LONGEST_WAIT_SECONDS else None


def _until(date: str) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
