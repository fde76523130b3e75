"""Running the server."""

from __future__ import annotations

from typing import Annotated

import typer

from seedx_cli.local.entry import entry
from seedx_cli.parsing.command import Command, command_group, context_of

app = command_group("The server.")


@app.command(
    "serve",
    cls=Command,
    epilog="""
    seedx serve
    DATABASE_URL=postgresql://seedx@db/seedx JWT_SECRET=... seedx serve --host 0.0.0.0 --workers 4
    """,
)
def serve(
    typer_context: typer.Context,
    host: Annotated[
        str | None, typer.Option("--host", help="Where to listen; SEEDX_HOST or 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65535, help="The port; SEEDX_PORT or 8443, 0 for any."),
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="How many processes.")] = 1,
    reload: Annotated[
        bool, typer.Option("--reload", help="Start again when the source changes.")
    ] = False,
) -> None:
    """Run the server.

    It brings the database up to date first. Without DATABASE_URL it brings its own PostgreSQL and
    keeps it in the data folder.
    """
    context_of(typer_context)
    with entry() as server:
        server.serve(host=host, port=port, workers=workers, reload=reload)
