"""Keyset cursors: where the next page of a list begins.

A cursor holds the sort key of the last row of a page, so every page costs the same, and rows that
are added or deleted meanwhile cause neither repeats nor gaps.
Source: "We need tool support for keyset pagination", use-the-index-luke.com/no-offset.
"""

import base64
import binascii
import json

from seedx_server.infrastructure.database.engine import LARGEST_ID
from seedx_server.infrastructure.errors import InvalidInput


def encode_cursor(*values: str | int) -> str:
    """Return an opaque cursor that holds these values."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, *types: type[str] | type[int]) -> list[str | int]:
    """Return the values that a cursor holds.

    Args:
        cursor: A value that `encode_cursor` returned.
        types: The type of each value, in order.

    Raises:
        InvalidInput: The cursor is damaged or comes from another list.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        values = None
    if not isinstance(values, list) or [type(value) for value in values] != list(types):
        raise foreign_cursor()
    if any(isinstance(value, int) and abs(value) > LARGEST_ID for value in values):
        raise foreign_cursor()
    return values


def foreign_cursor() -> InvalidInput:
    """Return the error for a cursor that this list did not return."""
    return InvalidInput.of("cursor", "is not a cursor of this list; start again without it")
