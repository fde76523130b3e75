"""Serves the API: the listener and the server processes."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from socket import socket
from tempfile import TemporaryDirectory

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import ChangeReload, Multiprocess

from seedx_server.app import create_app
from seedx_server.config import Settings, load_settings
from seedx_server.entry.database import reachable_database
from seedx_server.entry.listener import listen, url_of
from seedx_server.infrastructure.database import migrate
from seedx_server.infrastructure.observability import METRICS_FOLDER, configure_logging
from seedx_server.infrastructure.web.protocol import ProblemProtocol

SHUTDOWN_SECONDS = 5


def serve(
    host: str | None = None, port: int | None = None, workers: int = 1, reload: bool = False
) -> None:
    """Serve the API until a signal ends it.

    Args:
        host: Where to listen; None for the setting.
        port: The port; None for the setting, 0 for any that is free.
        workers: The number of server processes.
        reload: Whether to restart when the code changes, for development.

    Raises:
        EntryError: A setting, the database or the port cannot be used.
    """
    given: dict[str, str | int | None] = {"host": host, "port": port}
    overrides = {name: value for name, value in given.items() if value is not None}
    with reachable_database(overrides, long_lived=True) as settings:
        # First, so that a bad setting is reported before anything else happens.
        app = create_app(settings)
        migrate.upgrade(settings.listen_database)
        with listen(settings, "SEEDX_HOST" if host is None else "--host") as listener:
            url = url_of(listener)
            # For the person who started it.
            sys.stderr.write(
                f"SeedX answers at {url}{settings.api_prefix} (API pages at {url}/docs)\n"
            )
            if workers > 1 or reload:
                _run_processes(settings, listener, workers, reload)
            else:
                uvicorn.Server(_configuration(app)).run(sockets=[listener])


def make_worker_app() -> FastAPI:
    """Make the app of a server process that `serve` started, with settings from the environment."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with_parent, args=[parent], daemon=True).start()
    settings = load_settings()
    configure_logging(settings.log_level)
    return create_app(settings)


def _end_with_parent(parent: BaseProcess) -> None:
    """End this process when its parent has ended, even if the parent was killed."""
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


def _run_processes(settings: Settings, listener: socket, workers: int, reload: bool) -> None:
    factory = f"{make_worker_app.__module__}:{make_worker_app.__name__}"
    config = _configuration(factory, workers=workers, reload=reload)
    os.environ["DATABASE_URL"] = settings.database
    if settings.jwt_secret is not None:
        os.environ["JWT_SECRET"] = settings.jwt_secret.get_secret_value()
    if reload:
        ChangeReload(config, target=uvicorn.Server(config).run, sockets=[listener]).run()
    else:
        with _shared_metrics():
            Multiprocess(config, sockets=[listener]).run()


def _configuration(app: FastAPI | str, workers: int = 1, reload: bool = False) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=isinstance(app, str),
        workers=workers,
        reload=reload,
        log_config=None,
        access_log=False,
        http=ProblemProtocol,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


@contextmanager
def _shared_metrics() -> Iterator[None]:
    """Let the server processes started in the block share their metrics through files."""
    with TemporaryDirectory(prefix="seedx-metrics-") as folder:
        os.environ[METRICS_FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[METRICS_FOLDER]
