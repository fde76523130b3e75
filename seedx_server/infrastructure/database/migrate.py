"""Brings a database to the newest schema, one process at a time."""

import logging
from importlib.resources import files
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.conninfo import make_conninfo
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import NullPool

from seedx_server.infrastructure.database.engine import CONNECTION, connection_url

logger = logging.getLogger(__name__)

OLDEST_POSTGRESQL = 14
"""The oldest major version of PostgreSQL that SeedX works with."""

UPGRADE_LOCK = 7_333_001
"""The advisory lock that the upgrading process holds; any otherwise unused number."""

LOCK_TIMEOUT = "60s"
"""How long a process waits for another one that is upgrading."""


class MigrationError(Exception):
    """The database cannot be upgraded.

    Args:
        message: What is wrong.
        hint: What to do next.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class NewerSchemaError(MigrationError):
    """The schema was made by a newer version of SeedX.

    Args:
        revision: The database's revision.
    """

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"The database has the schema of a newer version of SeedX (revision {revision}).",
            "Install that version, or a newer one.",
        )


def scripts_folder() -> Path:
    """Return the folder of the migration scripts, in the wheel or in the checkout."""
    package = Path(str(files("seedx_server")))
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "alembic"


def configuration(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration for a connection that is already open."""
    config = Config()
    config.set_main_option("script_location", str(scripts_folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(address: str) -> str:
    """Upgrade the database to the newest revision and return that revision.

    Several processes may call it at once: one works while the others wait, and then find
    nothing left to do.

    Args:
        address: `postgresql://…`.

    Raises:
        MigrationError: PostgreSQL is too old, the schema is newer than this version of SeedX,
            or another process has been upgrading for too long.
    """
    # The lock belongs to a transaction, so that a pooler reserves a connection for it, and
    # releases the lock however this process ends.
    with psycopg.connect(make_conninfo(address, **CONNECTION)) as guard:
        _refuse_old_postgresql(guard)
        _wait_for_turn(guard)
        with _engine(address).connect() as connection:
            _refuse_newer_schema(connection)
            command.upgrade(configuration(connection), "head")
            connection.commit()
    return newest()


def newest() -> str:
    """Return the newest revision that this version of SeedX knows."""
    head = ScriptDirectory.from_config(configuration()).get_current_head()
    if head is None:
        raise RuntimeError("no migration scripts were found; the installation is damaged")
    return head


def knows(revision: str) -> bool:
    """Return whether this version of SeedX has the migration for a revision."""
    scripts = ScriptDirectory.from_config(configuration())
    return revision in {script.revision for script in scripts.walk_revisions()}


def current(address: str) -> str | None:
    """Return the database's revision, or None if it was never migrated."""
    with _engine(address).connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _engine(address: str) -> Engine:
    return create_engine(connection_url(address), poolclass=NullPool, connect_args=CONNECTION)


def _refuse_old_postgresql(guard: psycopg.Connection) -> None:
    major = guard.info.server_version // 10_000
    if major < OLDEST_POSTGRESQL:
        raise MigrationError(
            f"The database server is PostgreSQL {major}, and SeedX needs {OLDEST_POSTGRESQL} or "
            "newer.",
            "Upgrade it, or unset DATABASE_URL to use the embedded database.",
        )


def _wait_for_turn(guard: psycopg.Connection) -> None:
    """Take the lock of upgrades in the guard's transaction."""
    # The transaction holds the lock until the migrations are done, however long they take.
    guard.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    guard.execute("SET LOCAL statement_timeout = 0")
    taken = guard.execute("SELECT pg_try_advisory_xact_lock(%s)", [UPGRADE_LOCK]).fetchone()
    if taken == (True,):
        return
    logger.info("another process is upgrading the database; waiting up to %s", LOCK_TIMEOUT)
    guard.execute("SELECT set_config('lock_timeout', %s, true)", [LOCK_TIMEOUT])
    try:
        guard.execute("SELECT pg_advisory_xact_lock(%s)", [UPGRADE_LOCK])
    except psycopg.errors.LockNotAvailable as error:
        raise MigrationError(
            f"Another process has been upgrading the database for {LOCK_TIMEOUT}.",
            "Wait until it is done, then try again.",
        ) from error


def _refuse_newer_schema(connection: Connection) -> None:
    found = MigrationContext.configure(connection).get_current_revision()
    # Alembic begins the transactions of the migrations itself.
    connection.rollback()
    if found is not None and not knows(found):
        raise NewerSchemaError(found)
