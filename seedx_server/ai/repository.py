"""Queries over AI runs, for requests that start, stop and read them."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import (
    ColumnElement,
    Integer,
    Interval,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert

from seedx_server.ai.core import LIVE, Purpose, RunStatus
from seedx_server.ai.leases import QUEUE_TOPIC, RUN_TOPIC
from seedx_server.ai.models import Run, RunChunk
from seedx_server.infrastructure.access import Actor
from seedx_server.infrastructure.database.notify import notify
from seedx_server.infrastructure.database.repository import SqlRepository
from seedx_server.messages.models import Message
from seedx_server.tickets.models import Ticket

CANCEL_TOPIC = "cancel"
HOUR = timedelta(hours=1)
LIMIT_LOCK = 7_333_002
"""The first key of the advisory locks under which a user's runs are counted and started."""


@dataclass(frozen=True, slots=True)
class Spending:
    """The usage that counts against the limits of a user and of the desk.

    Attributes:
        runs: The user's runs of the last hour.
        wait: How long until the first of them no longer counts; None if there is none.
        tokens: The desk's tokens of the last day.
    """

    runs: int
    wait: timedelta | None
    tokens: int


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a run since a reader's offset.

    Attributes:
        status: The run's status.
        edition: How often the text was started.
        owner: The lease token of the process that wrote the text.
        text: The text from the reader's offset on.
        length: The length of the whole text in characters.
    """

    status: RunStatus
    edition: int
    owner: uuid.UUID | None
    text: str
    length: int


class RunRepository(SqlRepository[Run]):
    """Runs: who sees a ticket sees its replies, staff see drafts and summaries as well.

    The answer to a question without a ticket is only for the person who asked it.
    """

    model = Run

    def visible_to(self, actor: Actor) -> Select[Run]:
        """Return the query of all runs that this actor may see."""
        asked = and_(Run.purpose == Purpose.ASK, Run.requested_by == actor.id)
        if actor.is_staff:
            return select(Run).where(or_(Run.purpose != Purpose.ASK, asked))
        own_reply = and_(Run.purpose == Purpose.REPLY, Ticket.requester_id == actor.id)
        return (
            select(Run).outerjoin(Ticket, Ticket.id == Run.ticket_id).where(or_(own_reply, asked))
        )

    async def start(self, row: Run) -> Run | None:
        """Write a queued run, or return None if one of its purpose is live on the ticket."""
        statement = (
            insert(Run)
            .values(
                ticket_id=row.ticket_id,
                requested_by=row.requested_by,
                purpose=row.purpose,
                status=RunStatus.QUEUED,
                instructions=row.instructions,
                question=row.question,
                context=row.context,
                trigger_message_id=row.trigger_message_id,
                assignee_id=row.assignee_id,
                provider=row.provider,
                model=row.model,
            )
            .on_conflict_do_nothing()
            .returning(Run)
        )
        run = await self.session.scalar(statement)
        if run is not None:
            await notify(self.session, QUEUE_TOPIC)
        return run

    async def live(self, ticket_id: int, purpose: Purpose) -> Run | None:
        """Return the ticket's run of this purpose that is queued or running."""
        return await self.session.scalar(
            select(Run).where(
                Run.ticket_id == ticket_id, Run.purpose == purpose, Run.status.in_(LIVE)
            )
        )

    async def of_message(self, message_id: int) -> Run | None:
        """Return the run that wrote a message."""
        return await self.session.scalar(select(Run).where(Run.message_id == message_id))

    async def text(self, run_id: int) -> str:
        """Return a run's text so far."""
        progress = await self.unscoped_progress(run_id, 0)
        return progress.text if progress is not None else ""

    async def unscoped_progress(self, run_id: int, offset: int) -> Progress | None:
        """Return a run's progress for a reader who is known to be allowed to see it.

        One statement reads it all, so that edition and text belong together.

        Args:
            run_id: The run.
            offset: How many characters the reader has.
        """
        found = await self.session.execute(_PROGRESS, {"run_id": run_id, "offset": offset})
        row = found.one_or_none()
        return Progress(*row) if row is not None else None

    async def unscoped(self, run_id: int) -> Run | None:
        """Return a run for a reader who is known to be allowed to see it."""
        return await self.session.get(Run, run_id, populate_existing=True)

    async def request_cancel(self, run: Run) -> bool:
        """Cancel a queued run, or ask the process that owns it to stop.

        Returns:
            Whether that ended the run.
        """
        is_queued = Run.status == RunStatus.QUEUED
        # A run that was returned to the queue may have text.
        text = func.coalesce(_chunks_from(literal(0)), "")
        status = await self.session.scalar(
            update(Run)
            .where(Run.id == run.id, Run.status.in_(LIVE))
            .values(
                cancel_requested=True,
                status=case((is_queued, RunStatus.CANCELLED.value), else_=Run.status),
                finish_reason=case((is_queued, "cancelled")),
                finished_at=case((is_queued, func.now())),
                final_text=case((is_queued, text)),
            )
            .returning(Run.status)
            .execution_options(synchronize_session=False)
        )
        is_ended = status is RunStatus.CANCELLED
        if is_ended:
            await self.session.execute(delete(RunChunk).where(RunChunk.run_id == run.id))
        await notify(self.session, f"{CANCEL_TOPIC}:{run.id}", f"{RUN_TOPIC}:{run.id}")
        await self.session.refresh(run)
        return is_ended

    async def spending(self, user_id: int) -> Spending:
        """Return what is used of the limits; other requests of this user wait until the commit."""
        await self.session.execute(select(func.pg_advisory_xact_lock(LIMIT_LOCK, user_id)))
        # The clock, not now(): this transaction may have begun before the first of the runs.
        left = func.min(Run.created_at) + HOUR - func.clock_timestamp()
        runs, wait = (
            await self.session.execute(
                select(func.count(), type_coerce(left, Interval)).where(
                    Run.requested_by == user_id,
                    Run.created_at > func.now() - HOUR,
                )
            )
        ).one()
        used = func.coalesce(Run.prompt_tokens + Run.completion_tokens, Run.estimated_tokens)
        tokens = await self.session.scalar(
            select(func.coalesce(func.sum(used), 0)).where(
                Run.created_at > func.now() - timedelta(days=1)
            )
        )
        return Spending(runs, wait, int(tokens or 0))


def _chunks_from(offset: ColumnElement[int]) -> ColumnElement[str | None]:
    """Return the text of a live run from an offset on."""
    rest = func.substr(RunChunk.text, func.greatest(offset - RunChunk.offset, 0) + 1)
    return (
        select(func.string_agg(rest, aggregate_order_by(literal(""), RunChunk.offset)))
        .where(RunChunk.run_id == Run.id, _end_of_chunk() > offset)
        .scalar_subquery()
    )


def _end_of_chunk() -> ColumnElement[int]:
    return RunChunk.offset + func.length(RunChunk.text)


def _progress() -> Select[RunStatus, int, uuid.UUID | None, str, int]:
    offset = bindparam("offset", type_=Integer)
    posted = select(Message.content).where(Message.id == Run.message_id).scalar_subquery()
    final = func.coalesce(Run.final_text, posted)
    live_length = (
        select(func.max(_end_of_chunk())).where(RunChunk.run_id == Run.id).scalar_subquery()
    )
    return select(
        Run.status,
        Run.edition,
        Run.lease_token,
        func.coalesce(func.substr(final, offset + 1), _chunks_from(offset), ""),
        func.coalesce(func.length(final), live_length, 0),
    ).where(Run.id == bindparam("run_id"))


# Built once: readers of runs in other processes execute it many times a second.
_PROGRESS = _progress()
