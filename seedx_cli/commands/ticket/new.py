"""seedx ticket new: open a ticket."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, cast

import typer

from seedx_cli.client.documents import Priority as PriorityName
from seedx_cli.context import Context
from seedx_cli.errors import UsageError
from seedx_cli.parsing.arguments import Body, File, Priority, Recover, Tags
from seedx_cli.parsing.command import Command, command_app, context_of
from seedx_cli.terminal.prompts import SCISSORS, ask, require_person
from seedx_cli.tickets.opening import (
    NewTicket,
    command_to_open,
    open_ticket,
    show_opened,
    suggest_next,
)
from seedx_cli.tickets.streaming import follow
from seedx_cli.tickets.texts import Source, keep_until_sent

_BELOW_THE_DASHES = "Nothing below the dashes is sent. Leave it all empty to send nothing."
_TITLE_AND_TEXT = f"""

{SCISSORS}
Write the title on the first line and describe the problem below it.
{_BELOW_THE_DASHES}
"""
_TEXT = f"""

{SCISSORS}
Describe the problem: {{title}}
{_BELOW_THE_DASHES}
"""


@dataclass(frozen=True)
class NewOptions:
    """What to open, and whether the AI replies at once; the person is asked for what is missing."""

    title: str | None = None
    source: Source = field(default_factory=Source)
    priority: PriorityName | None = None
    tags: tuple[str, ...] = ()
    ai: bool = False


def run(options: NewOptions, context: Context) -> None:
    """Open the ticket and, if asked for, stream the AI's reply."""
    title, description = _title_and_text(options, context)
    new = NewTicket(
        title, description, options.source, options.priority, options.tags, ai=options.ai
    )
    ticket = open_ticket(new, context)
    show_opened(ticket, context, as_event=options.ai)
    if options.ai:
        number = ticket["id"]
        follow(context.api.ai.stream(number), context, go_on=f"seedx ai {number}")
    else:
        suggest_next(ticket, context)


app = command_app()


@app.command(
    "new",
    cls=Command,
    epilog="""
    seedx ticket new -t "Printer on fire" -b "It has smoked since Monday." --priority high --ai
    journalctl -u web | seedx ticket new -t "The web server stops" -F -
    """,
)
def new(
    typer_context: typer.Context,
    *,
    title: Annotated[
        str | None, typer.Option("--title", "-t", metavar="TITLE", help="The title, in one line.")
    ] = None,
    body: Body = None,
    file: File = None,
    priority: Priority = None,
    tag: Tags = None,
    ai: Annotated[
        bool, typer.Option("--ai", help="Ask for an AI reply at once, and stream it.")
    ] = False,
    recover: Recover = None,
) -> None:
    """Open a ticket.

    Without --body or --file, your editor opens. Text that cannot be sent is kept in a file.
    """
    options = NewOptions(
        title,
        Source(body, file, recover),
        cast("PriorityName | None", priority),
        tuple(tag or ()),
        ai=ai,
    )
    run(options, context_of(typer_context))


def _title_and_text(options: NewOptions, context: Context) -> tuple[str, str]:
    """Return title and text, asking for what is missing."""
    source = options.source
    if source.recover is not None:
        return _split(source.read(context, ""), options, context)
    if source.body is not None or source.file is not None:
        title = options.title or ask(context.io, "Title", "--title")
        return title, source.read(context, "")
    if options.title:
        return options.title, source.read(context, _TEXT.format(title=options.title)).strip()
    require_person(context.io, "Title and text", "--title, and --body or --file")
    return _split(source.read(context, _TITLE_AND_TEXT), options, context)


def _split(written: str, options: NewOptions, context: Context) -> tuple[str, str]:
    """Split a text into the title on its first line and the rest."""
    first, _, rest = written.partition("\n")
    title, description = options.title or first.strip(), rest.strip()
    if not description:
        command = command_to_open(options.priority, options.tags, ai=options.ai)
        with keep_until_sent(context, written, command, options.source):
            raise UsageError(
                "There is a title, but no text below it", hint="Give both on the command line"
            )
    return title, description
