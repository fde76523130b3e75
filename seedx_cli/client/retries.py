"""Which requests are sent again, and how long to wait before."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Mapping

from seedx_cli.errors import ApiError, UnreachableError

ATTEMPTS = 3
"""How often a request is sent at most."""

STREAM_ATTEMPTS = 8
"""How often a server that responds is asked for a stream until it begins; about half a minute."""

LONGEST_REQUESTED_WAIT = 60.0
"""Seconds that a server may ask to wait; a longer wait is left to the person."""

_LONGEST_BACKOFF = 30.0
_TOO_MANY_REQUESTS = 429
# What a proxy or a server says while it starts, stops or is overloaded.
_TEMPORARY = frozenset({502, 503, 504})


def backoff(failures: int) -> float:
    """Seconds to wait after so many failures in a row, 1 or more.

    A quarter of a second, doubled with each further failure up to half a minute, and spread, so
    that the clients of a server that restarts do not all come back at the same moment.
    """
    longest: float = min(_LONGEST_BACKOFF, 0.125 * 2.0 ** min(failures, 10))
    return longest * random.uniform(0.6, 1.0)  # noqa: S311  # not a secret


def requested_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds that an answer's `Retry-After` asks to wait, None without one (RFC 9110, 10.2.3)."""
    said = headers.get("Retry-After", "")
    try:
        seconds = float(said)
    except ValueError:
        return _seconds_until(said)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def wait_after_status(
    status: int, requested: float | None, failures: int, *, is_safe: bool
) -> float | None:
    """Seconds to wait before a request is sent again because of the answer's status.

    Args:
        status: The answer's HTTP status.
        requested: Seconds that the server asks to wait.
        failures: How often the request has failed, this time included.
        is_safe: Whether the request may have been carried out and can be sent again all the same.

    Returns:
        None where the answer has to be taken as it is.
    """
    is_limited = status == _TOO_MANY_REQUESTS
    if not (is_limited or (is_safe and status in _TEMPORARY)):
        return None
    if requested is None:
        return backoff(failures)
    return requested if requested <= LONGEST_REQUESTED_WAIT else None


def wait_after_error(error: ApiError | UnreachableError, failures: int) -> float | None:
    """Seconds to wait before a stream is asked for again; None where the error is final."""
    if isinstance(error, UnreachableError):
        return backoff(failures)
    return wait_after_status(error.status, error.retry_after, failures, is_safe=True)


def _seconds_until(date: str) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
