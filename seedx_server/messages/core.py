"""Documents of messages: pure."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from seedx_server.infrastructure.access import Role
from seedx_server.infrastructure.text import PlainText

Body = Annotated[PlainText, StringConstraints(min_length=1, max_length=50_000)]


class Citation(BaseModel):
    """An article that an AI answer rests on.

    Attributes:
        number: What the text calls it, as in `[1]`.
        slug: The article's slug.
        title: The article's title.
        heading: The heading of the passage, or "".
        url: Where the API has the article.
    """

    number: int
    slug: str
    title: str
    heading: str
    url: str


class Author(BaseModel):
    """The person who wrote a message."""

    id: int
    name: str
    role: Role


class NewMessage(BaseModel):
    """What a person adds to a conversation."""

    content: Body
    internal: bool = False


class MessageDocument(BaseModel):
    """A message as the API shows it. The AI's messages have no author."""

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
    next_cursor: str | None = Field(description="Where the next page begins; null on the last.")
