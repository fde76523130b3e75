"""Backs up the whole database in PostgreSQL's custom format, and restores it."""

import contextlib
import os
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import sql

from seedx_server.entry.database import reachable_database
from seedx_server.entry.errors import EntryError
from seedx_server.entry.programs import Program, ProgramError, run, running
from seedx_server.entry.replacement import Replacement
from seedx_server.infrastructure.database import migrate

CREATED = re.compile(r"^; Archive created at (.+) UTC$", re.MULTILINE)
REVISION = re.compile(r"^COPY public\.alembic_version .*\n(.+)\n\\\.$", re.MULTILINE)
COUNTED_TABLES = ("users", "tickets", "messages", "articles")

PSQL_OPTIONS = ("--no-psqlrc", "--quiet", "--output=/dev/null", "--set=ON_ERROR_STOP=1")

UNKNOWN_TO_OLDER_SERVERS = b"SET transaction_timeout = 0;\n"
"""The first statement of pg_restore 18, a setting that PostgreSQL 16 and older do not know."""

FIRST_VERSION_WITH_TIMEOUT = 170_000


def backup(file: Path) -> None:
    """Write the whole database to a file; if that fails, an existing file is left unchanged.

    Raises:
        EntryError: The database cannot be read or the file cannot be written.
    """
    target = file.resolve()
    if target.exists() and not target.is_file():
        raise EntryError(f"{file} is not a file.")
    try:
        # mkstemp's file can only be read by its owner.
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise EntryError(f"{file} cannot be written: {error.strerror}.") from error
    draft = Path(name)
    try:
        with reachable_database() as settings:
            address = settings.listen_database
            run("pg_dump", "--format=custom", "--no-owner", f"--file={draft}", address=address)
        os.fsync(descriptor)
        draft.replace(target)
    except OSError as error:
        raise EntryError(f"{file} cannot be written: {error.strerror}.") from error
    finally:
        os.close(descriptor)
        draft.unlink(missing_ok=True)
    _sync_folder(target.parent)


def describe(file: Path) -> dict[str, str | int]:
    """Return what a backup says about itself: `created_at` (RFC 3339), `revision` and `bytes`.

    Raises:
        EntryError: The file is not a backup of SeedX, or one of a newer version.
    """
    if not file.is_file():
        raise EntryError(f"There is no file {file}.")
    try:
        created = CREATED.search(run("pg_restore", "--list", str(file)))
        found = REVISION.search(
            run("pg_restore", "--data-only", "--table=alembic_version", "--file=-", str(file))
        )
    except ProgramError as error:
        raise EntryError(
            f"{file} is not a backup: {error.cause}.", "Use a file that seedx db backup wrote."
        ) from error
    if created is None or found is None:
        raise EntryError(
            f"{file} is a backup, but not of SeedX.", "Use a file that seedx db backup wrote."
        )
    revision = found[1]
    if not migrate.knows(revision):
        raise EntryError(
            f"{file} was written by a newer version of SeedX (revision {revision}).",
            "Install that version, or a newer one.",
        )
    moment = datetime.strptime(created[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return {
        "created_at": moment.isoformat().replace("+00:00", "Z"),
        "revision": revision,
        "bytes": file.stat().st_size,
    }


def check_replaceable() -> None:
    """Check that the database could be replaced at the moment.

    Raises:
        EntryError: Servers use the database, or its role may not replace it.
    """
    with reachable_database() as settings:
        Replacement(settings.listen_database)


def restore(file: Path) -> dict[str, int]:
    """Replace the database with a backup, which is first restored and upgraded next to it.

    Returns:
        The number of rows in each of `COUNTED_TABLES`.

    Raises:
        EntryError: The file is not a complete backup, servers use the database, or the database's
            role may not replace it. The database is then unchanged.
    """
    describe(file)
    with reachable_database() as settings:
        replacement = Replacement(settings.listen_database)
        with replacement.created() as address:
            _load(file, address)
            migrate.upgrade(address)
            counts = _row_counts(address)
            replacement.take_over()
    return counts


def _load(file: Path, address: str) -> None:
    """Run the statements of a backup in an empty database."""
    with psycopg.connect(address) as connection:
        old = connection.info.server_version < FIRST_VERSION_WITH_TIMEOUT
    skipped = UNKNOWN_TO_OLDER_SERVERS if old else None
    with (
        running("pg_restore", "--no-owner", "--file=-", str(file)) as reader,
        running("psql", *PSQL_OPTIONS, address=address) as psql,
    ):
        if _feed(psql, reader, skipped) and reader.wait() != 0:
            raise EntryError(f"{file} is damaged: it is incomplete or was changed.")


def _feed(psql: Program, reader: Program, skipped: bytes | None) -> bool:
    """Pass the reader's output to psql, without one line; return whether psql read all of it."""
    assert reader.stdout is not None  # noqa: S101  # it is a pipe
    assert psql.stdin is not None  # noqa: S101  # the same
    try:
        for line in reader.stdout:
            if line == skipped:
                # Only the first such line: later ones are data.
                skipped = None
            else:
                psql.stdin.write(line)
    except BrokenPipeError:
        return False
    finally:
        with contextlib.suppress(BrokenPipeError):
            psql.stdin.close()
    return True


def _row_counts(address: str) -> dict[str, int]:
    with psycopg.connect(address) as connection:
        return {
            table: int(
                connection.execute(
                    sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
                ).fetchall()[0][0]
            )
            for table in COUNTED_TABLES
        }


def _sync_folder(folder: Path) -> None:
    """Make the name of a new file survive a crash of the machine."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
