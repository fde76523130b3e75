"""Enumerations and schemas of messages: pure."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from seedx_server.infrastructure.access import Role
from seedx_server.infrastructure.text import plain
from seedx_server.tickets.core import TicketDocument

LONGEST_MESSAGE = 50_000

Body = Annotated[str, StringConstraints(max_length=LONGEST_MESSAGE), AfterValidator(plain)]
Reason = Annotated[str, StringConstraints(max_length=2_000), AfterValidator(plain)]


class Rating(StrEnum):
    """A verdict on whether an AI message helped."""

    UP = "up"
    DOWN = "down"


class Citation(BaseModel):
    """An article that an AI answer is based on.

    Attributes:
        number: Its number in the text, such as 1 for `[1]`.
        slug: The article's slug.
        title: The article's title.
        heading: The heading of the passage, or "".
        url: The article's path in the API.
    """

    number: int
    slug: str
    title: str
    heading: str
    url: str


class Author(BaseModel):
    """The person who wrote a message."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    role: Role


class NewMessage(BaseModel):
    """Request body for adding a message."""

    content: Body
    internal: bool = False


class NewFeedback(BaseModel):
    """Request body for rating an AI message."""

    rating: Rating
    reason: Reason | None = None


class MessageDocument(BaseModel):
    """A message as the API shows it. The AI's messages have no author."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    ticket_id: int
    author: Author | None
    content: str
    is_ai: bool
    internal: bool
    citations: list[Citation]
    created_at: datetime


class MessagePage(BaseModel):
    """A page of a conversation, oldest first."""

    items: list[MessageDocument]
    next_cursor: str | None = Field(
        description="Where the next page starts; null on the last page."
    )


class ConversationDocument(TicketDocument):
    """A ticket with the first page of its messages."""

    messages: list[MessageDocument]
    messages_next_cursor: str | None
