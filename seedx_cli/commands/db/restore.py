"""seedx db restore: restore the database from a backup."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from seedx_cli.context import Context
from seedx_cli.errors import UsageError
from seedx_cli.local.entry import entry
from seedx_cli.parsing.command import LocalCommand, command_app, context_of
from seedx_cli.terminal.prompts import confirm


@dataclass(frozen=True)
class RestoreOptions:
    """Which backup to restore, and whether to do so without asking."""

    file: Path
    yes: bool = False


def run(options: RestoreOptions, context: Context) -> None:
    """Restore the backup, once a person has agreed."""
    file, io = options.file, context.io
    if not file.is_file():
        raise UsageError(f"There is no file {file}")
    with entry() as server:
        contents = server.db_describe_backup(file)
    io.note(
        f"{file} was written on {contents['created_at']}, at revision {contents['revision']} "
        f"({contents['bytes'] / 1e6:.1f} MB)."
    )
    question = "Replace everything in the database with it?"
    is_wanted = options.yes or confirm(io, question, "--yes")
    if is_wanted:
        with entry() as server:
            rows = server.db_restore(file)
        counts = ", ".join(f"{count} {table}" for table, count in rows.items())
        io.note(f"The database now holds what {file} holds: {counts}.")
    else:
        io.note("Nothing was changed.")
    if io.json:
        io.document({"file": str(file), "restored": is_wanted})


app = command_app()


@app.command(
    "restore",
    cls=LocalCommand,
    epilog="""
    seedx db restore seedx-2026-11-23.dump
    seedx db restore seedx-2026-11-23.dump --yes
    """,
)
def restore(
    typer_context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `db backup` wrote.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Restore the database from a backup; everything since is lost.

    The backup is first restored into a new database and checked; only then is the old one replaced.
    """
    run(RestoreOptions(file, yes), context_of(typer_context))
