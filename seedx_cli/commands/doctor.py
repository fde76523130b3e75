"""seedx doctor: find out what is wrong."""

from __future__ import annotations

import os
import platform
import stat
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from http import HTTPStatus
from importlib.util import find_spec
from urllib.parse import urlsplit

import typer

from seedx_cli.client import Client
from seedx_cli.client.session import StoredSession
from seedx_cli.config import is_this_machine
from seedx_cli.context import Context
from seedx_cli.errors import ApiError, SeedXError
from seedx_cli.parsing.command import Command, command_app, context_of
from seedx_cli.terminal.safe_text import safe_line
from seedx_cli.version import VERSION

GOOD, WARNING, BAD = "ok", "warning", "failed"
_STYLES = {GOOD: "green", WARNING: "magenta", BAD: "red"}


@dataclass(frozen=True)
class Finding:
    """What one check found: `status` is ok, warning or failed."""

    name: str
    status: str
    detail: str


def run(context: Context) -> None:
    """Check the client, the server it talks to, and the server on this machine.

    Raises:
        SeedXError: A check failed.
    """
    findings = list(_findings(context))
    io = context.io
    if io.json:
        io.document([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            status = io.style(f"{finding.status:<8}", _STYLES.get(finding.status, "bold"))
            io.line(f"{status} {finding.name:<18} {safe_line(finding.detail)}")
    failed = [finding.name for finding in findings if finding.status == BAD]
    if failed:
        raise SeedXError(f"Unhealthy: {', '.join(failed)}")


app = command_app()


@app.command(
    "doctor",
    cls=Command,
    epilog="""
    seedx doctor
    seedx doctor --server https://desk.example.com --json
    """,
)
def doctor(typer_context: typer.Context) -> None:
    """Find out what is wrong.

    Checks the client, the server and, on the server's own machine, the database.
    """
    run(context_of(typer_context))


def _findings(context: Context) -> Iterator[Finding]:
    system = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    yield Finding("client", GOOD, f"seedx {VERSION}, {system}")
    yield _run_check("configuration", lambda: _configuration(context))
    yield _run_check("server", lambda: _server(context))
    yield _run_check("account", lambda: _account(context))
    yield from _on_this_machine(context)


def _run_check(name: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except SeedXError as error:
        hint = f" {error.hint}" if error.hint else ""
        return Finding(name, BAD, f"{error.message}.{hint}")


def _configuration(context: Context) -> Finding:
    config = context.config
    profile, directory = config.profile, config.directory
    # What does not exist yet is created in the nearest folder that does.
    nearest = next(folder for folder in (directory, *directory.parents) if folder.exists())
    if not os.access(nearest, os.W_OK):
        return Finding("configuration", WARNING, f"{directory} cannot be written")
    return Finding(
        "configuration", GOOD, f"{directory}, profile {profile.value} ({profile.source})"
    )


def _server(context: Context) -> Finding:
    server = context.config.server
    answer = _readiness(context)
    if not isinstance(answer, dict) or "status" not in answer:
        return Finding("server", BAD, f"{server.value} ({server.source}) is not a SeedX server")
    return Finding("server", GOOD, f"{server.value} ({server.source}) is ready")


def _readiness(context: Context) -> object:
    """Ask the server whether it is ready; with SEEDX_API_PREFIX, `/readyz` is at its root."""
    try:
        return context.api.transport.request("GET", "/readyz", signed_in=False)[1]
    except ApiError as error:
        url = urlsplit(context.config.server.value)
        if error.status != HTTPStatus.NOT_FOUND or not url.path:
            raise
        with Client(f"{url.scheme}://{url.netloc}", wait=context.io.wait) as root:
            return root.transport.request("GET", "/readyz", signed_in=False)[1]


def _account(context: Context) -> Finding:
    session = context.session
    if session.tokens() is None:
        return Finding("account", WARNING, "Nobody is signed in: seedx login")
    if isinstance(session, StoredSession):
        mode = stat.S_IMODE(session.file.stat().st_mode)
        if mode & 0o077:
            return Finding("account", BAD, f"{session.file} can be read by others ({mode:o})")
    user = context.api.auth.me()
    return Finding("account", GOOD, f"{user['email']} ({user['role']})")


def _on_this_machine(context: Context) -> Iterator[Finding]:
    """Run the server's own checks, if the client uses a server on this machine."""
    if not is_this_machine(context.config.server.value) or find_spec("seedx_server") is None:
        return
    from seedx_cli.local.entry import entry

    try:
        with entry() as server:
            for check in server.doctor():
                yield Finding(check["name"], check["status"], check["detail"])
    except SeedXError as error:
        yield Finding("settings", BAD, error.message)
