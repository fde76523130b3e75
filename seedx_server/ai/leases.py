"""The rows that runners write: a run's lease, its text while it grows, and how it ended."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta

from sqlalchemy import (
    ColumnElement,
    Integer,
    Uuid,
    and_,
    column,
    delete,
    func,
    or_,
    select,
    update,
    values,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from seedx_server.ai.core import Outcome, RunStatus
from seedx_server.ai.models import Run, RunChunk
from seedx_server.infrastructure.database.notify import notify

QUEUE_TOPIC = "runs"
RUN_TOPIC = "run"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one process to write to a run.

    Attributes:
        run_id: The run.
        token: What the run's row must still hold for the lease to be valid.
    """

    run_id: int
    token: uuid.UUID


@dataclass(frozen=True, slots=True)
class Flush:
    """The unwritten changes of one run.

    Attributes:
        lease: The lease under which they are written.
        edition: How often the text was started.
        discards: Whether the text in the database belongs to an earlier edition.
        offset: Where the new text begins, in characters.
        text: The new text, or "" if there is none.
        tokens: Roughly how many tokens the run has used.
    """

    lease: Lease
    edition: int
    discards: bool
    offset: int
    text: str
    tokens: int


class RunLeases:
    """Writes to runs on behalf of the process that owns them.

    Args:
        session: The session in whose transaction it writes.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def claim(self, lease: timedelta, own: Collection[int]) -> Run | None:
        """Claim the oldest run that is queued or whose owner's lease ran out.

        The text of an earlier owner is discarded: it is deleted and the edition rises.

        Args:
            lease: How long the lease lasts unless it is extended.
            own: The runs that this process already works on. They are not claimed again: if no
                process took one over during an outage, its lease is simply extended.
        """
        waiting = (
            select(Run.id)
            .where(
                Run.id.not_in(own),
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
        run = await self._session.scalar(
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
            await self._delete_chunks([run.id])
            await notify(self._session, f"{RUN_TOPIC}:{run.id}")
        return run

    async def flush(self, flushes: Sequence[Flush], lease: timedelta) -> Mapping[int, bool]:
        """Extend the leases and write the new text of all of a process's runs at once.

        Args:
            flushes: The unwritten changes, one for each run.
            lease: How long the leases last from now on.

        Returns:
            By id, for each run whose lease is still valid: whether it is to be cancelled.
        """
        held = await self._extend(flushes, lease)
        kept = [flush for flush in flushes if flush.lease.run_id in held]
        discarded = [flush.lease.run_id for flush in kept if flush.discards]
        if discarded:
            await self._delete_chunks(discarded)
        chunks = [
            {"run_id": flush.lease.run_id, "offset": flush.offset, "text": flush.text}
            for flush in kept
            if flush.text
        ]
        if chunks:
            statement = insert(RunChunk)
            # The text may be there already, if the reply to an earlier commit was lost.
            await self._session.execute(
                statement.on_conflict_do_update(
                    index_elements=[RunChunk.run_id, RunChunk.offset],
                    set_={"text": statement.excluded.text},
                ),
                chunks,
            )
        changed = {flush.lease.run_id for flush in kept if flush.discards or flush.text}
        await notify(self._session, *(f"{RUN_TOPIC}:{run_id}" for run_id in sorted(changed)))
        return held

    async def finish(self, last: Flush, outcome: Outcome, answered_message_id: int | None) -> bool:
        """Write how a run ended, if the lease is still valid.

        From now on the text is in the posted message, or else in the row itself. The token is
        kept, so that readers can tell which owner's text they have.

        Args:
            last: The whole text, from its start.
            outcome: How the run ended.
            answered_message_id: The message that the run answers.

        Returns:
            Whether the lease was valid.
        """
        run_id = await self._session.scalar(
            update(Run)
            .where(_lease_is_valid(last.lease))
            .values(
                finished_at=func.now(),
                lease_until=None,
                edition=func.greatest(Run.edition, last.edition),
                estimated_tokens=last.tokens,
                trigger_message_id=answered_message_id,
                final_text=last.text if outcome.message_id is None else None,
                **_outcome_columns(outcome),
            )
            .returning(Run.id)
            .execution_options(synchronize_session=False)
        )
        if run_id is None:
            return False
        await self._delete_chunks([run_id])
        await notify(self._session, f"{RUN_TOPIC}:{run_id}")
        return True

    async def fail(self, run_id: int, error: str) -> None:
        """Write that a run failed, and nothing else.

        Args:
            run_id: A run that was claimed in the same transaction.
            error: A message for people about what went wrong.
        """
        await self._session.execute(
            update(Run)
            .where(Run.id == run_id)
            .values(
                status=RunStatus.FAILED,
                finish_reason="error",
                error=error,
                finished_at=func.now(),
                lease_until=None,
            )
            .execution_options(synchronize_session=False)
        )

    async def release(self, lease: Lease) -> None:
        """Return a run to the queue without counting an attempt."""
        await self._session.execute(
            update(Run)
            .where(_lease_is_valid(lease))
            .values(
                status=RunStatus.QUEUED,
                attempts=Run.attempts - 1,
                lease_token=None,
                lease_until=None,
            )
            .execution_options(synchronize_session=False)
        )
        await notify(self._session, QUEUE_TOPIC)

    async def _extend(self, flushes: Sequence[Flush], lease: timedelta) -> dict[int, bool]:
        owned = values(
            column("run_id", Integer),
            column("token", Uuid),
            column("edition", Integer),
            column("tokens", Integer),
            name="owned",
        ).data(
            [
                (flush.lease.run_id, flush.lease.token, flush.edition, flush.tokens)
                for flush in flushes
            ]
        )
        rows = await self._session.execute(
            update(Run)
            .where(
                Run.id == owned.c.run_id,
                Run.lease_token == owned.c.token,
                Run.status == RunStatus.RUNNING,
            )
            .values(
                lease_until=func.now() + lease,
                edition=func.greatest(Run.edition, owned.c.edition),
                estimated_tokens=owned.c.tokens,
            )
            .returning(Run.id, Run.cancel_requested)
            .execution_options(synchronize_session=False)
        )
        return {row.id: row.cancel_requested for row in rows}

    async def _delete_chunks(self, run_ids: Collection[int]) -> None:
        await self._session.execute(delete(RunChunk).where(RunChunk.run_id.in_(run_ids)))


def _lease_is_valid(lease: Lease) -> ColumnElement[bool]:
    return and_(
        Run.id == lease.run_id,
        Run.lease_token == lease.token,
        Run.status == RunStatus.RUNNING,
    )


def _outcome_columns(outcome: Outcome) -> dict[str, object]:
    columns = {field.name: getattr(outcome, field.name) for field in fields(outcome)}
    columns["citations"] = [citation.model_dump(mode="json") for citation in outcome.citations]
    return columns
