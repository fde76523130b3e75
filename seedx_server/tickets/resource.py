"""Routes for tickets."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from seedx_server.infrastructure.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    PreconditionFailed,
)
from seedx_server.infrastructure.web.dependencies import (
    Cursor,
    IfMatch,
    Limit,
    SessionDep,
    etag,
    expected_version,
    json_response,
)
from seedx_server.infrastructure.web.idempotency import KEY_REUSED, IdempotencyDep
from seedx_server.infrastructure.web.openapi import problems
from seedx_server.tickets.core import (
    MOST_TAGS,
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
from seedx_server.tickets.service import TicketService, ticket_service
from seedx_server.users.actor import ActorDep, StaffDep
from seedx_server.users.core import LONGEST_EMAIL

router = APIRouter(prefix="/tickets", tags=["tickets"])


async def _service(session: SessionDep) -> TicketService:
    return ticket_service(session)


Tickets = Annotated[TicketService, Depends(_service)]


async def _filter(
    *,
    status: Annotated[list[Status], Query()] = [],  # noqa: B006  # FastAPI copies defaults
    assignee: Annotated[
        str | None,
        Query(
            max_length=LONGEST_EMAIL,
            description="A user's id, `me`, `none`, or for staff an e-mail address.",
        ),
    ] = None,
    requester: Annotated[
        str | None,
        Query(
            max_length=LONGEST_EMAIL,
            description="A user's id, `me`, or for staff an e-mail address.",
        ),
    ] = None,
    tag: Annotated[
        list[SearchText], Query(max_length=MOST_TAGS)
    ] = [],  # noqa: B006  # FastAPI copies defaults
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


@router.get("", response_model=TicketPage, responses=problems(InvalidInput))
async def list_tickets(
    actor: ActorDep,
    tickets: Tickets,
    wanted: Annotated[TicketFilter, Depends(_filter)],
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """List tickets, by default those with the newest activity first.

    Customers see their own tickets, staff see all.
    """
    page = await tickets.page(wanted, actor, limit, cursor)
    items = [TicketDocument.model_validate(ticket) for ticket in page.items]
    return json_response(TicketPage(items=items, next_cursor=page.next_cursor))


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    response_model=TicketDocument,
    responses=problems(InvalidInput, KEY_REUSED),
)
async def open_ticket(
    body: NewTicket,
    actor: ActorDep,
    tickets: Tickets,
    request: Request,
    idempotency: IdempotencyDep,
) -> Response:
    """Open a ticket."""
    if earlier := await idempotency.earlier_response(actor):
        return earlier
    ticket = await tickets.open(body, actor)
    path = request.app.url_path_for("get_ticket", ticket_id=ticket.id)
    headers = {"Location": request.scope.get("root_path", "") + path}
    document = TicketDocument.model_validate(ticket)
    return await idempotency.keep(json_response(document, HTTPStatus.CREATED, headers))


@router.post(
    "/claim",
    response_model=TicketDocument,
    responses={
        HTTPStatus.NO_CONTENT: {"description": "The queue is empty.", "model": None},
        **problems(Forbidden),
    },
)
async def claim_ticket(actor: StaffDep, tickets: Tickets) -> Response:
    """Assign the most urgent ticket in the queue to yourself. For staff."""
    ticket = await tickets.claim(actor)
    if ticket is None:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return json_response(
        TicketDocument.model_validate(ticket), headers={"ETag": etag(ticket.version)}
    )


@router.patch(
    "/{ticket_id}",
    response_model=TicketDocument,
    responses=problems(
        Forbidden, NotFound, (Conflict, "bad_transition"), PreconditionFailed, InvalidInput
    ),
)
async def change_ticket(
    ticket_id: int, body: TicketPatch, actor: ActorDep, tickets: Tickets, if_match: IfMatch = None
) -> Response:
    """Change a ticket. Its requester may close and reopen it; staff may change every field."""
    ticket = await tickets.change(ticket_id, body, expected_version(if_match), actor)
    return json_response(
        TicketDocument.model_validate(ticket), headers={"ETag": etag(ticket.version)}
    )
