"""The doors by which the command line reaches the server on its own machine.

Nothing else of this package is imported from outside it. What goes wrong leaves as an
`EntryError` with words for people.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from types import FrameType

import psycopg
import uvicorn
from alembic.util.exc import CommandError
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy.exc import SQLAlchemyError
from uvicorn.supervisors import ChangeReload, Multiprocess

from seedx_server.ai.providers.registry import configured
from seedx_server.app import create_app
from seedx_server.config import Settings, SettingsError, data_dir_secret, load_settings
from seedx_server.infrastructure.access import Role
from seedx_server.infrastructure.database import migrate
from seedx_server.infrastructure.database.engine import make_engine, make_sessions
from seedx_server.infrastructure.embedded.server import (
    EmbeddedPostgres,
    EmbeddedPostgresError,
    binary,
)
from seedx_server.infrastructure.errors import DomainError
from seedx_server.infrastructure.observability import configure_logging
from seedx_server.infrastructure.web.protocol import ProblemProtocol
from seedx_server.users.core import UserDocument
from seedx_server.users.repository import UserRepository
from seedx_server.users.security import PasswordHasher, utc_now
from seedx_server.users.service import UserService

logger = logging.getLogger("seedx")

SHUTDOWN_SECONDS = 5
LAST_PORT = 65535
OTHER_CONNECTIONS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend'
        AND pid <> pg_backend_pid()
"""


