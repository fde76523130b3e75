"""Routes of tickets."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from seedx_server.infrastructure.database.events import EventLog
from seedx_server.infrastructure.web.dependencies import (
    Cursor,
    IfMatch,
    Limit,
    RepeatableDep,
    SessionDep,
    answer,
    etag,
    expected_version,
)
from seedx_server.tickets.core import (
    NewTicket,
    Priority,
    SearchText,
    Sort,
    Status,
    TicketDocument,
    TicketFilter,
    TicketPage,
    TicketPatch,
)
from seedx_server.tickets.repository import TicketRepository
from seedx_server.tickets.service import TicketService
from seedx_server.users.actor import ActorDep, StaffDep
from seedx_server.users.repository import UserRepository

router = APIRouter(prefix="/tickets", tags=["tickets"])


def ticket_service(session: SessionDep) -> TicketService:
    """Return the service for one request."""
    return TicketService(TicketRepository(session), UserRepository(session), EventLog(session))


Tickets = Annotated[TicketService, Depends(ticket_service)]


def _filter(
    *,
    status: Annotated[list[Status], Query()] = [],  # noqa: B006  # FastAPI copies defaults
    assignee: Annotated[str | None, Query(description="A user's id, `me` or `none`.")] = None,
    requester: Annotated[str | None, Query(description="A user's id or `me`.")] = None,
    tag: Annotated[list[SearchText], Query()] = [],  # noqa: B006  # FastAPI copies defaults
    priority: Annotated[list[Priority], Query()] = [],  # noqa: B006  # FastAPI copies defaults
    q: Annotated[SearchText | None, Query(description="Words to search for.")] = None,
    sort: Sort = Sort.UPDATED,
) -> TicketFilter:
    return TicketFilter(
        status=status,
        assignee=assignee,
        requester=requester,
        tag=tag,
        priority=priority,
        q=q,
        sort=sort,
    )


@router.get("", response_model=TicketPage)
async def list_tickets(
    actor: ActorDep,
    tickets: Tickets,
    wanted: Annotated[TicketFilter, Depends(_filter)],
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """List tickets, newest activity first: a customer's own, all for staff."""
    page = await tickets.list(wanted, actor, limit, cursor)
    items = [TicketDocument.model_validate(ticket) for ticket in page.items]
    return answer(TicketPage(items=items, next_cursor=page.next_cursor))


@router.post("", status_code=HTTPStatus.CREATED, response_model=TicketDocument)
async def open_ticket(
    body: NewTicket, actor: ActorDep, tickets: Tickets, request: Request, once: RepeatableDep
) -> Response:
    """Open a ticket."""

    async def action() -> tuple[BaseModel, str]:
        ticket = await tickets.open(body, actor)
        location = request.app.url_path_for("get_ticket", ticket_id=ticket.id)
        return TicketDocument.model_validate(ticket), request.scope.get("root_path", "") + location

    return await once(actor, HTTPStatus.CREATED, action)


@router.post(
    "/claim",
    response_model=TicketDocument,
    responses={HTTPStatus.NO_CONTENT: {"description": "Nothing waits.", "model": None}},
)
async def claim_ticket(actor: StaffDep, tickets: Tickets) -> Response:
    """Take the most urgent ticket that waits for somebody."""
    ticket = await tickets.claim(actor)
    if ticket is None:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return answer(TicketDocument.model_validate(ticket), headers={"ETag": etag(ticket.version)})


@router.patch("/{ticket_id}", response_model=TicketDocument)
async def change_ticket(
    ticket_id: int, body: TicketPatch, actor: ActorDep, tickets: Tickets, if_match: IfMatch = None
) -> Response:
    """Change a ticket. Its requester may close and reopen it; staff may change all of it."""
    ticket = await tickets.change(ticket_id, body, expected_version(if_match), actor)
    return answer(TicketDocument.model_validate(ticket), headers={"ETag": etag(ticket.version)})
