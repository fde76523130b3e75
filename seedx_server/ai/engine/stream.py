"""Follows a run or a ticket as server-sent events.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html. A follower holds no
database session while it waits. It clears its wake-up event, reads, yields what is new and then
waits, so that nothing is missed; it also polls, in case a notification is lost.
"""

import asyncio
import json
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from fastapi.sse import format_sse_event
from prometheus_client import Gauge
from pydantic import JsonValue

from seedx_server.ai.core import LIVE, EventDocument, OutcomeDocument, Purpose, RunStatus
from seedx_server.ai.engine.live import LiveRuns
from seedx_server.ai.leases import RUN_TOPIC
from seedx_server.ai.models import Run
from seedx_server.ai.repository import RunRepository
from seedx_server.infrastructure.access import Actor
from seedx_server.infrastructure.database.engine import LARGEST_ID, OUTAGE, Sessions
from seedx_server.infrastructure.database.events import Event, EventType, read_after
from seedx_server.infrastructure.database.notify import Notifier
from seedx_server.infrastructure.errors import DomainError, InvalidInput, NotFound, Unavailable
from seedx_server.infrastructure.text import whole_number
from seedx_server.infrastructure.web.problems import problem_document
from seedx_server.messages.core import Author, MessageDocument
from seedx_server.messages.repository import MessageRepository

logger = logging.getLogger(__name__)

KEEP_ALIVE = b": keep-alive\n\n"
CAUGHT_UP = b": caught up\n\n"
"""Tells the reader of a ticket's events, once per connection, that all past events were sent."""
POLL_SECONDS = 5.0
LARGEST_OFFSET = 999_999_999
"""Behind the end of any text, and small enough for PostgreSQL to count on from it."""
LONGEST_SECONDS = 600.0
"""A stream ends after this time and the client resumes, so revoked access does not last longer."""

NEXT_STEPS = {
    Purpose.REPLY: "Your ticket is open for a person; try again with: seedx ai {ticket_id}",
    Purpose.DRAFT: "Try again with: seedx ai {ticket_id} --draft",
    Purpose.SUMMARY: "Try again with: seedx ai {ticket_id} --summary",
    Purpose.ASK: "Open a ticket for a person to answer: seedx ticket new",
}
"""What the reader of a failed run can do; only a failed reply opens the ticket for a person."""


@dataclass(frozen=True, slots=True)
class Position:
    """A reader's position in a run: `<run>.<characters>` in the SSE id."""

    run_id: int
    offset: int

    @classmethod
    def parse(cls, last_event_id: str) -> "Position":
        """Parse the header `Last-Event-ID`.

        Raises:
            InvalidInput: It is not an id of a run's stream.
        """
        before, _, after = last_event_id.partition(".")
        run_id, offset = whole_number(before, LARGEST_ID), whole_number(after, LARGEST_OFFSET)
        if run_id is None or offset is None:
            raise InvalidInput.of("Last-Event-ID", "must be an id of this stream, such as 17.305")
        return cls(run_id, offset)


@dataclass(frozen=True, slots=True)
class RunView:
    """The state of a run at one read.

    Attributes:
        edition: How often the text was started; 0 before the first time.
        text: The text from the reader's offset on.
        ended: The run's row, once the run has ended.
        owner: The lease token of the process that wrote the text; None while no process owns the
            run.
        is_past: Whether the reader's offset is past the end of a run that has ended.
    """

    edition: int
    text: str
    owner: uuid.UUID | None = None
    ended: Run | None = None
    is_past: bool = False


