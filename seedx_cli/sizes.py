"""Sizes in words for people."""

import math

_KILOBYTE, _MEGABYTE = 1_000, 1_000_000


def size(number_of_bytes: int) -> str:
    """Say a number of bytes in a unit that suits it: `41 kB`, `1.2 MB`."""
    if number_of_bytes < _MEGABYTE:
        return f"{math.ceil(number_of_bytes / _KILOBYTE)} kB"
    return f"{number_of_bytes / _MEGABYTE:.1f} MB"
