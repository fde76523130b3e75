"""Several server processes behave like one: they count together, and end with their parent."""

import asyncio
import os
import re
import signal
from pathlib import Path

import psutil
import pytest

from tests.faults.conftest import (
    Serve,
    ServerProcess,
    ready_again,
    signed_up,
    until,
)
from tests.streams import opened
from tests.waiting import PATIENCE_SECONDS

REQUESTS = 40


@pytest.fixture
async def server(serve: Serve, tmp_path: Path) -> ServerProcess:
    """A server of two processes."""
    (tmp_path / "temporary").mkdir()
    return await serve("--workers", "2", TMPDIR=str(tmp_path / "temporary"))


def workers_of(server: ServerProcess) -> list[psutil.Process]:
    """Return the processes that serve requests."""
    children = psutil.Process(server.process.pid).children()
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


async def metric(server: ServerProcess, series: str) -> float:
    """Return a number of /metrics, 0 if it has none."""
    async with server.client() as client:
        text = (await client.get("/metrics")).text
    found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


async def until_metric(server: ServerProcess, series: str, wanted: float) -> None:
    """Wait until a number of /metrics is as wanted."""

    async def reached() -> bool:
        return await metric(server, series) == wanted

    await until(reached)


async def visit(server: ServerProcess) -> None:
    """Make a request on a connection of its own, which either process may take."""
    async with server.client() as client:
        assert (await client.get("/healthz")).status_code == 200


class TestTheMetrics:
    series = 'seedx_http_requests_total{method="GET",route="/healthz",status="200"}'

    async def test_are_those_of_all_processes(self, server: ServerProcess) -> None:
        await asyncio.gather(*(visit(server) for _ in range(REQUESTS)))

        counted = [await metric(server, self.series) for _ in range(6)]

        assert counted == [REQUESTS] * 6

    async def test_keep_the_counts_of_a_killed_process_but_not_its_streams(
        self, server: ServerProcess
    ) -> None:
        async with server.client() as client:
            cleo = await signed_up(client)
            ticket = await cleo.ticket()
            async with opened(cleo, f"/tickets/{ticket['id']}/events") as events:
                await anext(events)
                await until_metric(server, "seedx_streams", 1)
                await visit(server)
                for worker in workers_of(server):
                    worker.kill()
        await ready_again(server)

        await until_metric(server, "seedx_streams", 0)
        assert await metric(server, self.series) == 1

    async def test_leave_no_file_behind(self, server: ServerProcess, tmp_path: Path) -> None:
        temporary = tmp_path / "temporary"
        assert list(temporary.glob("seedx-metrics-*/*.db"))

        assert await server.end(signal.SIGTERM) == 0

        assert list(temporary.iterdir()) == []


async def test_they_end_when_their_parent_is_killed(server: ServerProcess) -> None:
    workers = workers_of(server)
    assert len(workers) == 2

    os.kill(server.process.pid, signal.SIGKILL)

    _, alive = await asyncio.to_thread(psutil.wait_procs, workers, PATIENCE_SECONDS)
    assert alive == []
