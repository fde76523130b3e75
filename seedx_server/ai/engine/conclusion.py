"""How a run ends: its message, the ticket, the event and its own row, in one transaction."""

from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from seedx_server.ai.core import HandoffReason, Purpose, RunStatus, finished_data
from seedx_server.ai.engine.live import LiveRun
from seedx_server.ai.models import Run
from seedx_server.ai.repository import RunRepository
from seedx_server.infrastructure.database.events import EventLog, EventType
from seedx_server.messages.core import Citation
from seedx_server.messages.repository import MessageRepository
from seedx_server.messages.service import MessageService, message_service
from seedx_server.tickets.core import Status
from seedx_server.tickets.models import Ticket
from seedx_server.tickets.repository import TicketRepository


@dataclass(frozen=True, slots=True)
class Ending:
    """What a generation came to.

    Attributes:
        status: Done, failed or cancelled.
        finish_reason: Why the text ended.
        text: The whole text.
        citations: The articles the text rests on.
        handoff: Why a person has to go on, if one has to.
        error: For a failed run, what went wrong, in words for people.
        provider: Who answered.
        model: The model that answered.
        prompt_version: The version of the prompt's template.
        prompt_tokens: Tokens of the prompt, if known.
        completion_tokens: Tokens of the text, if known.
        cost: Their price, if the model has one in the settings.
        first_text_ms: Milliseconds from the claim to the first text.
    """

    status: RunStatus
    finish_reason: str
    text: str = ""
    citations: list[Citation] = field(default_factory=list)
    handoff: HandoffReason | None = None
    error: str | None = None
    provider: str | None = None
    model: str | None = None
    prompt_version: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: Decimal | None = None
    first_text_ms: int | None = None


class LeaseLost(Exception):
    """Another process owns the run now; nothing of the transaction may stay."""


class Conclusion:
    """Writes the end of a run; the session's transaction makes it one step.

    Args:
        runs: The runs.
        tickets: The tickets.
        messages: The messages.
        conversation: The rules by which a message is posted.
        events: The log of what happens.
    """

    def __init__(
        self,
        runs: RunRepository,
        tickets: TicketRepository,
        messages: MessageRepository,
        conversation: MessageService,
        events: EventLog,
    ) -> None:
        self._runs = runs
        self._tickets = tickets
        self._messages = messages
        self._conversation = conversation
        self._events = events

    async def write(self, run: Run, live: LiveRun, ending: Ending) -> None:
        """Write how the run ended.

        A reply is posted only if nothing newer happened to the ticket meanwhile; otherwise
        its text stays with the run, as a draft for staff.

        Raises:
            LeaseLost: Another process owns the run.
        """
        message_id = None
        if run.ticket_id is not None:
            ticket = await self._tickets.unscoped_lock(run.ticket_id)
            if ticket is None:
                raise LeaseLost(f"ticket {run.ticket_id} is gone")
            message_id = await self._post(run, ticket, ending)
        superseded = ending.status is RunStatus.DONE and _is_reply(run) and message_id is None
        stood = await self._runs.finish(
            live.rest(),
            status=ending.status,
            finish_reason="superseded" if superseded else ending.finish_reason,
            posted=message_id is not None,
            trigger_message_id=run.trigger_message_id,
            result_message_id=message_id,
            handoff=ending.handoff,
            error=ending.error,
            citations=[citation.model_dump(mode="json") for citation in ending.citations],
            provider=ending.provider or run.provider,
            model=ending.model or run.model,
            prompt_version=ending.prompt_version,
            prompt_tokens=ending.prompt_tokens,
            completion_tokens=ending.completion_tokens,
            cost=ending.cost,
            first_text_ms=ending.first_text_ms,
        )
        if not stood:
            raise LeaseLost(f"run {run.id} has another owner")
        if run.ticket_id is not None:
            await self._record(run, run.ticket_id, ending, message_id)

    async def _post(self, run: Run, ticket: Ticket, ending: Ending) -> int | None:
        if not _is_reply(run) or await self._is_overtaken(run, ticket):
            return None
        if ending.status is RunStatus.FAILED:
            await self._hand_to_staff(ticket)
        if ending.status is not RunStatus.DONE:
            return None
        message = await self._conversation.post_from_ai(
            ticket, ending.text, ending.citations, _status_after(ticket, ending)
        )
        return message.id

    async def _is_overtaken(self, run: Run, ticket: Ticket) -> bool:
        newest = await self._messages.unscoped_newest_public_id(ticket.id)
        return (
            ticket.status is Status.CLOSED
            or ticket.assignee_id != run.assignee_id
            or newest != run.trigger_message_id
        )

    async def _hand_to_staff(self, ticket: Ticket) -> None:
        if ticket.status is not Status.OPEN:
            await self._conversation.move(ticket, Status.OPEN, None)

    async def _record(
        self, run: Run, ticket_id: int, ending: Ending, message_id: int | None
    ) -> None:
        data = finished_data(run.id, run.purpose, ending.status, message_id, ending.handoff)
        await self._events.record(
            ticket_id, EventType.RUN_FINISHED, None, data, internal=not _is_reply(run)
        )


def conclusion(session: AsyncSession) -> Conclusion:
    """Return what writes the end of a run in this session's transaction."""
    return Conclusion(
        RunRepository(session),
        TicketRepository(session),
        MessageRepository(session),
        message_service(session),
        EventLog(session),
    )


def _is_reply(run: Run) -> bool:
    return run.purpose is Purpose.REPLY


def _status_after(ticket: Ticket, ending: Ending) -> Status:
    if ending.handoff is not None:
        return Status.OPEN
    return Status.PENDING if ticket.status is Status.OPEN else ticket.status
