"""A parser of server-sent events (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import codecs
import io
import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

TEXT = "message"
CAUGHT_UP = "caught_up"
"""The name under which `events` reports that a ticket's past has been sent."""

LONGEST_EVENT = 4 * 1024 * 1024
"""The most characters read of one event, or of one line."""

_CAUGHT_UP_COMMENT = ": caught up"


class Event(NamedTuple):
    """One event of a stream.

    Attributes:
        event: Its name; `message`, the standard's default, is a piece of text.
        id: What to send as `Last-Event-ID` to resume after it; None if the server sent none.
        data: The JSON object it carries.
    """

    event: str
    id: str | None
    data: dict[str, object]

    @property
    def text(self) -> str:
        """The piece of text it carries; empty for every other event."""
        content = self.data.get("content") if self.event == TEXT else None
        return content if isinstance(content, str) else ""


def events(body: Iterable[bytes]) -> Iterator[Event]:
    """Read the events of a body.

    Comments are skipped, except the one that ends a ticket's past. An event that is cut off before
    its blank line is dropped, as the standard requires, so that it is requested again. An id that
    a header cannot carry is ignored.

    Args:
        body: The body, in pieces of any size.

    Raises:
        ValueError: An event is not JSON, or is longer than `LONGEST_EVENT`.
    """
    name, event_id = TEXT, None
    data: list[str] = []
    length = 0
    for line in _lines(body):
        if not line:
            if data:
                yield Event(name, event_id, _object("\n".join(data)))
            name, event_id, data, length = TEXT, None, [], 0
            continue
        if line == _CAUGHT_UP_COMMENT:
            yield Event(CAUGHT_UP, None, {})
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "id":
            event_id = value if value.isascii() and value.isprintable() else None
        elif field == "data":
            data.append(value)
            # An empty line takes memory too.
            length += len(value) + 1
            if length > LONGEST_EVENT:
                raise ValueError("The event is too long")


def _lines(body: Iterable[bytes]) -> Iterator[str]:
    """Cut a body into lines at LF, CRLF and CR; `str.splitlines` would cut at U+2028 as well."""
    decoder = io.IncrementalNewlineDecoder(
        codecs.getincrementaldecoder("utf-8-sig")("replace"), translate=True
    )
    rest = ""
    for piece in body:
        *lines, rest = (rest + decoder.decode(piece)).split("\n")
        if len(rest) > LONGEST_EVENT:
            raise ValueError("The line is too long")
        yield from lines


def _object(text: str) -> dict[str, object]:
    value = json.loads(text)
    return value if isinstance(value, dict) else {"value": value}
