"""seedx ticket list: list tickets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from seedx_cli.context import Context
from seedx_cli.parsing.arguments import Priority, Status
from seedx_cli.parsing.command import Command, command_app, context_of
from seedx_cli.terminal.tables import Column
from seedx_cli.tickets.recent import remember

if TYPE_CHECKING:
    from seedx_cli.client.documents import Ticket, TicketPage

_PAGE = 100
_DEFAULT_LIMIT = 20


@dataclass(frozen=True)
class ListOptions:
    """Which tickets to list; a `limit` of None means all of them."""

    status: str | None = None
    mine: bool = False
    assignee: str | None = None
    tag: str | None = None
    priority: str | None = None
    search: str | None = None
    limit: int | None = _DEFAULT_LIMIT


def run(options: ListOptions, context: Context) -> None:
    """List the tickets."""
    page = _fetch(options, context)
    io = context.io
    if io.json:
        io.document(page)
        return
    columns = [
        Column("ID", style="bold", right=True),
        Column("STATUS"),
        Column("PRIORITY", optional=True),
        Column("TITLE", flexible=True),
        Column("REQUESTER", flexible=True, optional=True),
        Column("ASSIGNEE", flexible=True, optional=True),
        Column("UPDATED", optional=True),
    ]
    remember(page["items"], context)
    io.table(columns, [_row(ticket, context) for ticket in page["items"]], empty="No tickets.")
    if page["next_cursor"] and page["items"]:
        io.note(f"These are the newest {len(page['items'])}; see all with --all.", "dim")


app = command_app()


@app.command(
    "list",
    cls=Command,
    epilog="""
    seedx ticket list --status open --priority urgent
    seedx ticket list --mine --json | jq '.items[].title'
    """,
)
def list_(
    typer_context: typer.Context,
    *,
    status: Status = None,
    mine: Annotated[
        bool,
        typer.Option(
            "--mine", help="Only yours: assigned to you or, for customers, opened by you."
        ),
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="List all of them, not only the newest.")
    ] = False,
    assignee: Annotated[
        str | None,
        typer.Option(
            "--assignee", metavar="WHO", help="Only those of an assignee: an id, me or none."
        ),
    ] = None,
    tag: Annotated[
        str | None, typer.Option("--tag", metavar="TAG", help="Only those with this tag.")
    ] = None,
    priority: Priority = None,
    search: Annotated[
        str | None,
        typer.Option("--search", "-S", metavar="WORDS", help="Only those with these words."),
    ] = None,
    limit: Annotated[
        int,
        typer.Option("--limit", "-L", min=1, metavar="N", help="The maximum number of tickets."),
    ] = _DEFAULT_LIMIT,
) -> None:
    """List tickets, newest activity first.

    In a pipe, each ticket is one line with its columns separated by tabs.
    """
    options = ListOptions(
        status, mine, assignee, tag, priority, search, None if everything else limit
    )
    run(options, context_of(typer_context))


def _fetch(options: ListOptions, context: Context) -> TicketPage:
    """Fetch page by page until there are enough tickets, as one document."""
    assignee, requester = options.assignee, None
    if options.mine:
        assignee, requester = (None, "me") if _role(context) == "customer" else ("me", None)
    items: list[Ticket] = []
    cursor: str | None = None
    while True:
        left = _PAGE if options.limit is None else min(_PAGE, options.limit - len(items))
        page = context.api.tickets.list(
            status=options.status,
            assignee=assignee,
            requester=requester,
            tag=options.tag,
            priority=options.priority,
            q=options.search,
            limit=left,
            cursor=cursor,
        )
        items += page["items"]
        cursor = page["next_cursor"]
        if not cursor or (options.limit is not None and len(items) >= options.limit):
            return {"items": items, "next_cursor": cursor}


def _role(context: Context) -> str:
    """Return the signed-in user's role, from the session if it is known there."""
    tokens = context.session.tokens()
    return (tokens.user if tokens and tokens.user else context.api.auth.me())["role"]


def _row(ticket: Ticket, context: Context) -> list[str]:
    assignee = ticket["assignee"]
    return [
        str(ticket["id"]),
        ticket["status"],
        ticket["priority"],
        ticket["title"],
        ticket["requester"]["name"],
        assignee["name"] if assignee else "",
        context.io.time(ticket["updated_at"], context.now()),
    ]
