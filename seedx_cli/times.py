"""Times as people say them."""

from __future__ import annotations

from datetime import datetime

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_MONTH = 30 * _DAY


def relative(moment: str, now: datetime) -> str:
    """How long ago an RFC 3339 time was; the date where that is over a month, text as it is if bad.

    Args:
        moment: The time.
        now: The time it is, with its zone.
    """
    try:
        then = datetime.fromisoformat(moment)
        seconds = int((now - then).total_seconds())
    except (TypeError, ValueError):
        return moment
    if seconds < -_MINUTE or seconds >= _MONTH:
        return then.astimezone().date().isoformat()
    if seconds < _MINUTE:
        return "just now"
    for unit, name in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute")):
        if seconds >= unit:
            number = seconds // unit
            return f"{number} {name}{'' if number == 1 else 's'} ago"
    raise AssertionError("unreachable: seconds is at least a minute")


def until(moment: str, now: datetime) -> str:
    """How long it is until an RFC 3339 time."""
    minutes = int((datetime.fromisoformat(moment) - now).total_seconds()) // _MINUTE
    if minutes < 1:
        return "in under a minute"
    return f"in {minutes} minute{'' if minutes == 1 else 's'}"
