"""Enumerations and schemas of AI runs: pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

from seedx_server.infrastructure.database.events import EventType
from seedx_server.infrastructure.text import plain
from seedx_server.messages.core import Author, Citation


class Purpose(StrEnum):
    """The purpose of a run's text.

    A reply is posted on its ticket; drafts and summaries are for staff only; the answer to a
    question that has no ticket is only for the person who asked it.
    """

    REPLY = "reply"
    DRAFT = "draft"
    SUMMARY = "summary"
    ASK = "ask"


TO_CUSTOMERS = frozenset({Purpose.REPLY, Purpose.ASK})
"""The purposes whose text a customer reads; notes are never in their prompts."""


class RunStatus(StrEnum):
    """The status of a run."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


LIVE = frozenset({RunStatus.QUEUED, RunStatus.RUNNING})


class HandoffReason(StrEnum):
    """Why a run hands off to a person."""

    CUSTOMER_REQUEST = "customer_request"
    MISSING_KNOWLEDGE = "missing_knowledge"
    POLICY = "policy"
    PROVIDER_FAILURE = "provider_failure"
    LIMIT = "limit"


class RunRequest(BaseModel):
    """Request body for starting a run on a ticket."""

    purpose: Literal[Purpose.REPLY, Purpose.DRAFT, Purpose.SUMMARY] = Purpose.REPLY
    instructions: Annotated[str, Field(max_length=4_000), AfterValidator(plain)] | None = None


class Question(BaseModel):
    """Request body for a question that has no ticket."""

    question: Annotated[str, Field(max_length=2_000), AfterValidator(plain)]
    context: Annotated[str, Field(max_length=50_000), AfterValidator(plain)] | None = Field(
        default=None, description="Context for the question, such as the output of a command."
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a run: what the provider reported, what was kept and what was posted.

    Each attribute has the name of its column in `Run`. To record another fact about runs, add it
    here, to `Run` with a migration, and to `OutcomeDocument`.

    Attributes:
        status: Done, failed or cancelled.
        finish_reason: Why the text ended: `stop`, `length` (cut, by the model or by a limit),
            `superseded`, `cancelled`, `error`, or the provider's own reason.
        handoff: Why a person must take over; None if nobody needs to.
        posted: Whether the text was posted on the ticket.
        message_id: The id of the message that it was posted as.
        citations: The passages that the text cites, in order of first use.
        provider: The name of the provider that answered.
        model: The name of the model that answered.
        prompt_version: The version of the prompt's template.
        prompt_tokens: Tokens of the prompt, if the provider counted them. It counts at its end,
            so a text that SeedX cut before has no counts; quotas then use the run's estimate.
        completion_tokens: Tokens of the text, if the provider counted them.
        cost: Their price, if the model has one in the settings.
        first_text_ms: Milliseconds from the claim to the first text.
        error: For a failed run, a message for people about what went wrong.
    """

    status: RunStatus
    finish_reason: str
    handoff: HandoffReason | None = None
    posted: bool = False
    message_id: int | None = None
    citations: Sequence[Citation] = ()
    provider: str | None = None
    model: str | None = None
    prompt_version: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: Decimal | None = None
    first_text_ms: int | None = None
    error: str | None = None


class Usage(BaseModel):
    """Tokens of one generation, as the provider counted them."""

    model_config = ConfigDict(from_attributes=True)

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class OutcomeDocument(BaseModel):
    """The outcome of a run, as the event `done` reports it."""

    model_config = ConfigDict(from_attributes=True)

    message_id: int | None
    finish_reason: str | None
    handoff: HandoffReason | None
    posted: bool
    citations: list[Citation]
    usage: Usage
    provider: str | None
    model: str | None


class _RunIdentity(BaseModel):
    """The fields that a run's document begins with."""

    id: int
    ticket_id: int | None
    purpose: Purpose
    status: RunStatus


class RunDocument(OutcomeDocument, _RunIdentity):
    """A run as the API shows it."""

    text: str = ""
    prompt_version: str | None
    error: str | None
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


def finished_data(run_id: int, purpose: Purpose, outcome: Outcome) -> dict[str, JsonValue]:
    """Return the data of the event `run.finished`."""
    return {
        "run_id": run_id,
        "purpose": purpose,
        "status": outcome.status,
        "message_id": outcome.message_id,
        "handoff": outcome.handoff,
    }
