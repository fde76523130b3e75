"""Routes of AI runs and of a ticket's events."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from seedx_server.ai.core import Question, RunDocument, RunRequest
from seedx_server.ai.engine.stream import Followers, Position
from seedx_server.ai.models import Run
from seedx_server.ai.repository import RunRepository
from seedx_server.ai.service import AIService, Quota
from seedx_server.infrastructure.access import Actor
from seedx_server.infrastructure.database.engine import Sessions
from seedx_server.infrastructure.database.events import EventLog
from seedx_server.infrastructure.errors import InvalidInput, NotFound
from seedx_server.infrastructure.web.dependencies import RepeatableDep, SessionDep, answer
from seedx_server.messages.repository import MessageRepository
from seedx_server.tickets.resource import ticket_service
from seedx_server.users.actor import ActorDep

router = APIRouter(tags=["ai"])

LARGEST_EVENT_ID = 2**63 - 1
MOST_DIGITS_OF_AN_EVENT = len(str(LARGEST_EVENT_ID))

LastEventId = Annotated[
    str | None, Header(description="The id of the last event that the reader has.")
]


class EventStream(StreamingResponse):
    """Server-sent events that no proxy keeps back."""

    media_type = "text/event-stream"

    def __init__(self, content: AsyncIterator[bytes], status_code: int = HTTPStatus.OK) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(content, status_code, headers)


def ai_service(request: Request, session: SessionDep) -> AIService:
    """Return the service for one request."""
    state = request.app.state
    return AIService(
        runs=RunRepository(session),
        tickets=ticket_service(session),
        messages=MessageRepository(session),
        events=EventLog(session),
        providers=state.providers,
        quota=Quota(state.settings.ai_runs_per_hour, state.settings.ai_tokens_per_day),
    )


AI = Annotated[AIService, Depends(ai_service)]
EVENTS: dict[int | str, dict[str, object]] = {
    HTTPStatus.OK: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
}


def _document(run: Run, text: str = "") -> RunDocument:
    return RunDocument.model_validate(run).model_copy(update={"text": text})


@router.get("/tickets/{ticket_id}/ai-response", responses=EVENTS, response_class=EventStream)
async def ai_response(
    ticket_id: int, actor: ActorDep, request: Request, last_event_id: LastEventId = None
) -> Response:
    """Stream the AI's reply to the newest public message.

    Joins the reply in progress or the one that is the newest message, else starts one. A
    reader that comes back with `Last-Event-ID` gets what follows in that same run.
    """
    position = Position.parse(last_event_id) if last_event_id else None
    sessions: Sessions = request.app.state.sessions
    async with sessions() as session, session.begin():
        service = ai_service(request, session)
        if position is None:
            run = await service.join_or_start(ticket_id, actor)
        else:
            run = await _resumed(service, ticket_id, position, actor)
    return _run_stream(request, run, position)


async def _resumed(service: AIService, ticket_id: int, position: Position, actor: Actor) -> Run:
    run = await service.get(position.run_id, actor)
    if run.ticket_id != ticket_id:
        raise NotFound(f"Run {run.id} does not belong to ticket {ticket_id}.")
    return run


@router.post(
    "/tickets/{ticket_id}/ai-runs", status_code=HTTPStatus.ACCEPTED, response_model=RunDocument
)
async def start_run(
    ticket_id: int, body: RunRequest, actor: ActorDep, ai: AI, once: RepeatableDep
) -> Response:
    """Start a run; follow it at `/ai-runs/{id}/events`."""

    async def action() -> tuple[BaseModel, None]:
        return _document(await ai.start(ticket_id, body, actor)), None

    return await once(actor, HTTPStatus.ACCEPTED, action)


@router.post("/ask", status_code=HTTPStatus.ACCEPTED, response_model=RunDocument)
async def ask(body: Question, actor: ActorDep, ai: AI, once: RepeatableDep) -> Response:
    """Have a question answered that has no ticket; follow it at `/ai-runs/{id}/events`."""

    async def action() -> tuple[BaseModel, None]:
        return _document(await ai.ask(body, actor)), None

    return await once(actor, HTTPStatus.ACCEPTED, action)


@router.get("/ai-runs/{run_id}", response_model=RunDocument)
async def get_run(run_id: int, actor: ActorDep, ai: AI) -> Response:
    """Return a run with its text so far."""
    run = await ai.get(run_id, actor)
    return answer(_document(run, await ai.text(run)))


@router.get("/ai-runs/{run_id}/events", responses=EVENTS, response_class=EventStream)
async def run_events(
    run_id: int, actor: ActorDep, request: Request, last_event_id: LastEventId = None
) -> Response:
    """Stream a run."""
    position = Position.parse(last_event_id) if last_event_id else None
    if position is not None and position.run_id != run_id:
        raise InvalidInput.of("Last-Event-ID", f"belongs to run {position.run_id}")
    sessions: Sessions = request.app.state.sessions
    async with sessions() as session:
        run = await ai_service(request, session).get(run_id, actor)
    return _run_stream(request, run, position)


@router.post(
    "/ai-runs/{run_id}/cancel", status_code=HTTPStatus.ACCEPTED, response_model=RunDocument
)
async def cancel_run(run_id: int, actor: ActorDep, ai: AI) -> Response:
    """Ask a run to stop."""
    run = await ai.cancel(run_id, actor)
    return answer(_document(run, await ai.text(run)), HTTPStatus.ACCEPTED)


@router.get("/tickets/{ticket_id}/events", responses=EVENTS, response_class=EventStream)
async def ticket_events(
    ticket_id: int, actor: ActorDep, request: Request, last_event_id: LastEventId = None
) -> Response:
    """Stream a ticket's life: messages, changes and runs, from its beginning on.

    `Last-Event-ID` leaves out what the reader has.
    """
    after = _event_id(last_event_id)
    sessions: Sessions = request.app.state.sessions
    async with sessions() as session:
        await ticket_service(session).get(ticket_id, actor)
    followers: Followers = request.app.state.followers
    return EventStream(followers.ticket(ticket_id, actor, after))


def _event_id(value: str | None) -> int:
    if not value:
        return 0
    well_formed = value.isascii() and value.isdecimal() and len(value) <= MOST_DIGITS_OF_AN_EVENT
    if not well_formed or int(value) > LARGEST_EVENT_ID:
        raise InvalidInput.of("Last-Event-ID", "must be an id of this stream, such as 93")
    return int(value)


def _run_stream(request: Request, run: Run, position: Position | None) -> EventStream:
    followers: Followers = request.app.state.followers
    return EventStream(followers.run(run, position))
