"""A server that this program starts and stops itself: for the demonstration and for tests."""

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
from types import TracebackType
from typing import Self

from seedx_cli.errors import SeedXError

PROGRAM = (sys.executable, "-m", "seedx_cli")

_READY_SECONDS = 90.0
_STOP_SECONDS = 15.0
_POLL_SECONDS = 0.05
_LINES_SHOWN = 15


def free_port() -> int:
    """Return a port of the loopback interface that is free at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def path_from_here(path: Path) -> str:
    """Return a path relative to the working folder, or absolute if it is outside."""
    here = Path.cwd()
    absolute = path.absolute()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)


def program_name() -> str:
    """Return what to type to run this program: `seedx`, or the path it was started with."""
    if shutil.which("seedx"):
        return "seedx"
    started = Path(sys.argv[0])
    if started.name == "__main__.py":
        return f"{shlex.quote(path_from_here(Path(sys.executable)))} -m seedx_cli"
    return shlex.quote(path_from_here(started))


def importable(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which `PROGRAM` finds this package from any folder.

    Without it, a checkout that is not installed can only be imported from its own folder.
    """
    root = str(Path(__file__).parents[2])
    paths = [root, *filter(None, [environment.get("PYTHONPATH")])]
    return {**environment, "PYTHONPATH": os.pathsep.join(paths)}


class LocalServer:
    """A `seedx serve` process that can be killed and started again.

    As a context manager it starts the server, and stops it however the block ends.

    Args:
        folder: Where it runs, so that a `.env` in the caller's folder has no effect, and where its
            log is kept.
        environment: Its settings.
        port: Where it listens on the loopback interface.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._folder = folder
        self._environment = importable(environment)
        self._command = [*PROGRAM, "serve", "--host", "127.0.0.1", "--port", str(port)]
        self._log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._left_database = False

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server and wait until it is ready.

        Raises:
            SeedXError: It did not start; the error shows the end of its log.
        """
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603  # this program itself
                self._command,
                env=self._environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C goes to the caller only, who then stops the server properly.
                start_new_session=True,
            )
        _await_ready(self._process, self.url, self._log)
        self._left_database = False

    def kill(self) -> int:
        """Kill the server at once, as `kill -9` does, and return the process id that it had.

        Raises:
            SeedXError: It is not running.
        """
        if self._process is None or self._process.poll() is not None:
            raise SeedXError(f"The server is not running:\n{_tail(self._log)}")
        self._left_database = True
        self._process.kill()
        self._process.wait()
        return self._process.pid

    def stop(self) -> None:
        """Stop the server, and the database that a killed one left running."""
        if self._process is not None:
            _stop(self._process)
        if self._left_database:
            # The database stops when the last process that uses it ends, so start one that ends.
            subprocess.run(  # noqa: S603  # this program itself
                [*PROGRAM, "db", "current"],
                env=self._environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )


@contextlib.contextmanager
def running(folder: Path, environment: Mapping[str, str], port: int) -> Iterator[str]:
    """Run a `LocalServer` until the block ends, however it ends; yields its URL."""
    with LocalServer(folder, environment, port) as server:
        yield server.url


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
