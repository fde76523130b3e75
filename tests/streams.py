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
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            yield StreamEvent(fields.get("event"), fields.get("id"), json.loads(fields["data"]))
            fields = {}
        else:
            fields = {}


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
