"""Reading event streams in tests."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.factories import Person
from tests.waiting import PATIENCE_SECONDS


@dataclass(frozen=True)
class StreamEvent:
    """One server-sent event; text has no name."""

    name: str | None
    id: str | None
    data: dict[str, Any]


async def events_of(answer: httpx.Response) -> AsyncIterator[StreamEvent]:
    """Yield the events of an open stream, to its end."""
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if event := _event_of(line, fields):
            yield event


def events_of_text(text: str) -> list[StreamEvent]:
    """Return the events of a stream that was read to its end."""
    fields: dict[str, str] = {}
    return [event for line in text.split("\n") if (event := _event_of(line, fields))]


def _event_of(line: str, fields: dict[str, str]) -> StreamEvent | None:
    """Take in the next line of a stream, and return the event that it completes."""
    if line:
        name, _, value = line.partition(": ")
        fields[name] = value
        return None
    complete = dict(fields)
    fields.clear()
    if "data" not in complete:
        return None
    return StreamEvent(complete.get("event"), complete.get("id"), json.loads(complete["data"]))


@asynccontextmanager
async def opened(
    person: Person, path: str, last_event_id: str | None = None
) -> AsyncIterator[AsyncIterator[StreamEvent]]:
    """Open a stream and give its events."""
    headers = dict(person.headers)
    if last_event_id is not None:
        headers["Last-Event-ID"] = last_event_id
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        person.client.stream("GET", path, headers=headers, timeout=PATIENCE_SECONDS) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        yield events_of(answer)


async def followed(
    person: Person, path: str, last_event_id: str | None = None
) -> list[StreamEvent]:
    """Read a stream to its end."""
    async with opened(person, path, last_event_id) as events:
        return [event async for event in events]


def text_of(events: list[StreamEvent], before: str = "") -> str:
    """Return what a reader has at the end, who held `before` when the stream began."""
    text = before
    for event in events:
        if event.name == "restarted":
            text = ""
        elif event.name is None:
            text += event.data["content"]
            assert event.id is not None
            assert int(event.id.partition(".")[2]) == len(text)
    return text
