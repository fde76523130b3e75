"""A server starts its embedded PostgreSQL again when it dies, and loses nothing it confirmed."""

import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest

from tests.faults.conftest import (
    Serve,
    ServerProcess,
    ready_again,
    serving,
    signed_up,
    until,
)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data folder that ends with no process in it."""
    # Not pytest's own folders: the account that runs PostgreSQL may not pass through those.
    folder = Path(tempfile.mkdtemp(prefix="seedx-restarts-"))
    yield folder
    for process in processes_in(folder / "data" / "postgres"):
        process.kill()
    shutil.rmtree(folder)


@pytest.fixture
async def serve_embedded(data_dir: Path) -> AsyncIterator[Serve]:
    """Start servers on the embedded PostgreSQL of a data folder."""
    async with serving(data_dir, {"SEEDX_DATA_DIR": str(data_dir / "data")}) as start:
        yield start


def processes_in(folder: Path) -> list[psutil.Process]:
    """Return the processes that work in a folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if Path(process.cwd()) == folder:
                found.append(process)
    return found


def postmaster_of(data_dir: Path) -> int:
    return int((data_dir / "data/postgres/postmaster.pid").read_text().split()[0])


@pytest.mark.parametrize(
    ("killed", "words"),
    [("the postmaster", ()), ("all of it", ()), ("the postmaster", ("--workers", "2"))],
    ids=["the postmaster", "all of it", "under workers"],
)
async def test_a_killed_postgresql_is_started_again_with_all_that_was_confirmed(
    serve_embedded: Serve, data_dir: Path, killed: str, words: tuple[str, ...]
) -> None:
    server = await serve_embedded(*words)
    async with server.client() as client:
        cleo = await signed_up(client)
        confirmed = [(await cleo.ticket())["id"] for _ in range(5)]
        first = postmaster_of(data_dir)

        if killed == "all of it":
            for process in processes_in(data_dir / "data/postgres"):
                os.kill(process.pid, signal.SIGKILL)
        else:
            os.kill(first, signal.SIGKILL)

        await ready_again_with_another(server, data_dir, first)
        kept = (await cleo.get("/tickets?limit=100")).json()["items"]
        assert sorted(ticket["id"] for ticket in kept) == confirmed
        assert (await cleo.ticket())["id"] not in confirmed

    assert await server.end(signal.SIGTERM) == 0
    assert processes_in(data_dir / "data/postgres") == []


async def test_it_is_started_again_each_time(serve_embedded: Serve, data_dir: Path) -> None:
    server = await serve_embedded()
    for _ in range(3):
        postmaster = postmaster_of(data_dir)
        os.kill(postmaster, signal.SIGKILL)
        await ready_again_with_another(server, data_dir, postmaster)


async def ready_again_with_another(server: ServerProcess, data_dir: Path, postmaster: int) -> None:
    """Wait until another PostgreSQL runs and the server is ready with it."""
    pid_file = data_dir / "data/postgres/postmaster.pid"

    async def started() -> bool:
        lines = pid_file.read_text().splitlines() if pid_file.exists() else []
        return bool(lines) and int(lines[0]) != postmaster

    await until(started)
    await ready_again(server)


async def test_a_server_that_ends_while_it_is_down_ends_in_order(
    serve_embedded: Serve, data_dir: Path
) -> None:
    server = await serve_embedded()
    os.kill(postmaster_of(data_dir), signal.SIGKILL)

    assert await server.end(signal.SIGTERM) == 0

    assert processes_in(data_dir / "data/postgres") == []
