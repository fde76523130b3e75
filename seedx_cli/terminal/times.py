"""Times in words for people."""

from __future__ import annotations

from datetime import datetime

from seedx_cli.durations import duration

_MINUTE = 60
_MONTH = 30 * 86_400


def relative(moment: str, now: datetime) -> str:
    """Say how long ago a time was, or its date if that was over a month ago.

    Args:
        moment: An RFC 3339 time; any other text is returned unchanged.
        now: The current time, with its zone.
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
    """Say how long it is until an RFC 3339 time."""
    seconds = (datetime.fromisoformat(moment) - now).total_seconds()
    return f"in {duration(seconds)}" if seconds >= _MINUTE else "in under a minute"
