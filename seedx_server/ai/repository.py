"""Queries over AI runs: what requests read and start, what runners claim and write."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import (
    ColumnElement,
    Integer,
    Interval,
    Select,
    Uuid,
    and_,
    bindparam,
    case,
    column,
    delete,
    func,
    literal,
    or_,
    select,
    type_coerce,
    update,
    values,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert
from sqlalchemy.orm import InstrumentedAttribute

from seedx_server.ai.core import LIVE, Purpose, RunStatus
from seedx_server.ai.models import Run, RunChunk
from seedx_server.infrastructure.access import Actor
from seedx_server.infrastructure.database.notify import notify
from seedx_server.infrastructure.database.repository import SqlRepository
from seedx_server.tickets.models import Ticket

QUEUE_TOPIC = "runs"
RUN_TOPIC = "run"
CANCEL_TOPIC = "cancel"
HOUR = timedelta(hours=1)
LIMIT_LOCK = 7_333_002
"""The first key of the advisory locks that keep counting and starting of runs together."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one process to write a run.

    Attributes:
        run_id: The run.
        token: What the run's row must still hold for the right to stand.
    """

    run_id: int
    token: uuid.UUID


@dataclass(frozen=True, slots=True)
class Flush:
    """What a runner has to write of one run.

    Attributes:
        lease: The runner's right to write.
        edition: Which beginning of the text this is.
        voids: Whether the text in the database belongs to an earlier beginning.
        offset: Where the new text begins, in characters.
        text: The new text, "" if there is none.
    """

    lease: Lease
    edition: int
    voids: bool
    offset: int
    text: str


@dataclass(frozen=True, slots=True)
class Spending:
    """What a user and the desk have used of their limits.

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
    """How far a run has come, for one of its readers.

    Attributes:
        status: Where it is in its life.
        edition: Which beginning of the text this is.
        owner: The lease token of the process whose text this is.
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

    The answer to a question without a ticket is for nobody but who asked.
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
        return await self.session.scalar(select(Run).where(Run.result_message_id == message_id))

    async def text(self, run_id: int) -> str:
        """Return a run's text so far."""
        text = await self.session.scalar(
            select(_joined(RunChunk.text)).where(RunChunk.run_id == run_id)
        )
        return text or ""

    async def unscoped_progress(self, run_id: int, offset: int) -> Progress | None:
        """Return what a reader whose right to see the run was checked before has to know.

        It is one statement, so that edition and text are of one moment.

        Args:
            run_id: The run.
            offset: How many characters the reader has.
        """
        found = await self.session.execute(_PROGRESS, {"run_id": run_id, "offset": offset})
        row = found.one_or_none()
        return Progress(*row) if row is not None else None

    async def unscoped(self, run_id: int) -> Run | None:
        """Return a run for a reader whose right to see it was checked before."""
        return await self.session.get(Run, run_id, populate_existing=True)

    async def request_cancel(self, run: Run) -> bool:
        """Cancel a queued run, or ask the process that has it to stop.

        Returns:
            Whether that ended the run.
        """
        is_queued = Run.status == RunStatus.QUEUED
        status = await self.session.scalar(
            update(Run)
            .where(Run.id == run.id, Run.status.in_(LIVE))
            .values(
                cancel_requested=True,
                status=case((is_queued, RunStatus.CANCELLED.value), else_=Run.status),
                finish_reason=case((is_queued, "cancelled")),
                finished_at=case((is_queued, func.now())),
            )
            .returning(Run.status)
            .execution_options(synchronize_session=False)
        )
        await notify(self.session, f"{CANCEL_TOPIC}:{run.id}", f"{RUN_TOPIC}:{run.id}")
        await self.session.refresh(run)
        return status is RunStatus.CANCELLED

    async def spending(self, user_id: int) -> Spending:
        """Return what is used of the limits, and hold others of this user back until commit."""
        await self.session.execute(select(func.pg_advisory_xact_lock(LIMIT_LOCK, user_id)))
        # By the clock: this transaction may have begun before the first of the runs did.
        left = func.min(Run.created_at) + HOUR - func.clock_timestamp()
        runs, wait = (
            await self.session.execute(
                select(func.count(), type_coerce(left, Interval)).where(
                    Run.requested_by == user_id,
                    Run.created_at > func.now() - HOUR,
                )
            )
        ).one()
        tokens = await self.session.scalar(
            select(
                func.coalesce(
                    func.sum(
                        func.coalesce(Run.prompt_tokens, 0)
                        + func.coalesce(Run.completion_tokens, 0)
                    ),
                    0,
                )
            ).where(Run.created_at > func.now() - timedelta(days=1))
        )
        return Spending(runs, wait, int(tokens or 0))

    async def claim(self, lease: timedelta, besides: Collection[int]) -> Run | None:
        """Take on the oldest run that is queued or whose owner's lease ran out.

        Text that an earlier owner wrote is void: it is deleted and the edition rises.

        Args:
            lease: How long the run is this process's own unless it is extended.
            besides: The runs that this process works on. If nobody took one of them over
                while the database was away, its lease is simply extended again.
        """
        waiting = (
            select(Run.id)
            .where(
                Run.id.not_in(besides),
                or_(
                    Run.status == RunStatus.QUEUED,
                    and_(Run.status == RunStatus.RUNNING, Run.lease_until < func.now()),
                ),
            )
            .order_by(Run.id)
            .limit(1)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        run = await self.session.scalar(
            update(Run)
            .where(Run.id == waiting)
            .values(
                status=RunStatus.RUNNING,
                attempts=Run.attempts + 1,
                edition=Run.edition + 1,
                lease_token=uuid.uuid4(),
                lease_until=func.now() + lease,
                started_at=func.coalesce(Run.started_at, func.now()),
            )
            .returning(Run)
            .execution_options(synchronize_session=False, populate_existing=True)
        )
        if run is not None and run.edition > 1:
            await self.session.execute(delete(RunChunk).where(RunChunk.run_id == run.id))
            await notify(self.session, f"{RUN_TOPIC}:{run.id}")
        return run

    async def flush(self, flushes: Sequence[Flush], lease: timedelta) -> Mapping[int, bool]:
        """Extend leases and write new text, of all of a process's runs at once.

        Args:
            flushes: What there is to write, one a run.
            lease: How long the runs are this process's own from now on.

        Returns:
            For each run whose lease still stands, whether it is to be cancelled.
        """
        held = await self._extend(flushes, lease)
        standing = [flush for flush in flushes if flush.lease.run_id in held]
        voided = [flush.lease.run_id for flush in standing if flush.voids]
        if voided:
            await self.session.execute(delete(RunChunk).where(RunChunk.run_id.in_(voided)))
        chunks = [
            {"run_id": flush.lease.run_id, "offset": flush.offset, "text": flush.text}
            for flush in standing
            if flush.text
        ]
        if chunks:
            statement = insert(RunChunk)
            # The text may be there already, when the answer to its commit was lost.
            await self.session.execute(
                statement.on_conflict_do_update(
                    index_elements=[RunChunk.run_id, RunChunk.offset],
                    set_={"text": statement.excluded.text},
                ),
                chunks,
            )
        changed = {*voided, *(int(str(chunk["run_id"])) for chunk in chunks)}
        await notify(self.session, *(f"{RUN_TOPIC}:{run_id}" for run_id in sorted(changed)))
        return held

    async def _extend(self, flushes: Sequence[Flush], lease: timedelta) -> dict[int, bool]:
        owned = values(
            column("run_id", Integer),
            column("token", Uuid),
            column("edition", Integer),
            name="owned",
        ).data([(flush.lease.run_id, flush.lease.token, flush.edition) for flush in flushes])
        rows = await self.session.execute(
            update(Run)
            .where(
                Run.id == owned.c.run_id,
                Run.lease_token == owned.c.token,
                Run.status == RunStatus.RUNNING,
            )
            .values(
                lease_until=func.now() + lease,
                edition=func.greatest(Run.edition, owned.c.edition),
            )
            .returning(Run.id, Run.cancel_requested)
            .execution_options(synchronize_session=False)
        )
        return {row.id: row.cancel_requested for row in rows}

    async def finish(self, rest: Flush, **outcome: object) -> bool:
        """Write the rest of a run's text and how it ended, if the lease still stands.

        The token stays, for readers to know whose text it is that they read.

        Args:
            rest: The text that the database does not have yet.
            outcome: Columns of the run.

        Returns:
            Whether the lease stood.
        """
        if not await self.flush([rest], timedelta(minutes=1)):
            return False
        await self.session.execute(
            update(Run)
            .where(_held(rest.lease))
            .values(finished_at=func.now(), lease_until=None, **outcome)
            .execution_options(synchronize_session=False)
        )
        await notify(self.session, f"{RUN_TOPIC}:{rest.lease.run_id}")
        return True

    async def release(self, lease: Lease) -> None:
        """Give a run back to the queue; it does not count as an attempt."""
        await self.session.execute(
            update(Run)
            .where(_held(lease))
            .values(
                status=RunStatus.QUEUED,
                attempts=Run.attempts - 1,
                lease_token=None,
                lease_until=None,
            )
            .execution_options(synchronize_session=False)
        )
        await notify(self.session, QUEUE_TOPIC)


def _joined(pieces: ColumnElement[str] | InstrumentedAttribute[str]) -> ColumnElement[str]:
    return func.string_agg(pieces, aggregate_order_by(literal(""), RunChunk.offset))


def _held(lease: Lease) -> ColumnElement[bool]:
    return and_(
        Run.id == lease.run_id,
        Run.lease_token == lease.token,
        Run.status == RunStatus.RUNNING,
    )


def _progress() -> Select[RunStatus, int, uuid.UUID | None, str, int]:
    offset = bindparam("offset", type_=Integer)
    end = RunChunk.offset + func.length(RunChunk.text)
    news = func.substr(RunChunk.text, func.greatest(offset - RunChunk.offset, 0) + 1)
    of_run = RunChunk.run_id == Run.id
    return select(
        Run.status,
        Run.edition,
        Run.lease_token,
        func.coalesce(select(_joined(news)).where(of_run, end > offset).scalar_subquery(), ""),
        func.coalesce(select(func.max(end)).where(of_run).scalar_subquery(), 0),
    ).where(Run.id == bindparam("run_id"))


# Made once: readers of runs elsewhere ask this many times a second.
_PROGRESS = _progress()
