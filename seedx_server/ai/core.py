"""Words and documents of AI runs: pure."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, JsonValue

from seedx_server.infrastructure.database.events import EventType
from seedx_server.infrastructure.text import plain
from seedx_server.messages.core import Author, Citation


class Purpose(StrEnum):
    """What a run's text is for.

    A reply is posted on its ticket; draft and summary are for staff's eyes only; an answer to
    a question that has no ticket is for who asked.
    """

    REPLY = "reply"
    DRAFT = "draft"
    SUMMARY = "summary"
    ASK = "ask"


TO_CUSTOMERS = frozenset({Purpose.REPLY, Purpose.ASK})
"""The purposes whose text a customer reads; notes are never in their prompts."""


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
    """What starts a run on a ticket by hand."""

    purpose: Literal[Purpose.REPLY, Purpose.DRAFT, Purpose.SUMMARY] = Purpose.REPLY
    instructions: Annotated[str, Field(max_length=4_000), AfterValidator(plain)] | None = None


class Question(BaseModel):
    """A question that has no ticket (yet), and what it is about."""

    question: Annotated[str, Field(max_length=2_000), AfterValidator(plain)]
    context: Annotated[str, Field(max_length=50_000), AfterValidator(plain)] | None = Field(
        default=None, description="Such as the output of a command."
    )


class Usage(BaseModel):
    """Tokens of one generation, as the provider counted them."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class RunDocument(BaseModel):
    """A run as the API shows it."""

    id: int
    ticket_id: int | None
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


def finished_data(
    run_id: int,
    purpose: Purpose,
    status: RunStatus,
    message_id: int | None = None,
    handoff: HandoffReason | None = None,
) -> dict[str, JsonValue]:
    """Return what the event `run.finished` tells of a run."""
    return {
        "run_id": run_id,
        "purpose": purpose,
        "status": status,
        "message_id": message_id,
        "handoff": handoff,
    }
