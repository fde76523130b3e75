"""The single writer of a process: it flushes the text of all its runs in one transaction."""

import asyncio
import contextlib
import logging
from datetime import timedelta

from seedx_server.ai.engine.live import LiveRun, LiveRuns
from seedx_server.ai.leases import Flush, RunLeases
from seedx_server.infrastructure.database.engine import OUTAGE, RETRY_SECONDS, Sessions

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 0.05
HEARTBEATS_PER_LEASE = 3


class Writer:
    """Writes new text soon after it arrives, and extends leases even when none does.

    Args:
        sessions: Makes sessions.
        runs: The runs of this process.
        lease: How long a lease lasts after each flush.
    """

    def __init__(self, sessions: Sessions, runs: LiveRuns, lease: timedelta) -> None:
        self._sessions = sessions
        self._runs = runs
        self._lease = lease
        self._dirty = asyncio.Event()
        self._flushing = asyncio.Lock()

    def wake(self) -> None:
        """Flush soon: there is new text, or a run may have been cancelled."""
        self._dirty.set()

    async def work(self) -> None:
        """Flush until cancelled."""
        heartbeat = self._lease.total_seconds() / HEARTBEATS_PER_LEASE
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(heartbeat):
                    await self._dirty.wait()
            self._dirty.clear()
            flushed = await self.flush()
            await asyncio.sleep(FLUSH_SECONDS if flushed else RETRY_SECONDS)

    async def flush(self) -> bool:
        """Write the new text of all runs and extend their leases.

        Returns:
            Whether the write succeeded; `work` tries again soon if it did not.
        """
        async with self._flushing:
            try:
                if self._runs:
                    await self._write([run.flush() for run in self._runs.values()])
            except OUTAGE as error:
                logger.warning("could not write the text of runs, will try again: %s", error)
            except Exception:  # without its writer a process loses every run
                logger.exception("could not write the text of runs, will try again")
            else:
                return True
            self._dirty.set()
            return False

    async def hand_over(self, run: LiveRun) -> None:
        """Stop flushing a run's text: the transaction that ends the run writes it.

        From here on a cancellation comes too late, even one that a flush is reading right now.
        """
        run.finishing = True
        async with self._flushing:
            pass

    async def _write(self, flushes: list[Flush]) -> None:
        async with self._sessions() as session, session.begin():
            held = await RunLeases(session).flush(flushes, self._lease)
        for flush in flushes:
            run = self._runs.get(flush.lease.run_id)
            if run is None or run.lease != flush.lease:
                continue
            if flush.lease.run_id in held:
                run.wrote(flush)
                self._stop_if(run, cancelled=held[flush.lease.run_id])
            elif not run.finishing:
                self._abandon(run)

    def _stop_if(self, run: LiveRun, *, cancelled: bool) -> None:
        if cancelled and not run.cancelled and not run.finishing and run.task is not None:
            run.cancelled = True
            run.task.cancel()

    def _abandon(self, run: LiveRun) -> None:
        logger.warning("run %d has a new owner; this process stops it", run.lease.run_id)
        self._runs.pop(run.lease.run_id, None)
        if run.task is not None:
            run.task.cancel()
