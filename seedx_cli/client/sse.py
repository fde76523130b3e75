"""Server-sent events: the wire format read into events (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

TEXT = "message"
CAUGHT_UP = "caught_up"
"""The name under which `events` reports that a ticket's past has been sent."""

_CAUGHT_UP_COMMENT = ": caught up"
_LONGEST_LINE = 4 * 1024 * 1024


class Event(NamedTuple):
    """One event of a stream.

    Attributes:
        event: Its name; `message`, the standard's default, is a piece of text.
        id: What to give as `Last-Event-ID` to go on after it; None where the server sent none.
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


def lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Cut a body into lines, in whatever pieces it arrives.

    Only LF and CRLF end a line: `str.splitlines` would also cut at U+2028 and its like, which
    JSON allows inside a string.

    Raises:
        ValueError: A line does not end.
    """
    rest = b""
    for chunk in chunks:
        *complete, rest = (rest + chunk).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            raise ValueError("a line without end")
        for line in complete:
            yield line.removesuffix(b"\r").decode("utf-8", "replace")


def events(chunks: Iterable[bytes]) -> Iterator[Event]:
    """Read the events of a body.

    Comments are skipped, except the one that ends a ticket's past. An event that the connection
    cut off before its blank line is dropped, as the standard demands, so that it is asked for
    again. An identifier that no header can carry back is no identifier.

    Raises:
        ValueError: An event holds no JSON, or does not end.
    """
    name: str = TEXT
    identifier: str | None = None
    data: list[str] = []
    for line in lines(chunks):
        if not line:
            if data:
                yield Event(name, identifier, _object("\n".join(data)))
            name, identifier, data = TEXT, None, []
            continue
        if line == _CAUGHT_UP_COMMENT:
            yield Event(CAUGHT_UP, None, {})
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "id":
            identifier = value if value.isascii() and value.isprintable() else None
        elif field == "data":
            data.append(value)


def _object(text: str) -> dict[str, object]:
    value = json.loads(text)
    return value if isinstance(value, dict) else {"value": value}
