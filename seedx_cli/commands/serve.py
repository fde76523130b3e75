"""seedx serve: run the server."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from seedx_cli.local.entry import entry
from seedx_cli.parsing.command import LocalCommand, command_app


@dataclass(frozen=True)
class ServeOptions:
    """Where and how to serve; None leaves it to the server's settings."""

    host: str | None = None
    port: int | None = None
    workers: int = 1
    reload: bool = False


def run(options: ServeOptions) -> None:
    """Serve until a signal ends it."""
    with entry() as server:
        server.serve(**asdict(options))


app = command_app()


@app.command(
    "serve",
    cls=LocalCommand,
    epilog="""
    seedx serve
    DATABASE_URL=postgresql://seedx@db/seedx JWT_SECRET=... seedx serve --host 0.0.0.0 --workers 4
    """,
)
def serve(
    host: Annotated[
        str | None,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            help="The address to listen on; by default SEEDX_HOST or 127.0.0.1.",
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            min=0,
            max=65535,
            metavar="PORT",
            help="The port; by default SEEDX_PORT or 8443. 0 means any.",
        ),
    ] = None,
    workers: Annotated[
        int, typer.Option("--workers", min=1, metavar="N", help="The number of processes.")
    ] = 1,
    reload: Annotated[
        bool, typer.Option("--reload", help="Restart when the source changes.")
    ] = False,
) -> None:
    """Run the server.

    Migrates the database first. Without DATABASE_URL it runs its own PostgreSQL, whose data is in
    the data folder.
    """
    run(ServeOptions(host, port, workers, reload))
