"""Words and documents of AI runs: pure."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field, JsonValue

from seedx_server.infrastructure.events import EventType
from seedx_server.messages.core import Author, Citation


class Purpose(StrEnum):
    """What a run's text is for. Draft and summary are for staff's eyes only."""

    REPLY = "reply"
    DRAFT = "draft"
    SUMMARY = "summary"


class RunStatus(StrEnum):
    """Where a run is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


LIVE = frozenset({RunStatus.QUEUED, RunStatus.RUNNING})


class HandoffReason(StrEnum):
    """Why a run left the answer to a person."""

    CUSTOMER_REQUEST = "customer_request"
    MISSING_KNOWLEDGE = "missing_knowledge"
    POLICY = "policy"
    PROVIDER_FAILURE = "provider_failure"
    LIMIT = "limit"


class RunRequest(BaseModel):
    """What starts a run by hand."""

    purpose: Purpose = Purpose.REPLY
    instructions: str | None = Field(default=None, max_length=4_000)


class Usage(BaseModel):
    """Tokens of one generation, as the provider counted them."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class RunDocument(BaseModel):
    """A run as the API shows it."""

    id: int
    ticket_id: int
    purpose: Purpose
    status: RunStatus
    provider: str | None
    model: str | None
    prompt_version: str | None
    finish_reason: str | None
    handoff: HandoffReason | None
    posted: bool
    error: str | None
    message_id: int | None
    text: str
    citations: list[Citation]
    usage: Usage
    cost: float | None
    first_text_ms: int | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class EventDocument(BaseModel):
    """One thing that happened to a ticket, as its event stream shows it."""

    id: int
    ticket_id: int
    type: EventType
    actor: Author | None
    data: dict[str, JsonValue]
    created_at: datetime