class EntryError(Exception):
    """Something on this machine keeps the server from its work.

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


def serve(
    host: str | None = None, port: int | None = None, workers: int = 1, reload: bool = False
) -> None:
    """Serve the API until a signal ends it.

    Args:
        host: Where to listen; None for the setting.
        port: The port; None for the setting, 0 for any that is free.
        workers: Server processes.
        reload: Begin anew when the code changes, for development.

    Raises:
        EntryError: A setting, the database or the port does not let it start.
    """
    overrides = {
        name: value for name, value in (("host", host), ("port", port)) if value is not None
    }
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGHUP, _leave)
    with _database(**overrides) as settings:
        # Before anything listens, so that a bad setting is the only thing that is said.
        app = create_app(settings)
        _upgrade(settings)
        listener = _listen(settings)
        address = "http://{}:{}".format(*listener.getsockname()[:2])
        # For the person who started it.
        sys.stderr.write(f"SeedX answers at {address} (API pages at {address}/docs)\n")
        _run(app, settings, listener, workers, reload)


def set_role(email: str, role: str) -> dict[str, object]:
    """Give an account a role, straight in the database, and return the user document.

    Raises:
        EntryError: There is no such account or role, or no database.
    """
    if role not in set(Role):
        raise EntryError(f"There is no role {role!r}.", f"The roles are {', '.join(Role)}.")
    with _database() as settings:
        _upgrade(settings)
        try:
            document = asyncio.run(_set_role(settings, email, Role(role)))
        except DomainError as error:
            raise EntryError(error.detail) from error
    return document.model_dump(mode="json")


def db_upgrade() -> str:
    """Bring the database to the newest schema and return its revision.

    Raises:
        EntryError: The database cannot be reached or upgraded.
    """
    with _database() as settings:
        return _upgrade(settings)


def db_current() -> str:
    """Return the database's revision, "none" if it was never migrated.

    Raises:
        EntryError: The database cannot be reached.
    """
    with _database() as settings:
        return migrate.current(settings.database) or "none"


def db_backup(file: Path) -> None:
    """Write the whole database to a file, in PostgreSQL's custom format.

    Raises:
        EntryError: The database cannot be read or the file not written.
    """
    with _database() as settings:
        _postgresql("pg_dump", settings, "--format=custom", "--no-owner", f"--file={file}")


def db_restore(file: Path) -> None:
    """Put a backup in the place of what the database holds now.

    Raises:
        EntryError: The file is no backup, servers use the database, or it refuses the backup.
    """
    if not file.is_file():
        raise EntryError(f"There is no file {file}.")
    with _database() as settings:
        _refuse_in_use(settings)
        _postgresql(
            "pg_restore",
            settings,
            "--clean",
            "--if-exists",
            "--no-owner",
            "--single-transaction",
            str(file),
        )
        _upgrade(settings)


def handbook_path() -> Path:
    """Return the folder of the Markdown articles about SeedX itself."""
    return Path(str(files("seedx_server"))) / "handbook"


def doctor() -> list[dict[str, str]]:
    """Check what the server needs on this machine: name, status (ok or failed) and detail."""
    checks = [_check("settings", _providers)]
    if checks[0]["status"] == "ok":
        checks.append(_check("database", lambda: f"at revision {db_current()}"))
    return checks


def from_environment() -> FastAPI:
    """Make the app of one of several server processes, which get all settings by environment."""
    settings = load_settings()
    configure_logging(settings.log_level)
    return create_app(settings)


def _providers() -> str:
    names = [provider.name for provider in configured(load_settings())]
    return "AI replies by " + ", then ".join(names)


def _check(name: str, probe: Callable[[], str]) -> dict[str, str]:
    try:
        return {"name": name, "status": "ok", "detail": probe()}
    except (EntryError, SettingsError) as error:
        return {"name": name, "status": "failed", "detail": str(error)}


@contextlib.contextmanager
def _database(**overrides: str | int) -> Iterator[Settings]:
    """Give the settings with a database that answers, the embedded one if none is named."""
    try:
        settings = load_settings(**overrides)
    except SettingsError as error:
        raise BadSettingError(str(error)) from error
    configure_logging(settings.log_level)
    if settings.database_url is not None:
        with _plainly():
            yield settings
        return
    try:
        with EmbeddedPostgres(settings.data_dir) as server, _plainly():
            secret = settings.jwt_secret or SecretStr(data_dir_secret(settings.data_dir))
            yield settings.model_copy(
                update={"database_url": SecretStr(server.url()), "jwt_secret": secret}
            )
    except EmbeddedPostgresError as error:
        raise EntryError(str(error)) from error


@contextlib.contextmanager
def _plainly() -> Iterator[None]:
    try:
        yield
    except SettingsError as error:
        raise BadSettingError(str(error)) from error
    except (psycopg.OperationalError, SQLAlchemyError) as error:
        raise EntryError(
            f"The database does not answer or refuses: {str(error).splitlines()[0]}",
            "Check DATABASE_URL, or unset it to use the embedded database.",
        ) from error


def _upgrade(settings: Settings) -> str:
    try:
        return migrate.upgrade(settings.listen_database)
    except CommandError as error:
        raise EntryError(
            f"The database cannot be upgraded: {error}",
            "Was it used by a newer version of SeedX? Install that one.",
        ) from error


def _listen(settings: Settings) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        listener = socket.create_server((settings.host, settings.port), family=family)
    except (OSError, OverflowError) as error:
        raise EntryError(
            f"Cannot listen on {settings.host} port {settings.port}: {error}",
            f"Name another port: seedx serve --port {_next_port(settings.port)}",
        ) from error
    listener.set_inheritable(True)
    # asyncio's own event loop would let each answer wait 40 ms for an acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _next_port(port: int) -> int:
    return port + 1 if port < LAST_PORT else port - 1


def _run(
    app: FastAPI, settings: Settings, listener: socket.socket, workers: int, reload: bool
) -> None:
    # Server processes beside this one read their settings from the environment.
    os.environ["DATABASE_URL"] = settings.database
    if settings.jwt_secret is not None:
        os.environ["JWT_SECRET"] = settings.jwt_secret.get_secret_value()
    several = workers > 1 or reload
    config = uvicorn.Config(
        "seedx_server.entry:from_environment" if several else app,
        factory=several,
        workers=workers,
        reload=reload,
        log_config=None,
        access_log=False,
        http=ProblemProtocol,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    server = uvicorn.Server(config)
    if reload:
        ChangeReload(config, target=server.run, sockets=[listener]).run()
    elif workers > 1:
        Multiprocess(config, sockets=[listener]).run()
    else:
        server.run(sockets=[listener])


def _leave(number: int, _: FrameType | None) -> None:
    # By an exception, so that the embedded database is stopped on the way out.
    logger.info("stopping on %s", signal.Signals(number).name)
    raise SystemExit(0)


async def _set_role(settings: Settings, email: str, role: Role) -> UserDocument:
    engine = make_engine(settings.database, pool_size=1)
    try:
        async with make_sessions(engine)() as session, session.begin():
            service = UserService(UserRepository(session), PasswordHasher(), utc_now)
            return UserDocument.model_validate(await service.set_role_of(email, role))
    finally:
        await engine.dispose()


def _refuse_in_use(settings: Settings) -> None:
    with psycopg.connect(settings.database) as connection:
        others = connection.execute(OTHER_CONNECTIONS).fetchone()
    if others is not None and others[0]:
        raise EntryError(
            f"The database is in use by {others[0]} other connections.",
            "Stop every server first, so that none works on what is being replaced.",
        )


def _postgresql(program: str, settings: Settings, *arguments: str) -> None:
    try:
        # Not the system's own: an older pg_dump refuses a newer server.
        path = binary(program)
    except EmbeddedPostgresError as error:
        raise EntryError(str(error)) from error
    command = [str(path), f"--dbname={settings.database}", *arguments]
    # Our own program and arguments.
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise EntryError(f"{program} failed: {done.stderr.strip() or done.returncode}")
