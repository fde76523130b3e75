"""seedx db backup: write the whole database to a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from seedx_cli.context import Context
from seedx_cli.errors import UsageError
from seedx_cli.local.entry import entry
from seedx_cli.parsing.command import LocalCommand, command_app, context_of


@dataclass(frozen=True)
class BackupOptions:
    """Where to write the backup, and whether an existing file may be replaced."""

    file: Path
    force: bool = False


def run(options: BackupOptions, context: Context) -> None:
    """Write the backup."""
    file = options.file
    if file.exists() and not options.force:
        raise UsageError(f"{file} already exists", hint="Replace it with --force")
    with entry() as server:
        server.db_backup(file)
    size = file.stat().st_size
    if context.io.json:
        context.io.document({"file": str(file), "bytes": size})
    else:
        context.io.note(f"Wrote {file} ({size / 1e6:.1f} MB).")


app = command_app()


@app.command(
    "backup",
    cls=LocalCommand,
    epilog="""
    seedx db backup seedx-2026-11-23.dump
    seedx db backup /var/backups/seedx.dump --force
    """,
)
def backup(
    typer_context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")],
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write the whole database to a file."""
    run(BackupOptions(file, force), context_of(typer_context))
