"""Times in words for people."""

from __future__ import annotations

from datetime import datetime

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_MONTH = 30 * _DAY


def relative(moment: str, now: datetime) -> str:
    """Say how long ago a time was; where that is over a month, its date.

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


def duration(seconds: float) -> str:
    """Say a number of seconds in the largest unit that it fills: `2 hours`."""
    for unit, name in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute"), (1, "second")):
        if seconds >= unit:
            number = int(seconds // unit)
            return f"{number} {name}{'' if number == 1 else 's'}"
    return "a moment"


def until(moment: str, now: datetime) -> str:
    """Say how long it is until an RFC 3339 time."""
    seconds = (datetime.fromisoformat(moment) - now).total_seconds()
    return f"in {duration(seconds)}" if seconds >= _MINUTE else "in under a minute"
