"""seedx ticket edit: change a ticket's status, priority, title or tags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

import typer

from seedx_cli.client.documents import TicketChanges
from seedx_cli.context import Context
from seedx_cli.errors import UsageError
from seedx_cli.parsing.arguments import Number, Priority, Status, Tags
from seedx_cli.parsing.command import Command, command_app, context_of
from seedx_cli.tickets.changing import change


@dataclass(frozen=True)
class EditOptions:
    """What to change on which ticket."""

    number: int
    changes: TicketChanges


def run(options: EditOptions, context: Context) -> None:
    """Change the ticket."""
    if not options.changes:
        raise UsageError(
            "There is nothing to change",
            hint="Give --status, --priority, --title or --tag; see --help",
        )
    change(options.number, options.changes, context)


app = command_app()


@app.command(
    "edit",
    cls=Command,
    epilog="""
    seedx ticket edit 42 --priority urgent --tag billing --tag refund
    seedx ticket edit 42 --status on_hold
    """,
)
def edit(
    typer_context: typer.Context,
    number: Number,
    *,
    status: Status = None,
    priority: Priority = None,
    title: Annotated[
        str | None, typer.Option("--title", "-t", metavar="TITLE", help="A new title.")
    ] = None,
    tag: Tags = None,
    no_tags: Annotated[bool, typer.Option("--no-tags", help="Remove all tags.")] = False,
) -> None:
    """Change status, priority, title or tags.

    The tags you give replace the ones it has.
    """
    given = {"status": status, "priority": priority, "title": title}
    changes: dict[str, object] = {name: value for name, value in given.items() if value is not None}
    if tag or no_tags:
        changes["tags"] = [] if no_tags else tag
    run(EditOptions(number, cast("TicketChanges", changes)), context_of(typer_context))
