"""Ends a run: writes its message, ticket, event and own row in one transaction."""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession

from seedx_server.ai.core import Outcome, Purpose, RunStatus, finished_data
from seedx_server.ai.engine.live import LiveRun
from seedx_server.ai.leases import RunLeases
from seedx_server.ai.models import Run
from seedx_server.infrastructure.database.events import EventLog, EventType
from seedx_server.messages.repository import MessageRepository
from seedx_server.messages.service import MessageService, message_service
from seedx_server.tickets.core import Status
from seedx_server.tickets.models import Ticket
from seedx_server.tickets.repository import TicketRepository


class LeaseLost(Exception):
    """Another process owns the run now; the transaction must be rolled back."""


class Conclusion:
    """Writes the end of a run, all in the session's transaction.

    Args:
        runs: The runs.
        tickets: The tickets.
        messages: The messages.
        poster: Posts the reply, by the rules of conversations.
        events: The event log.
    """

    def __init__(
        self,
        runs: RunLeases,
        tickets: TicketRepository,
        messages: MessageRepository,
        poster: MessageService,
        events: EventLog,
    ) -> None:
        self._runs = runs
        self._tickets = tickets
        self._messages = messages
        self._poster = poster
        self._events = events

    async def write(self, run: Run, live: LiveRun, outcome: Outcome) -> Outcome:
        """Write how the run ended.

        A reply is posted only if nothing newer has happened to the ticket; otherwise its text
        stays with the run, as a draft for staff.

        Returns:
            The outcome as it was written.

        Raises:
            LeaseLost: Another process owns the run.
        """
        outcome = replace(
            outcome,
            provider=outcome.provider or run.provider,
            model=outcome.model or run.model,
        )
        if run.ticket_id is not None:
            ticket = await self._tickets.unscoped_lock(run.ticket_id)
            if ticket is None:
                raise LeaseLost(f"ticket {run.ticket_id} is gone")
            if _is_reply(run):
                outcome = await self._apply_reply(run, ticket, live, outcome)
        if not await self._runs.finish(live.last_flush(), outcome, live.answered_message_id):
            raise LeaseLost(f"run {run.id} has another owner")
        if run.ticket_id is not None:
            await self._record(run, run.ticket_id, outcome)
        return outcome

    async def _apply_reply(
        self, run: Run, ticket: Ticket, live: LiveRun, outcome: Outcome
    ) -> Outcome:
        """Post the reply, or hand the ticket to staff; return the outcome as it is then."""
        is_overtaken = await self._is_overtaken(run, ticket, live.answered_message_id)
        match outcome.status:
            case RunStatus.DONE if is_overtaken:
                return replace(outcome, finish_reason="superseded")
            case RunStatus.DONE:
                message = await self._poster.post_from_ai(
                    ticket, live.text, outcome.citations, _status_after(ticket, outcome)
                )
                return replace(outcome, posted=True, message_id=message.id)
            case RunStatus.FAILED if not is_overtaken:
                await self._hand_to_staff(ticket)
        return outcome

    async def _is_overtaken(self, run: Run, ticket: Ticket, answered: int | None) -> bool:
        newest = await self._messages.unscoped_newest_public_id(ticket.id)
        return (
            ticket.status is Status.CLOSED
            or ticket.assignee_id != run.assignee_id
            or newest != answered
        )

    async def _hand_to_staff(self, ticket: Ticket) -> None:
        if ticket.status is not Status.OPEN:
            await self._poster.move(ticket, Status.OPEN, None)

    async def _record(self, run: Run, ticket_id: int, outcome: Outcome) -> None:
        data = finished_data(run.id, run.purpose, outcome)
        await self._events.record(
            ticket_id, EventType.RUN_FINISHED, None, data, internal=not _is_reply(run)
        )


def conclusion(session: AsyncSession) -> Conclusion:
    """Return a `Conclusion` that works in this session's transaction."""
    return Conclusion(
        RunLeases(session),
        TicketRepository(session),
        MessageRepository(session),
        message_service(session),
        EventLog(session),
    )


def _is_reply(run: Run) -> bool:
    return run.purpose is Purpose.REPLY


def _status_after(ticket: Ticket, outcome: Outcome) -> Status:
    if outcome.handoff is not None:
        return Status.OPEN
    return Status.PENDING if ticket.status is Status.OPEN else ticket.status
