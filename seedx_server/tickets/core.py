"""Enumerations and schemas of tickets: pure."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from seedx_server.infrastructure.schemas import StrictBody
from seedx_server.infrastructure.text import distinct, label, plain, storable

MOST_TAGS = 20


class Status(StrEnum):
    """Whose turn it is on a ticket."""

    OPEN = "open"
    PENDING = "pending"
    ON_HOLD = "on_hold"
    RESOLVED = "resolved"
    CLOSED = "closed"


class Priority(StrEnum):
    """The urgency of a ticket, from lowest to highest."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class Sort(StrEnum):
    """The possible orders of a list of tickets."""

    UPDATED = "updated"
    CREATED = "created"
    PRIORITY = "priority"


MOVES: Mapping[Status, frozenset[Status]] = MappingProxyType(
    {
        Status.OPEN: frozenset({Status.PENDING, Status.ON_HOLD, Status.RESOLVED, Status.CLOSED}),
        Status.PENDING: frozenset({Status.OPEN, Status.ON_HOLD, Status.RESOLVED, Status.CLOSED}),
        Status.ON_HOLD: frozenset({Status.OPEN, Status.PENDING, Status.RESOLVED, Status.CLOSED}),
        Status.RESOLVED: frozenset({Status.OPEN, Status.CLOSED}),
        Status.CLOSED: frozenset({Status.OPEN}),
    }
)
"""The statuses that a ticket may change to, by its current status."""

REQUESTER_MOVES = frozenset({Status.OPEN, Status.CLOSED})
"""The statuses that a requester may set: they may reopen or close their ticket."""

REOPENED_BY_CUSTOMER = frozenset({Status.PENDING, Status.ON_HOLD, Status.RESOLVED})
"""The statuses that a customer's message changes to open."""


Title = Annotated[str, StringConstraints(max_length=200), AfterValidator(plain)]
Description = Annotated[str, StringConstraints(max_length=50_000), AfterValidator(plain)]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, max_length=50), AfterValidator(label)]
SearchText = Annotated[str, StringConstraints(max_length=1_000), AfterValidator(storable)]
Tags = Annotated[list[Tag], Field(max_length=MOST_TAGS), AfterValidator(distinct)]


class NewTicket(BaseModel):
    """Request body for opening a ticket."""

    title: Title
    description: Description
    priority: Priority = Priority.NORMAL
    tags: Tags = []


class TicketPatch(StrictBody):
    """Request body for changing a ticket; absent fields keep their values."""

    status: Status | None = None
    priority: Priority | None = None
    tags: Tags | None = None
    title: Title | None = None
    assignee_id: Annotated[int, Field(strict=True)] | None = Field(
        default=None, description="null removes the assignee."
    )


class TicketFilter(BaseModel):
    """The filter and the order of a list of tickets."""

    status: list[Status] = []
    assignee: str | None = None
    requester: str | None = None
    tag: list[str] = []
    priority: list[Priority] = []
    q: str | None = None
    sort: Sort = Sort.UPDATED


class Person(BaseModel):
    """A person named on a ticket."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str


class TicketDocument(BaseModel):
    """A ticket as the API shows it."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    title: str
    description: str
    status: Status
    priority: Priority
    tags: list[str]
    requester: Person
    assignee: Person | None
    created_at: datetime
    updated_at: datetime
    version: int


class TicketPage(BaseModel):
    """A page of tickets."""

    items: list[TicketDocument]
    next_cursor: str | None = Field(
        description="Where the next page starts; null on the last page."
    )
