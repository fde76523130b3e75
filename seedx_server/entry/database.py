"""Gives a command its database: the one in `DATABASE_URL`, or else the embedded one."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

from pydantic import SecretStr

from seedx_server.config import Settings, data_dir_secret, load_settings
from seedx_server.entry.errors import errors_for_people
from seedx_server.infrastructure.database import migrate
from seedx_server.infrastructure.embedded.server import EmbeddedPostgres
from seedx_server.infrastructure.embedded.watcher import kept_running
from seedx_server.infrastructure.observability import configure_logging

logger = logging.getLogger("seedx")

SIGNAL_STATUS = 128
"""Shells add it to a signal's number for the exit status of a program that it ended."""


def db_upgrade() -> str:
    """Upgrade the database to the newest schema and return its revision.

    Raises:
        EntryError: The database cannot be reached or upgraded.
    """
    with reachable_database() as settings:
        return migrate.upgrade(settings.listen_database)


def db_current() -> str:
    """Return the database's revision, "none" if it was never migrated.

    Raises:
        EntryError: The database cannot be reached.
    """
    with reachable_database() as settings:
        return migrate.current(settings.listen_database) or "none"


@contextmanager
def reachable_database(
    overrides: dict[str, str | int] | None = None, *, long_lived: bool = False
) -> Iterator[Settings]:
    """Yield settings that name a database; start the embedded one if none is set.

    Within the block, failures of the settings and the database become an `EntryError`.

    Args:
        overrides: Settings by field name that win over the environment.
        long_lived: Whether the block runs until a signal ends it. The embedded database is then
            started again whenever it dies.

    Raises:
        EntryError: A setting cannot be used, or the embedded database does not start.
    """
    with errors_for_people():
        settings = load_settings(**overrides or {})
        configure_logging(settings.log_level)
        with ExitStack() as stack:
            stack.enter_context(_exiting_on_signals(is_failure=not long_lived))
            if settings.database_url is None:
                server = stack.enter_context(EmbeddedPostgres(settings.data_dir))
                if long_lived:
                    stack.enter_context(kept_running(server))
                settings = _settings_of_embedded(settings, server)
            yield settings


def _settings_of_embedded(settings: Settings, server: EmbeddedPostgres) -> Settings:
    secret = settings.jwt_secret or SecretStr(data_dir_secret(settings.data_dir))
    return settings.model_copy(
        update={"database_url": SecretStr(server.url()), "jwt_secret": secret}
    )


@contextmanager
def _exiting_on_signals(*, is_failure: bool) -> Iterator[None]:
    """Turn a signal into `SystemExit`, so that nothing is left running or half done.

    Args:
        is_failure: Whether the exit status tells that a signal ended the program; otherwise 0.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def exit_on_signal(number: int, _: FrameType | None) -> None:
        logger.info("stopping on %s", signal.Signals(number).name)
        raise SystemExit(SIGNAL_STATUS + number if is_failure else 0)

    kept = {
        number: signal.signal(number, exit_on_signal) for number in (signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