class Followers:
    """Makes the event streams of one server process.

    Args:
        sessions: Makes the short sessions in which followers read.
        notifier: Wakes followers.
        live: The runs that this process works on.
        open_streams: Counts the streams.
        now: A clock in seconds that only goes forward.
    """

    def __init__(
        self,
        sessions: Sessions,
        notifier: Notifier,
        live: LiveRuns,
        open_streams: Gauge,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sessions = sessions
        self._notifier = notifier
        self._live = live
        self._open_streams = open_streams
        self._now = now
        self._stopping = False

    def stop(self) -> None:
        """End every stream: the server is stopping, and clients resume elsewhere."""
        self._stopping = True
        self._notifier.wake_all()

    async def run(self, run: Run, position: Position | None) -> AsyncIterator[bytes]:
        """Yield a run's events from a reader's position on, to its end.

        A reader who reconnects with a position gets a restarted run from its start, after
        `restarted`: the position does not say which edition of the text it belongs to.

        Args:
            run: The run, which the reader may see.
            position: How much the reader has, or None for nothing.
        """
        yield _event("run", _header(run))
        offset = position.offset if position else 0
        edition: int = 1
        owner: uuid.UUID | None = None
        with self._subscribed(f"{RUN_TOPIC}:{run.id}") as stream:
            while True:
                stream.changed.clear()
                view = await self._view(run.id, offset)
                # An earlier owner may have shown readers an edition that it never wrote to the
                # database; the next owner then uses the same number for a different text.
                is_restarted = view.edition > edition or bool(
                    owner and view.owner not in {None, owner}
                )
                edition, owner = max(edition, view.edition), view.owner or owner
                if offset and (is_restarted or view.is_past):
                    offset = 0
                    yield _event("restarted", {"run_id": run.id}, f"{run.id}.0")
                    continue
                if view.text:
                    offset += len(view.text)
                    yield _event(None, {"content": view.text}, f"{run.id}.{offset}")
                if view.ended is not None:
                    yield _last_event(view.ended, offset)
                    return
                if not await stream.wait():
                    yield KEEP_ALIVE
                if stream.is_over:
                    return

    async def ticket(self, ticket_id: int, actor: Actor, after: int) -> AsyncIterator[bytes]:
        """Yield a ticket's events with a greater id than `after`, and those still to come.

        Args:
            ticket_id: The ticket, which the actor may see.
            actor: The reader.
            after: The id of the last event that the reader has; 0 for all.
        """
        yield KEEP_ALIVE
        is_caught_up = False
        with self._subscribed(f"ticket:{ticket_id}") as stream:
            while True:
                stream.changed.clear()
                documents = await self._events(ticket_id, actor, after)
                for document in documents:
                    after = document.id
                    yield _event(document.type, document.model_dump(mode="json"), str(after))
                if documents:
                    continue
                if not is_caught_up:
                    is_caught_up = True
                    yield CAUGHT_UP
                if not await stream.wait():
                    yield KEEP_ALIVE
                if stream.is_over:
                    return

    @contextmanager
    def _subscribed(self, topic: str) -> Iterator["_Stream"]:
        end = self._now() + LONGEST_SECONDS
        with self._open_streams.track_inprogress(), self._notifier.subscribed(topic) as changed:
            try:
                yield _Stream(changed, lambda: self._stopping or self._now() >= end)
            except (NotFound, *OUTAGE) as error:
                # The reader reconnects and then gets an HTTP status.
                logger.warning("a stream of %s ends early: %s", topic, error)

    async def _view(self, run_id: int, offset: int) -> RunView:
        live = self._live.get(run_id)
        if live is not None:
            return RunView(live.edition, live.text_from(offset), live.lease.token)
        async with self._sessions() as session:
            runs = RunRepository(session)
            seen = await runs.unscoped_progress(run_id, offset)
            if seen is None:
                raise NotFound(f"There is no AI run {run_id}.")
            # The row of a run that has ended no longer changes.
            ended = None if seen.status in LIVE else await runs.unscoped(run_id)
        is_past = ended is not None and offset > seen.length
        return RunView(seen.edition, seen.text, seen.owner, ended, is_past)

    async def _events(self, ticket_id: int, actor: Actor, after: int) -> list[EventDocument]:
        async with self._sessions() as session:
            events = await read_after(session, ticket_id, after, internal=actor.is_staff)
            ids = [_message_id(event) for event in events]
            rows = await MessageRepository(session).of_ids(
                [key for key in ids if key is not None], actor=actor
            )
            messages = {row.id: MessageDocument.model_validate(row) for row in rows}
        return [
            _event_document(event, messages.get(message_id) if message_id else None)
            for event, message_id in zip(events, ids, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class _Stream:
    changed: asyncio.Event
    _over: Callable[[], bool]

    @property
    def is_over(self) -> bool:
        return self._over()

    async def wait(self) -> bool:
        """Wait for a change; return False if there was none within the polling interval."""
        if self.is_over:
            return True
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self.changed.wait()
        except TimeoutError:
            return False
        return True


def run_failure(run: Run) -> DomainError:
    """Return the error that the reader of a failed run gets."""
    why = run.error or "The AI could not answer."
    next_step = NEXT_STEPS[run.purpose].format(ticket_id=run.ticket_id)
    return Unavailable(
        f"{why} {next_step}",
        code="ai_provider_unavailable",
        extra={"run_id": run.id},
    )


def _header(run: Run) -> dict[str, JsonValue]:
    return {
        "run_id": run.id,
        "ticket_id": run.ticket_id,
        "provider": run.provider,
        "model": run.model,
        "purpose": run.purpose,
    }


def _last_event(run: Run, offset: int) -> bytes:
    event_id = f"{run.id}.{offset}"
    if run.status is RunStatus.FAILED:
        return _event("error", dict(problem_document(run_failure(run))), event_id)
    document = OutcomeDocument.model_validate(run).model_dump(mode="json")
    return _event("done", {"run_id": run.id, **document}, event_id)


def _message_id(event: Event) -> int | None:
    value = event.data.get("message_id")
    return value if event.type is EventType.MESSAGE_CREATED and isinstance(value, int) else None


def _event_document(event: Event, message: MessageDocument | None) -> EventDocument:
    actor = None
    if event.actor_id is not None and event.actor_role is not None:
        actor = Author(id=event.actor_id, name=event.actor_name or "", role=event.actor_role)
    data = event.data if message is None else {"message": message.model_dump(mode="json")}
    return EventDocument(
        id=event.id,
        ticket_id=event.ticket_id,
        type=event.type,
        actor=actor,
        data=data,
        created_at=event.created_at,
    )


def _event(name: str | None, data: Mapping[str, object], event_id: str | None = None) -> bytes:
    return format_sse_event(data_str=json.dumps(data), event=name, id=event_id)
