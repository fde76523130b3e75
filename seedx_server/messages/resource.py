"""Routes for conversations."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from seedx_server.infrastructure.errors import Conflict, Forbidden, InvalidInput, NotFound
from seedx_server.infrastructure.web.dependencies import (
    Cursor,
    Limit,
    SessionDep,
    etag,
    json_response,
)
from seedx_server.infrastructure.web.idempotency import KEY_REUSED, IdempotencyDep
from seedx_server.infrastructure.web.openapi import problems
from seedx_server.messages.core import (
    Author,
    ConversationDocument,
    MessageDocument,
    MessagePage,
    NewFeedback,
    NewMessage,
)
from seedx_server.messages.models import Message
from seedx_server.messages.service import TICKET_CLOSED, MessageService, message_service
from seedx_server.tickets.core import TicketDocument
from seedx_server.users.actor import ActorDep

router = APIRouter(tags=["messages"])


async def _service(session: SessionDep) -> MessageService:
    return message_service(session)


Messages = Annotated[MessageService, Depends(_service)]


@router.get(
    "/tickets/{ticket_id}",
    response_model=ConversationDocument,
    responses=problems(NotFound, InvalidInput),
)
async def get_ticket(ticket_id: int, actor: ActorDep, messages: Messages) -> Response:
    """Show a ticket with its first 100 messages, oldest first."""
    conversation = await messages.conversation(ticket_id, actor)
    ticket = TicketDocument.model_validate(conversation.ticket)
    document = ConversationDocument(
        **dict(ticket),
        messages=[MessageDocument.model_validate(row) for row in conversation.messages.items],
        messages_next_cursor=conversation.messages.next_cursor,
    )
    return json_response(document, headers={"ETag": etag(ticket.version)})


@router.get(
    "/tickets/{ticket_id}/messages",
    response_model=MessagePage,
    responses=problems(NotFound, InvalidInput),
)
async def list_messages(
    ticket_id: int, actor: ActorDep, messages: Messages, limit: Limit = 20, cursor: Cursor = None
) -> Response:
    """List a ticket's messages, oldest first."""
    page = await messages.page(ticket_id, actor, limit, cursor)
    items = [MessageDocument.model_validate(row) for row in page.items]
    return json_response(MessagePage(items=items, next_cursor=page.next_cursor))


@router.post(
    "/tickets/{ticket_id}/messages",
    status_code=HTTPStatus.CREATED,
    response_model=MessageDocument,
    responses=problems(Forbidden, NotFound, TICKET_CLOSED, InvalidInput, KEY_REUSED),
)
async def post_message(
    ticket_id: int,
    body: NewMessage,
    actor: ActorDep,
    messages: Messages,
    idempotency: IdempotencyDep,
) -> Response:
    """Add a message to a ticket. `internal` makes it a note that only staff see."""
    if earlier := await idempotency.earlier_response(actor):
        return earlier
    message = await messages.post(ticket_id, body, actor)
    author = Author(id=actor.id, name=actor.name, role=actor.role)
    return await idempotency.keep(json_response(_document(message, author), HTTPStatus.CREATED))


@router.post(
    "/messages/{message_id}/feedback",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(NotFound, (Conflict, "not_ai"), InvalidInput),
)
async def rate_message(
    message_id: int, body: NewFeedback, actor: ActorDep, messages: Messages
) -> None:
    """Rate an AI message; the latest rating counts."""
    await messages.rate(message_id, body, actor)


def _document(message: Message, author: Author) -> MessageDocument:
    return MessageDocument(
        id=message.id,
        ticket_id=message.ticket_id,
        author=author,
        content=message.content,
        is_ai=message.is_ai,
        internal=message.internal,
        citations=[],
        created_at=message.created_at,
    )
