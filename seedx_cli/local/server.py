"""A server of one's own for a while: for the demonstration, benchmarks and tests."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from seedx_cli.errors import SeedXError

PROGRAM = (sys.executable, "-m", "seedx_cli")

_READY_SECONDS = 90.0
_STOP_SECONDS = 15.0
_POLL_SECONDS = 0.05
_LINES_SHOWN = 15


def free_port() -> int:
    """A port of the loopback interface that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def near(path: Path) -> str:
    """A path as it is said in the working folder, whole where it leads elsewhere."""
    here = Path.cwd()
    whole = path.absolute()
    return str(whole.relative_to(here) if whole.is_relative_to(here) else whole)


def own_name() -> str:
    """What to type for this program: `seedx`, or what it was started by where that is not found."""
    if shutil.which("seedx"):
        return "seedx"
    started = Path(sys.argv[0])
    if started.name == "__main__.py":
        return f"{shlex.quote(near(Path(sys.executable)))} -m seedx_cli"
    return shlex.quote(near(started))


def importable(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with which `PROGRAM` finds this package from every folder.

    A checkout that is not installed is importable in its own folder alone.
    """
    root = str(Path(__file__).parents[2])
    paths = [root, *filter(None, [environment.get("PYTHONPATH")])]
    return {**environment, "PYTHONPATH": os.pathsep.join(paths)}


@contextlib.contextmanager
def running(folder: Path, environment: Mapping[str, str], port: int) -> Iterator[str]:
    """Run `seedx serve` until the block ends, however it ends.

    Args:
        folder: Where it runs, so that no `.env` of the caller's folder counts, and where its log
            is kept.
        environment: Its settings.
        port: Where it listens on the loopback interface.

    Yields:
        Its URL, once it is ready.

    Raises:
        SeedXError: It did not start; the error shows what it said.
    """
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  # this program itself
            [*PROGRAM, "serve", "--host", "127.0.0.1", "--port", str(port)],
            env=importable(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C is for the caller, who then stops the server in order.
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _await_ready(process, url, log)
        yield url
    finally:
        _stop(process)


def _await_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    from seedx_cli.client import Client

    ends = time.monotonic() + _READY_SECONDS
    with Client(url) as client:
        while not client.transport.is_ready():
            if process.poll() is not None:
                raise SeedXError(f"The server did not start:\n{_tail(log)}")
            if time.monotonic() > ends:
                raise SeedXError(f"The server was not ready in time:\n{_tail(log)}")
            time.sleep(_POLL_SECONDS)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tail(log: Path) -> str:
    return "\n".join(log.read_text("utf-8", "replace").strip().splitlines()[-_LINES_SHOWN:])
