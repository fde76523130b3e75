"""seedx ticket assign: assign a ticket to a member of staff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from seedx_cli.context import Context
from seedx_cli.errors import NotFoundError, UsageError
from seedx_cli.parsing.arguments import Number
from seedx_cli.parsing.command import Command, command_app, context_of
from seedx_cli.terminal.safe_text import safe_line
from seedx_cli.tickets.changing import change

_MOST_ADDRESSES = 10


@dataclass(frozen=True)
class AssignOptions:
    """Who gets which ticket: an id, an e-mail address, `me` or `nobody`."""

    number: int
    who: str


def run(options: AssignOptions, context: Context) -> None:
    """Assign the ticket."""
    change(options.number, {"assignee_id": _assignee(options.who, context)}, context)


app = command_app()


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
    """Assign a ticket to a member of staff."""
    run(AssignOptions(number, who), context_of(typer_context))


def _assignee(who: str, context: Context) -> int | None:
    if who in {"nobody", "none"}:
        return None
    if who == "me":
        return context.api.auth.me()["id"]
    if who.isascii() and who.isdigit():
        return int(who)
    if "@" not in who:
        raise UsageError(
            f"{who!r} does not name anybody", hint="Give me, nobody, an e-mail address or an id"
        )
    staff = context.api.users.staff()
    for member in staff:
        if member["email"].casefold() == who.casefold():
            return member["id"]
    addresses = ", ".join(safe_line(member["email"]) for member in staff[:_MOST_ADDRESSES])
    raise NotFoundError(
        f"No member of staff has the address {who}", hint=f"Members of staff: {addresses}"
    )
