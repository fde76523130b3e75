"""Starts the embedded PostgreSQL again when it dies while SeedX is running."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from seedx_server.infrastructure.embedded.cluster import EmbeddedPostgresError
from seedx_server.infrastructure.embedded.server import EmbeddedPostgres

CHECK_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 30.0

logger = logging.getLogger(__name__)


@contextmanager
def kept_running(server: EmbeddedPostgres) -> Iterator[None]:
    """Start the server again whenever it dies, until the block ends.

    Several processes may watch one server: the first to notice starts it.

    Args:
        server: The server, which this process uses until after the block.
    """
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=[server, ended], name="embedded-postgres")
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _watch(server: EmbeddedPostgres, ended: threading.Event) -> None:
    wait = CHECK_SECONDS
    while not ended.wait(wait):
        try:
            _start_if_dead(server)
            wait = CHECK_SECONDS
        except (EmbeddedPostgresError, OSError) as error:
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)
            logger.warning("%s Trying again in %.0f seconds.", error, wait)


def _start_if_dead(server: EmbeddedPostgres) -> None:
    if not server.is_running():
        logger.warning("the embedded PostgreSQL died; starting it again")
        server.restart()
        logger.info("the embedded PostgreSQL is running again")
