"""Rules for requests about AI runs: who may start, join, see and stop one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from seedx_server.ai.core import Outcome, Purpose, Question, RunRequest, finished_data
from seedx_server.ai.models import Run
from seedx_server.ai.providers.protocol import Provider
from seedx_server.ai.repository import RunRepository
from seedx_server.infrastructure.access import Actor
from seedx_server.infrastructure.database.events import EventLog, EventType
from seedx_server.infrastructure.errors import Conflict, Forbidden, TooManyRequests, existing
from seedx_server.messages.repository import MessageRepository
from seedx_server.messages.service import refuse_closed
from seedx_server.tickets.models import Ticket
from seedx_server.tickets.repository import TicketRepository

TOKENS_RETRY_SECONDS = 3_600


@dataclass(frozen=True, slots=True)
class Quota:
    """The limits on AI runs, across all server processes.

    Attributes:
        runs_per_hour: Runs that one user may start in an hour.
        tokens_per_day: Tokens that the whole desk may use in a day.
    """

    runs_per_hour: int
    tokens_per_day: int


class AIService:
    """AI runs.

    Args:
        runs: The runs.
        tickets: The tickets.
        messages: The messages, to find the one that a run answers.
        events: The event log.
        providers: The chosen provider, then its fallbacks.
        quota: The limits.
    """

    def __init__(
        self,
        *,
        runs: RunRepository,
        tickets: TicketRepository,
        messages: MessageRepository,
        events: EventLog,
        providers: Sequence[Provider],
        quota: Quota,
    ) -> None:
        self._runs = runs
        self._tickets = tickets
        self._messages = messages
        self._events = events
        self._chosen = providers[0]
        self._quota = quota

    async def get(self, run_id: int, actor: Actor) -> Run:
        """Return a run.

        Raises:
            NotFound: This actor cannot see it.
        """
        return existing(await self._runs.get(run_id, actor=actor), f"AI run {run_id}")

    async def text(self, run: Run) -> str:
        """Return a run's text so far."""
        return await self._runs.text(run.id)

    async def start(self, ticket_id: int, wanted: RunRequest, actor: Actor) -> Run:
        """Start a run.

        Raises:
            NotFound: This actor cannot see the ticket.
            Forbidden: Only staff may request drafts and summaries, or instruct the AI.
            Conflict: `run_in_progress`, with the run's id; `ticket_closed`.
            TooManyRequests: A limit is used up.
        """
        ticket = await self._lock_ticket(ticket_id, actor)
        _refuse_beyond_customer(wanted, actor)
        live = await self._runs.live(ticket.id, wanted.purpose)
        if live is not None:
            raise Conflict(
                f"Run {live.id} is already working on this. Follow it: seedx ai {ticket.id}",
                code="run_in_progress",
                extra={"run_id": live.id},
            )
        return await self._begin(ticket, wanted, actor)

    async def ask(self, wanted: Question, actor: Actor) -> Run:
        """Start a run that answers a question without a ticket.

        Raises:
            TooManyRequests: A limit is used up.
        """
        await self._check_limits(actor)
        run = await self._runs.start(
            Run(
                requested_by=actor.id,
                purpose=Purpose.ASK,
                question=wanted.question,
                context=wanted.context,
                provider=self._chosen.name,
                model=self._chosen.model,
            )
        )
        if run is None:
            raise RuntimeError("a run without a ticket conflicted with another run")
        return run

    async def join_or_start(self, ticket_id: int, actor: Actor) -> Run:
        """Return the run that answers a ticket's newest public message.

        That is the reply in progress, or the run that wrote the newest message, or else a new run.

        Raises:
            NotFound: This actor cannot see the ticket.
            Conflict: `ticket_closed`.
            TooManyRequests: A limit is used up.
        """
        ticket = await self._lock_ticket(ticket_id, actor)
        run = await self._runs.live(ticket.id, Purpose.REPLY)
        if run is not None:
            return run
        newest = await self._messages.unscoped_newest_public_id(ticket.id)
        answered = await self._runs.of_message(newest) if newest is not None else None
        return answered or await self._begin(ticket, RunRequest(), actor)

    async def cancel(self, run_id: int, actor: Actor) -> Run:
        """Ask a run to stop. A run that has ended is left unchanged.

        Raises:
            NotFound: This actor cannot see it.
        """
        run = await self.get(run_id, actor)
        if run.ticket_id is None:
            await self._runs.request_cancel(run)
            return run
        await self._lock_ticket(run.ticket_id, actor)
        if await self._runs.request_cancel(run):
            await self._events.record(
                run.ticket_id,
                EventType.RUN_FINISHED,
                actor,
                finished_data(run.id, run.purpose, Outcome(run.status, "cancelled")),
                internal=run.purpose is not Purpose.REPLY,
            )
        return run

    async def _lock_ticket(self, ticket_id: int, actor: Actor) -> Ticket:
        return existing(await self._tickets.lock(ticket_id, actor=actor), f"ticket {ticket_id}")

    async def _begin(self, ticket: Ticket, wanted: RunRequest, actor: Actor) -> Run:
        if wanted.purpose is Purpose.REPLY:
            refuse_closed(ticket)
        await self._check_limits(actor)
        run = await self._runs.start(
            Run(
                ticket_id=ticket.id,
                requested_by=actor.id,
                purpose=wanted.purpose,
                instructions=wanted.instructions,
                trigger_message_id=await self._messages.unscoped_newest_public_id(ticket.id),
                assignee_id=ticket.assignee_id,
                provider=self._chosen.name,
                model=self._chosen.model,
            )
        )
        if run is None:
            raise Conflict("A run is already working on this.", code="run_in_progress")
        data: dict[str, JsonValue] = {"run_id": run.id, "purpose": run.purpose}
        await self._events.record(
            ticket.id,
            EventType.RUN_STARTED,
            actor,
            data,
            internal=run.purpose is not Purpose.REPLY,
        )
        return run

    async def _check_limits(self, actor: Actor) -> None:
        spending = await self._runs.spending(actor.id)
        if spending.runs >= self._quota.runs_per_hour and spending.wait is not None:
            raise TooManyRequests(
                f"You may have {self._quota.runs_per_hour} AI replies an hour. "
                "You can still reach a person through a ticket.",
                code="ai_limit_reached",
                retry_after=max(1, math.ceil(spending.wait.total_seconds())),
            )
        if spending.tokens >= self._quota.tokens_per_day:
            raise TooManyRequests(
                "The AI's budget for today is used up. "
                "You can still reach a person through a ticket.",
                code="ai_limit_reached",
                retry_after=TOKENS_RETRY_SECONDS,
            )


def _refuse_beyond_customer(wanted: RunRequest, actor: Actor) -> None:
    if actor.is_staff:
        return
    if wanted.purpose is not Purpose.REPLY:
        raise Forbidden("Drafts and summaries are for staff.")
    if wanted.instructions is not None:
        raise Forbidden("Only staff may instruct the AI; write a message instead.")
