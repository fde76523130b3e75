"""Routes for AI runs and for a ticket's events."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response
from fastapi.responses import StreamingResponse

from seedx_server.ai.core import Question, RunDocument, RunRequest
from seedx_server.ai.engine.runner import Runner
from seedx_server.ai.engine.stream import Followers, Position
from seedx_server.ai.models import Run
from seedx_server.ai.providers.protocol import Provider
from seedx_server.ai.repository import RunRepository
from seedx_server.ai.service import AIService, Quota
from seedx_server.infrastructure.access import Actor
from seedx_server.infrastructure.database.engine import Session
from seedx_server.infrastructure.database.events import EventLog
from seedx_server.infrastructure.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    TooManyRequests,
    existing,
)
from seedx_server.infrastructure.text import whole_number
from seedx_server.infrastructure.web.dependencies import SessionDep, json_response, parts_as
from seedx_server.infrastructure.web.idempotency import KEY_REUSED, IdempotencyDep
from seedx_server.infrastructure.web.openapi import Responses, problems
from seedx_server.messages.repository import MessageRepository
from seedx_server.messages.service import TICKET_CLOSED
from seedx_server.tickets.repository import TicketRepository
from seedx_server.users.actor import AccountParts, ActorDep

router = APIRouter(tags=["ai"])

LARGEST_EVENT_ID = 2**63 - 1

LastEventId = Annotated[
    str | None, Header(description="The id of the last event that the reader received.")
]


class EventStream(StreamingResponse):
    """A response of server-sent events, which no proxy buffers."""

    media_type = "text/event-stream"

    def __init__(self, content: AsyncIterator[bytes], status_code: int = HTTPStatus.OK) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(content, status_code, headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class AIParts(AccountParts):
    """The parts of an app that generate and stream answers.

    Attributes:
        providers: The chosen provider, then its fallbacks.
        runner: Works on runs in this process.
        followers: Makes this process's event streams.
    """

    providers: Sequence[Provider]
    runner: Runner
    followers: Followers


AIPartsDep = Annotated[AIParts, Depends(parts_as(AIParts))]


def ai_service(parts: AIParts, session: Session) -> AIService:
    """Return the service that works in a session's transaction."""
    settings = parts.settings
    return AIService(
        runs=RunRepository(session),
        tickets=TicketRepository(session),
        messages=MessageRepository(session),
        events=EventLog(session),
        providers=parts.providers,
        quota=Quota(settings.ai_runs_per_hour, settings.ai_tokens_per_day),
    )


async def _service(parts: AIPartsDep, session: SessionDep) -> AIService:
    return ai_service(parts, session)


AI = Annotated[AIService, Depends(_service)]
LIMIT_REACHED = (TooManyRequests, "ai_limit_reached")
EVENTS: Responses = {
    HTTPStatus.OK: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
}


FOR_STAFF: dict[str, object] = {"model": None, "prompt_version": None, "cost": None}
"""The values that customers see in place of a run's staff-only fields."""


def _document(run: Run, text: str, actor: Actor) -> RunDocument:
    hidden = {} if actor.is_staff else FOR_STAFF
    return RunDocument.model_validate(run).model_copy(update={"text": text, **hidden})


@router.get(
    "/tickets/{ticket_id}/ai-response",
    responses={**EVENTS, **problems(NotFound, TICKET_CLOSED, InvalidInput, LIMIT_REACHED)},
    response_class=EventStream,
)
async def ai_response(
    ticket_id: int, actor: ActorDep, parts: AIPartsDep, last_event_id: LastEventId = None
) -> Response:
    """Stream the AI's reply to the newest public message.

    Joins the reply in progress, or replays the reply that is already the newest message, or else
    starts a new one. A reader that reconnects with `Last-Event-ID` gets the rest of that run.
    """
    position = Position.parse(last_event_id) if last_event_id else None
    async with parts.sessions() as session, session.begin():
        service = ai_service(parts, session)
        if position is None:
            run = await service.join_or_start(ticket_id, actor)
        else:
            run = await _resumed(service, ticket_id, position, actor)
    return EventStream(parts.followers.run(run, position))


async def _resumed(service: AIService, ticket_id: int, position: Position, actor: Actor) -> Run:
    run = await service.get(position.run_id, actor)
    if run.ticket_id != ticket_id:
        raise NotFound(f"Run {run.id} does not belong to ticket {ticket_id}.")
    return run


