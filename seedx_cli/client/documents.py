"""The documents of the HTTP API, as the server sends them.

They are plain dictionaries, so that ``--json`` shows what the server said, with fields of a newer
server kept. Times are RFC 3339 in UTC.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

Role = Literal["customer", "agent", "admin"]
Status = Literal["open", "pending", "on_hold", "resolved", "closed"]
Priority = Literal["low", "normal", "high", "urgent"]
Purpose = Literal["reply", "draft", "summary"]
RunPurpose = Literal["reply", "draft", "summary", "ask"]


class User(TypedDict):
    """An account."""

    id: int
    name: str
    email: str
    role: Role
    created_at: str
    disabled: NotRequired[bool]


class StaffMember(TypedDict):
    """Somebody whom a ticket can be assigned to."""

    id: int
    name: str
    email: str
    role: Role


class StaffList(TypedDict):
    """The people whom a ticket can be assigned to."""

    items: list[StaffMember]


class Login(TypedDict):
    """The answer to a sign-in or a refresh; `expires_in` is in seconds."""

    access_token: str
    token_type: str
    expires_in: float
    refresh_token: str
    user: User


class Person(TypedDict):
    """A person as a ticket or a message names them."""

    id: int
    name: str
    role: NotRequired[Role]


class Citation(TypedDict, total=False):
    """An article that an AI reply is based on; `number` is how the text refers to it."""

    number: int
    slug: str
    title: str
    heading: str
    url: str


class Message(TypedDict):
    """One entry of a ticket's conversation."""

    id: int
    ticket_id: int
    author: Person | None
    content: str
    is_ai: bool
    internal: bool
    citations: list[Citation]
    created_at: str


class Ticket(TypedDict):
    """One problem. Only a single ticket that was asked for has `messages`."""

    id: int
    title: str
    description: str
    status: Status
    priority: Priority
    tags: list[str]
    requester: Person
    assignee: Person | None
    created_at: str
    updated_at: str
    version: int
    messages: NotRequired[list[Message]]
    messages_next_cursor: NotRequired[str | None]


class TicketPage(TypedDict):
    """A page of tickets; `next_cursor` is None on the last one."""

    items: list[Ticket]
    next_cursor: str | None


class MessagePage(TypedDict):
    """A page of messages, oldest first."""

    items: list[Message]
    next_cursor: str | None


class Run(TypedDict):
    """One AI generation for a ticket, or without one for a question."""

    id: int
    ticket_id: int | None
    purpose: RunPurpose
    status: str
    provider: str | None
    model: str | None
    finish_reason: str | None
    handoff: str | None
    error: str | None
    message_id: int | None
    text: str
    citations: list[Citation]


class Article(TypedDict):
    """An article of the knowledge base; lists leave `content` out, searches add a snippet."""

    slug: str
    title: str
    content: NotRequired[str]
    tags: list[str]
    version: int
    created_at: str
    updated_at: str
    url: NotRequired[str]
    snippet: NotRequired[str]
    heading: NotRequired[str]


class ArticlePage(TypedDict):
    """A page of articles."""

    items: list[Article]
    next_cursor: NotRequired[str | None]


class UserPage(TypedDict):
    """A page of accounts."""

    items: list[User]
    next_cursor: NotRequired[str | None]


class TicketChanges(TypedDict, total=False):
    """Changes to a ticket; fields that are left out are not changed."""

    status: Status
    priority: Priority
    tags: list[str]
    title: str
    assignee_id: int | None
