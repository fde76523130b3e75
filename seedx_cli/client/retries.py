"""Which requests are sent again, and how long to wait first."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Mapping

from seedx_cli.errors import ApiError, UnreachableError

ATTEMPTS = 3
"""The most times that a request is sent."""

STREAM_ATTEMPTS = 8
"""The most attempts to open a stream on a server that responds; about half a minute in all."""

LONGEST_REQUESTED_WAIT = 60.0
"""The longest wait, in seconds, that a server may ask for; a longer one is left to the person."""

_LONGEST_BACKOFF = 30.0
_TOO_MANY_REQUESTS = 429
# The statuses of a proxy or a server that is starting, stopping or overloaded.
_TEMPORARY = frozenset({502, 503, 504})


def backoff(failures: int) -> float:
    """Return the seconds to wait after this many failures in a row, 1 or more.

    A quarter of a second, doubled with each further failure up to half a minute, with jitter, so
    that the clients of a restarted server do not all come back at the same moment.
    """
    longest: float = min(_LONGEST_BACKOFF, 0.125 * 2.0 ** min(failures, 10))
    return longest * random.uniform(0.6, 1.0)  # noqa: S311  # not a secret


def requested_wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds in `Retry-After` (RFC 9110, 10.2.3), None if there are none."""
    said = headers.get("Retry-After", "")
    try:
        seconds = float(said)
    except ValueError:
        return _seconds_until(said)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def wait_after_status(
    status: int, requested: float | None, failures: int, *, is_safe: bool
) -> float | None:
    """Return the seconds to wait before a request is sent again because of its status.

    Args:
        status: The response's HTTP status.
        requested: Seconds that the server asks to wait.
        failures: How many times the request has failed, this time included.
        is_safe: Whether the request can be sent again even if it may have been carried out.

    Returns:
        The seconds, or None if the response is final.
    """
    is_limited = status == _TOO_MANY_REQUESTS
    if not (is_limited or (is_safe and status in _TEMPORARY)):
        return None
    if requested is None:
        return backoff(failures)
    return requested if requested <= LONGEST_REQUESTED_WAIT else None


def wait_after_error(error: ApiError | UnreachableError, failures: int) -> float | None:
    """Return the seconds to wait before reopening a stream; None if the error is final."""
    if isinstance(error, UnreachableError):
        return backoff(failures)
    return wait_after_status(error.status, error.retry_after, failures, is_safe=True)


def _seconds_until(date: str) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
