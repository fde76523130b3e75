"""Working on tickets: close, reopen, edit, claim and assign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

import typer

from seedx_cli.client.documents import Ticket, TicketChanges, User
from seedx_cli.context import Context
from seedx_cli.errors import SeedXError, UsageError
from seedx_cli.parsing.arguments import Number, Priority, Status, Tags
from seedx_cli.parsing.command import Command, command_group, context_of
from seedx_cli.terminal.safe_text import safe_line

app = command_group("Working on tickets.")


@dataclass(frozen=True)
class ChangeOptions:
    """What to change on which ticket."""

    ticket_id: int
    changes: TicketChanges


@dataclass(frozen=True)
class AssignOptions:
    """Who gets which ticket: an id, an e-mail address, `me` or `nobody`."""

    ticket_id: int
    who: str


def run_change(options: ChangeOptions, context: Context) -> None:
    """Change a ticket."""
    if not options.changes:
        raise UsageError(
            "Nothing to change", hint="Give --status, --priority, --title or --tag; see --help"
        )
    _tell(context.api.tickets.edit(options.ticket_id, options.changes), context)


def run_claim(context: Context) -> None:
    """Take the most urgent ticket that waits for somebody."""
    ticket = context.api.tickets.claim()
    if ticket is not None:
        _tell(ticket, context)
    elif context.io.json:
        context.io.document(None)
    else:
        context.io.note("No open ticket waits for somebody.")


def run_assign(options: AssignOptions, context: Context) -> None:
    """Give a ticket to somebody."""
    assignee = _assignee(options.who, context)
    _tell(context.api.tickets.edit(options.ticket_id, {"assignee_id": assignee}), context)


@app.command(
    "close",
    cls=Command,
    epilog="""
    seedx ticket close 42
    seedx ticket close 42 --json
    """,
)
def close(typer_context: typer.Context, number: Number) -> None:
    """Close a ticket."""
    run_change(ChangeOptions(number, {"status": "closed"}), context_of(typer_context))


@app.command(
    "reopen",
    cls=Command,
    epilog="""
    seedx ticket reopen 42
    seedx ticket reopen 42 --json
    """,
)
def reopen(typer_context: typer.Context, number: Number) -> None:
    """Open a ticket again."""
    run_change(ChangeOptions(number, {"status": "open"}), context_of(typer_context))


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
    title: Annotated[str | None, typer.Option("--title", "-t", help="Another title.")] = None,
    tag: Tags = None,
    no_tags: Annotated[bool, typer.Option("--no-tags", help="Take all tags off.")] = False,
) -> None:
    """Change status, priority, title or tags.

    The tags given replace those it has.
    """
    given = {"status": status, "priority": priority, "title": title}
    changes: dict[str, object] = {name: value for name, value in given.items() if value is not None}
    if tag or no_tags:
        changes["tags"] = [] if no_tags else tag
    run_change(ChangeOptions(number, cast("TicketChanges", changes)), context_of(typer_context))


@app.command(
    "claim",
    cls=Command,
    epilog="""
    seedx ticket claim
    seedx ticket claim --json | jq .id
    """,
)
def claim(typer_context: typer.Context) -> None:
    """Take the most urgent ticket.

    Of the open tickets that nobody has, it is given to you.
    """
    run_claim(context_of(typer_context))


@app.command(
    "assign",
    cls=Command,
    epilog="""
    seedx ticket assign 42 me
    seedx ticket assign 42 nobody
    """,
)
def assign(
    typer_context: typer.Context,
    number: Number,
    *,
    who: Annotated[
        str, typer.Argument(metavar="WHO", help="me, nobody, an e-mail address or an id.")
    ],
) -> None:
    """Give a ticket to somebody."""
    run_assign(AssignOptions(number, who), context_of(typer_context))


def _assignee(who: str, context: Context) -> int | None:
    if who in {"nobody", "none"}:
        return None
    if who == "me":
        return context.api.auth.me()["id"]
    if who.isascii() and who.isdigit():
        return int(who)
    if "@" not in who:
        raise UsageError(f"{who!r} is nobody", hint="Give me, nobody, an e-mail address or an id")
    return find_user(who, context)["id"]


def find_user(email: str, context: Context) -> User:
    """The account with that e-mail address.

    Raises:
        SeedXError: There is none.
    """
    for user in context.api.users.all():
        if user["email"].casefold() == email.casefold():
            return user
    raise SeedXError(f"Nobody has the address {email}", hint="See everybody: seedx user list")


def _tell(ticket: Ticket, context: Context) -> None:
    io = context.io
    if io.json:
        io.document(ticket)
        return
    assignee = ticket["assignee"]
    held = f", assigned to {assignee['name']}" if assignee else ""
    facts = f"{ticket['status']}, {ticket['priority']} priority{held}"
    io.line(f"#{ticket['id']} {safe_line(ticket['title'])}: {safe_line(facts)}")
