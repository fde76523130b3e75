"""The errors of commands on the server's own machine, with messages for people."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from seedx_server.config import SettingsError
from seedx_server.infrastructure.database.migrate import MigrationError
from seedx_server.infrastructure.embedded.server import EmbeddedPostgresError


class EntryError(Exception):
    """A command on the server's own machine failed.

    Args:
        message: What went wrong.
        hint: What to do next, or "".
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class BadSettingError(EntryError):
    """A setting has a value that the server cannot work with."""


class NotFoundError(EntryError):
    """The thing that a command names does not exist."""


@contextmanager
def errors_for_people() -> Iterator[None]:
    """Turn errors of the settings and the database into an `EntryError`."""
    try:
        yield
    except SettingsError as error:
        raise BadSettingError(str(error)) from error
    except EmbeddedPostgresError as error:
        raise EntryError(str(error)) from error
    except MigrationError as error:
        raise EntryError(error.message, error.hint) from error
    except (psycopg.Error, SQLAlchemyError) as error:
        raise _database_error(error) from error


def _database_error(error: psycopg.Error | SQLAlchemyError) -> EntryError:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    reason = str(cause).strip().splitlines()[0]
    match cause:
        case psycopg.errors.DiskFull():
            return EntryError("The database's disk is full.", "Free some space, then try again.")
        case psycopg.errors.LockNotAvailable():
            return EntryError(
                "The schema was not changed: another session keeps a table locked.",
                "Try again when the desk is less busy.",
            )
        case psycopg.errors.DuplicateTable() | psycopg.errors.UndefinedColumn():
            return EntryError(
                f"The database already holds tables that are not SeedX's: {reason}.",
                "Give SeedX a database of its own: CREATE DATABASE seedx, and name it in "
                "DATABASE_URL.",
            )
        case psycopg.errors.InsufficientPrivilege():
            return EntryError(
                f"The role in DATABASE_URL may not do this: {reason}.",
                "Let it own the database: ALTER DATABASE name OWNER TO role",
            )
        case psycopg.OperationalError():
            return EntryError(
                f"The database cannot be reached: {reason}",
                "Check DATABASE_URL, or unset it to use the embedded database.",
            )
    return EntryError(f"The database refused: {reason}")
