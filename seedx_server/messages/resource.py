"""Routes of conversations."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from seedx_server.infrastructure.database.events import EventLog
from seedx_server.infrastructure.web.dependencies import (
    Cursor,
    Limit,
    RepeatableDep,
    SessionDep,
    answer,
    etag,
)
from seedx_server.messages.core import (
    ConversationDocument,
    MessageDocument,
    MessagePage,
    NewFeedback,
    NewMessage,
)
from seedx_server.messages.repository import MessageRepository
from seedx_server.messages.service import MessageService
from seedx_server.tickets.core import TicketDocument
from seedx_server.tickets.repository import TicketRepository
from seedx_server.tickets.resource import ticket_service
from seedx_server.users.actor import ActorDep

router = APIRouter(tags=["messages"])


def message_service(session: SessionDep) -> MessageService:
    """Return the service for one request."""
    return MessageService(
        MessageRepository(session),
        ticket_service(session),
        TicketRepository(session),
        EventLog(session),
    )


Messages = Annotated[MessageService, Depends(message_service)]


@router.get("/tickets/{ticket_id}", response_model=ConversationDocument)
async def get_ticket(ticket_id: int, actor: ActorDep, messages: Messages) -> Response:
    """Return a ticket with its first hundred messages, oldest first."""
    conversation = await messages.conversation(ticket_id, actor)
    ticket = TicketDocument.model_validate(conversation.ticket)
    document = ConversationDocument(
        **dict(ticket),
        messages=[MessageDocument.model_validate(row) for row in conversation.messages.items],
        messages_next_cursor=conversation.messages.next_cursor,
    )
    return answer(document, headers={"ETag": etag(ticket.version)})


@router.get("/tickets/{ticket_id}/messages", response_model=MessagePage)
async def list_messages(
    ticket_id: int, actor: ActorDep, messages: Messages, limit: Limit = 20, cursor: Cursor = None
) -> Response:
    """Return a page of a ticket's messages, oldest first."""
    page = await messages.list(ticket_id, actor, limit, cursor)
    items = [MessageDocument.model_validate(row) for row in page.items]
    return answer(MessagePage(items=items, next_cursor=page.next_cursor))


@router.post(
    "/tickets/{ticket_id}/messages",
    status_code=HTTPStatus.CREATED,
    response_model=MessageDocument,
)
async def post_message(
    ticket_id: int, body: NewMessage, actor: ActorDep, messages: Messages, once: RepeatableDep
) -> Response:
    """Add a message to a ticket; `internal` makes it a note that only staff see."""

    async def action() -> tuple[BaseModel, None]:
        return MessageDocument.model_validate(await messages.post(ticket_id, body, actor)), None

    return await once(actor, HTTPStatus.CREATED, action)


@router.post("/messages/{message_id}/feedback", status_code=HTTPStatus.NO_CONTENT)
async def rate_message(
    message_id: int, body: NewFeedback, actor: ActorDep, messages: Messages
) -> None:
    """Say whether a message of the AI helped."""
    await messages.rate(message_id, body, actor)
