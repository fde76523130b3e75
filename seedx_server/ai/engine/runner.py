"""Works on runs: claims them, has their text composed, and writes how they end.

Any number of processes can do this against one database. A run belongs to the process whose
lease token is in its row; if that process dies, the lease runs out and the next process restarts
the run.
"""

import asyncio
import contextlib
import logging
import time
from datetime import timedelta
from functools import partial
from typing import Protocol

from seedx_server.ai.core import HandoffReason, Outcome, Purpose, RunStatus
from seedx_server.ai.engine.conclusion import LeaseLost, conclusion
from seedx_server.ai.engine.live import LiveRun, LiveRuns
from seedx_server.ai.engine.writer import Writer
from seedx_server.ai.leases import QUEUE_TOPIC, RUN_TOPIC, Lease, RunLeases
from seedx_server.ai.models import Run
from seedx_server.ai.repository import CANCEL_TOPIC
from seedx_server.infrastructure.database.engine import OUTAGE, Sessions, outlasting_outages
from seedx_server.infrastructure.database.notify import Notifier
from seedx_server.infrastructure.observability import Metrics

logger = logging.getLogger(__name__)

MOST_ATTEMPTS = 3
"""The most attempts at the text. One more attempt ends the run as failed, with all that belongs to
its end; if even that cannot be written, the next claim only marks the run as failed."""
LONGEST_POLL_SECONDS = 2.0
STOP_GRACE_SECONDS = 3.0
SERVER_FAULT = "The AI could not answer because of an error in the server."
NAMES = {
    Purpose.REPLY: "reply",
    Purpose.DRAFT: "draft",
    Purpose.SUMMARY: "summary",
    Purpose.ASK: "answer",
}
"""What the text of a run is called in messages to people."""


class Composer(Protocol):
    """Composes the text of a run."""

    async def compose(self, run: Run, live: LiveRun) -> Outcome:
        """Write the run's text into `live` and return how the run ended."""
        ...


