"""Times as people say them."""

from __future__ import annotations

from datetime import datetime

from seedx_cli.durations import duration

_MINUTE = 60
_MONTH = 30 * 86_400


def relative(moment: str, now: datetime) -> str:
    """How long ago an RFC 3339 time was; the date where that is over a month, text as it is if bad.

    Args:
        moment: The time.
        now: The time it is, with its zone.
    """
    try:
        then = datetime.fromisoformat(moment)
        seconds = int((now - then).total_seconds())
        day = then.astimezone().date().isoformat()
    except (OverflowError, TypeError, ValueError):
        return moment
    if seconds < -_MINUTE or seconds >= _MONTH:
        return day
    if seconds < _MINUTE:
        return "just now"
    return f"{duration(seconds)} ago"


def until(moment: str, now: datetime) -> str:
    """How long it is until an RFC 3339 time."""
    seconds = (datetime.fromisoformat(moment) - now).total_seconds()
    return f"in {duration(seconds)}" if seconds >= _MINUTE else "in under a minute"