@router.post(
    "/tickets/{ticket_id}/ai-runs",
    status_code=HTTPStatus.ACCEPTED,
    response_model=RunDocument,
    responses=problems(
        Forbidden,
        NotFound,
        TICKET_CLOSED,
        (Conflict, "run_in_progress"),
        InvalidInput,
        KEY_REUSED,
        LIMIT_REACHED,
    ),
)
async def start_run(
    ticket_id: int, body: RunRequest, actor: ActorDep, ai: AI, idempotency: IdempotencyDep
) -> Response:
    """Start a run on a ticket; follow it at `/ai-runs/{id}/events`."""
    if earlier := await idempotency.earlier_response(actor):
        return earlier
    document = _document(await ai.start(ticket_id, body, actor), "", actor)
    return await idempotency.keep(json_response(document, HTTPStatus.ACCEPTED))


@router.post(
    "/ask",
    status_code=HTTPStatus.ACCEPTED,
    response_model=RunDocument,
    responses=problems(InvalidInput, KEY_REUSED, LIMIT_REACHED),
)
async def ask(body: Question, actor: ActorDep, ai: AI, idempotency: IdempotencyDep) -> Response:
    """Ask the AI a question without a ticket; follow the run at `/ai-runs/{id}/events`."""
    if earlier := await idempotency.earlier_response(actor):
        return earlier
    document = _document(await ai.ask(body, actor), "", actor)
    return await idempotency.keep(json_response(document, HTTPStatus.ACCEPTED))


@router.get(
    "/ai-runs/{run_id}", response_model=RunDocument, responses=problems(NotFound, InvalidInput)
)
async def get_run(run_id: int, actor: ActorDep, ai: AI) -> Response:
    """Show a run with its text so far."""
    run = await ai.get(run_id, actor)
    return json_response(_document(run, await ai.text(run), actor))


@router.get(
    "/ai-runs/{run_id}/events",
    responses={**EVENTS, **problems(NotFound, InvalidInput)},
    response_class=EventStream,
)
async def run_events(
    run_id: int, actor: ActorDep, parts: AIPartsDep, last_event_id: LastEventId = None
) -> Response:
    """Stream a run's events. With `Last-Event-ID`, the stream resumes after that event."""
    position = Position.parse(last_event_id) if last_event_id else None
    if position is not None and position.run_id != run_id:
        raise InvalidInput.of("Last-Event-ID", f"belongs to run {position.run_id}")
    async with parts.sessions() as session:
        run = await ai_service(parts, session).get(run_id, actor)
    return EventStream(parts.followers.run(run, position))


@router.post(
    "/ai-runs/{run_id}/cancel",
    status_code=HTTPStatus.ACCEPTED,
    response_model=RunDocument,
    responses=problems(NotFound, InvalidInput),
)
async def cancel_run(run_id: int, actor: ActorDep, ai: AI) -> Response:
    """Ask a run to stop."""
    run = await ai.cancel(run_id, actor)
    return json_response(_document(run, await ai.text(run), actor), HTTPStatus.ACCEPTED)


@router.get(
    "/tickets/{ticket_id}/events",
    responses={**EVENTS, **problems(NotFound, InvalidInput)},
    response_class=EventStream,
)
async def ticket_events(
    ticket_id: int, actor: ActorDep, parts: AIPartsDep, last_event_id: LastEventId = None
) -> Response:
    """Stream a ticket's events, from the first one on: messages, changes and runs.

    With `Last-Event-ID`, the stream resumes after that event.
    """
    after = _event_id(last_event_id)
    async with parts.sessions() as session:
        tickets = TicketRepository(session)
        existing(await tickets.get(ticket_id, actor=actor), f"ticket {ticket_id}")
    return EventStream(parts.followers.ticket(ticket_id, actor, after))


@router.head("/tickets/{ticket_id}/ai-response", include_in_schema=False)
@router.head("/tickets/{ticket_id}/events", include_in_schema=False)
async def ticket_stream_headers(
    ticket_id: int, actor: ActorDep, session: SessionDep
) -> EventStream:
    """Answer HEAD without starting a run or a stream."""
    tickets = TicketRepository(session)
    existing(await tickets.get(ticket_id, actor=actor), f"ticket {ticket_id}")
    return EventStream(_no_events())


@router.head("/ai-runs/{run_id}/events", include_in_schema=False)
async def run_stream_headers(run_id: int, actor: ActorDep, ai: AI) -> EventStream:
    """Answer HEAD without starting a stream."""
    await ai.get(run_id, actor)
    return EventStream(_no_events())


async def _no_events() -> AsyncIterator[bytes]:
    for event in tuple[bytes, ...]():
        yield event


def _event_id(value: str | None) -> int:
    if not value:
        return 0
    event_id = whole_number(value, LARGEST_EVENT_ID)
    if event_id is None:
        raise InvalidInput.of("Last-Event-ID", "must be an id of this stream, such as 93")
    return event_id