class Runner:
    """Claims runs and sees each through to its end.

    Args:
        sessions: Makes sessions.
        writer_sessions: Makes the writer's sessions, on a connection that only the writer uses:
            leases must be extended however many requests wait for a connection.
        notifier: Wakes the runner, and the readers of its runs.
        composer: Composes the text.
        lease: How long a lease lasts unless it is extended.
        concurrency: The most runs to work on at once.
        metrics: The metrics to update.
    """

    def __init__(
        self,
        *,
        sessions: Sessions,
        writer_sessions: Sessions,
        notifier: Notifier,
        composer: Composer,
        lease: timedelta,
        concurrency: int,
        metrics: Metrics,
    ) -> None:
        self._sessions = sessions
        self._notifier = notifier
        self._composer = composer
        self._lease = lease
        self._concurrency = concurrency
        self._metrics = metrics
        self.live = LiveRuns()
        self._writer = Writer(writer_sessions, self.live, lease)
        self._stopping = False
        self._loops: list[asyncio.Task[None]] = []
        notifier.on_topic(CANCEL_TOPIC, lambda _: self._writer.wake())

    async def start(self) -> None:
        """Start claiming runs, in the background."""
        self._loops = [
            asyncio.create_task(self._claim_forever(), name="runner"),
            asyncio.create_task(self._writer.work(), name="writer"),
        ]

    async def stop(self) -> None:
        """Stop claiming, let live runs end within a few seconds, return the others to the queue."""
        if not self._loops:
            return
        claiming, writing = self._loops
        self._loops = []
        self._stopping = True
        self._notifier.wake(QUEUE_TOPIC)
        await asyncio.wait([claiming, *self._tasks()], timeout=STOP_GRACE_SECONDS)
        left = list(self.live.values())
        await _cancel_and_wait([claiming, *self._tasks()])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_GRACE_SECONDS):
                await self._writer.flush()
                await self._release([run.lease for run in left])
        await _cancel_and_wait([writing])

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [run.task for run in self.live.values() if run.task is not None]

    async def _claim_forever(self) -> None:
        poll = min(LONGEST_POLL_SECONDS, self._lease.total_seconds() / 2)
        with self._notifier.subscribed(QUEUE_TOPIC) as changed:
            while not self._stopping:
                changed.clear()
                try:
                    while self._has_room() and await self._claim():
                        logger.debug("claimed a run")
                except OUTAGE as error:
                    logger.warning("could not look for runs, will try again: %s", error)
                except Exception:  # a process that no longer looks for runs looks healthy
                    logger.exception("could not look for runs, will try again")
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(poll):
                        await changed.wait()

    def _has_room(self) -> bool:
        return not self._stopping and len(self.live) < self._concurrency

    async def _claim(self) -> bool:
        async with self._sessions() as session, session.begin():
            leases = RunLeases(session)
            run = await leases.claim(self._lease, self.live.keys())
            if run is not None and run.attempts > MOST_ATTEMPTS + 1:
                logger.error("run %d cannot be ended properly; it is marked as failed", run.id)
                await leases.fail(run.id, _never_finished(run))
                return True
        if run is None or run.lease_token is None:
            return False
        live = LiveRun(
            lease=Lease(run.id, run.lease_token),
            edition=run.edition,
            written_edition=run.edition,
            on_change=self._on_change,
            answered_message_id=run.trigger_message_id,
            tokens=run.estimated_tokens,
        )
        self.live[run.id] = live
        live.task = asyncio.create_task(self._see_through(run, live), name=f"run {run.id}")
        return True

    async def _see_through(self, run: Run, live: LiveRun) -> None:
        began = time.monotonic()
        try:
            with self._metrics.live_runs.track_inprogress():
                outcome = await self._compose(run, live)
            await self._writer.hand_over(live)
            written = await self._conclude(run, live, outcome)
            if written is not None:
                self._update_metrics(run, written, began)
        finally:
            if self.live.get(run.id) is live and live.finishing:
                del self.live[run.id]
            self._notifier.wake(f"{RUN_TOPIC}:{run.id}")
            self._notifier.wake(QUEUE_TOPIC)

    async def _compose(self, run: Run, live: LiveRun) -> Outcome:
        if run.attempts > MOST_ATTEMPTS:
            return _failed_outcome(_never_finished(run))
        try:
            return await self._composer.compose(run, live)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not live.cancelled or task is None:
                raise
            task.uncancel()
            return Outcome(RunStatus.CANCELLED, "cancelled")
        except Exception:  # the run must still end, and its readers must hear of it
            logger.exception("run %d failed", run.id)
            return _failed_outcome(SERVER_FAULT)

    def _on_change(self, live: LiveRun) -> None:
        self._notifier.wake(f"{RUN_TOPIC}:{live.lease.run_id}")
        self._writer.wake()

    async def _conclude(self, run: Run, live: LiveRun, outcome: Outcome) -> Outcome | None:
        """Write how a run ended, or that it failed if the database refuses that outcome.

        Returns:
            The outcome that was written; None if another process owns the run now.
        """
        for candidate in (outcome, _failed_outcome(SERVER_FAULT)):
            try:
                return await outlasting_outages(partial(self._write_end, run, live, candidate))
            except LeaseLost as lost:
                logger.warning("another process ends this run: %s", lost)
                return None
            except Exception:  # a run that cannot be ended would be restarted again and again
                logger.exception("the end of run %d cannot be written", run.id)
        return None

    async def _write_end(self, run: Run, live: LiveRun, outcome: Outcome) -> Outcome:
        async with self._sessions() as session, session.begin():
            return await conclusion(session).write(run, live, outcome)

    def _update_metrics(self, run: Run, outcome: Outcome, began: float) -> None:
        metrics, who = self._metrics, (outcome.provider or "none", outcome.model or "none")
        metrics.runs.labels(run.purpose, outcome.status, *who, outcome.handoff or "none").inc()
        metrics.run_seconds.labels(*who).observe(time.monotonic() - began)
        metrics.tokens.labels(*who, "prompt").inc(outcome.prompt_tokens or 0)
        metrics.tokens.labels(*who, "completion").inc(outcome.completion_tokens or 0)
        metrics.cost.labels(*who).inc(float(outcome.cost or 0))
        if outcome.first_text_ms is not None:
            metrics.first_text_seconds.labels(*who).observe(outcome.first_text_ms / 1_000)

    async def _release(self, leases: list[Lease]) -> None:
        try:
            async with self._sessions() as session, session.begin():
                for lease in leases:
                    await RunLeases(session).release(lease)
        except OUTAGE as error:
            logger.warning(
                "could not return runs to the queue; their leases run out instead: %s", error
            )


def _failed_outcome(error: str) -> Outcome:
    return Outcome(RunStatus.FAILED, "error", error=error, handoff=HandoffReason.PROVIDER_FAILURE)


def _never_finished(run: Run) -> str:
    return f"The {NAMES[run.purpose]} was started several times and never finished."


async def _cancel_and_wait(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
