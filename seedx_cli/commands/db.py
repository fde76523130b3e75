"""The server's database: db upgrade, current, backup and restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seedx_cli.context import Context
from seedx_cli.errors import UsageError
from seedx_cli.local.entry import entry
from seedx_cli.parsing.command import Command, command_group, context_of
from seedx_cli.terminal.prompts import confirm

app = command_group("Migrate, back up and restore the database.")


@app.command(
    "upgrade",
    cls=Command,
    epilog="""
    seedx db upgrade
    DATABASE_URL=postgresql://seedx@db/seedx seedx db upgrade
    """,
)
def upgrade(typer_context: typer.Context) -> None:
    """Bring the database to the newest revision; `serve` does so by itself."""
    with entry() as server:
        revision = server.db_upgrade()
    _tell_revision(revision, context_of(typer_context))


@app.command(
    "current",
    cls=Command,
    epilog="""
    seedx db current
    seedx db current --json
    """,
)
def current(typer_context: typer.Context) -> None:
    """Show the database's revision."""
    with entry() as server:
        revision = server.db_current()
    _tell_revision(revision, context_of(typer_context))


@app.command(
    "backup",
    cls=Command,
    epilog="""
    seedx db backup seedx-2026-11-23.dump
    seedx db backup /var/backups/seedx.dump --force
    """,
)
def backup(
    typer_context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write the whole database to a file."""
    context = context_of(typer_context)
    if file.exists() and not force:
        raise UsageError(f"{file} is there already", hint="Replace it with --force")
    with entry() as server:
        server.db_backup(file)
    size = file.stat().st_size
    if context.io.json:
        context.io.document({"file": str(file), "bytes": size})
    else:
        context.io.note(f"Wrote {file} ({size / 1e6:.1f} MB).")


@app.command(
    "restore",
    cls=Command,
    epilog="""
    seedx db restore seedx-2026-11-23.dump
    seedx db restore seedx-2026-11-23.dump --yes
    """,
)
def restore(
    typer_context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `db backup` wrote.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Put the database back to what a backup holds; everything since is lost.

    The backup is restored and checked beside the database, which is replaced only then.
    """
    context = context_of(typer_context)
    if not file.is_file():
        raise UsageError(f"There is no file {file}")
    with entry() as server:
        contents = server.db_describe_backup(file)
    context.io.note(
        f"{file} was written on {contents['created_at']}, at revision {contents['revision']} "
        f"({contents['bytes'] / 1e6:.1f} MB)."
    )
    question = "Replace everything in the database by it?"
    if not yes and not confirm(context.io, question, "--yes"):
        context.io.note("Nothing was changed.")
        _tell_restored(file, context, restored=False)
        return
    with entry() as server:
        rows = server.db_restore(file)
    counts = ", ".join(f"{count} {table}" for table, count in rows.items())
    context.io.note(f"The database now holds what {file} holds: {counts}.")
    _tell_restored(file, context, restored=True)


def _tell_restored(file: Path, context: Context, *, restored: bool) -> None:
    if context.io.json:
        context.io.document({"file": str(file), "restored": restored})


def _tell_revision(revision: str, context: Context) -> None:
    if context.io.json:
        context.io.document({"revision": revision})
    else:
        context.io.line(revision)
