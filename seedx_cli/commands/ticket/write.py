"""Writing: ticket new, reply and note."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, cast

import typer

from seedx_cli.client.documents import Priority as PriorityName
from seedx_cli.client.documents import Ticket
from seedx_cli.context import Context
from seedx_cli.errors import UsageError
from seedx_cli.parsing.arguments import Body, File, Number, Priority, Recover, Tags
from seedx_cli.parsing.command import Command, command_group, context_of
from seedx_cli.terminal.prompts import SCISSORS, ask, require_person
from seedx_cli.terminal.safe_text import safe_line
from seedx_cli.tickets.texts import Source, kept

app = command_group("Writing to tickets.")

_NEW_TEMPLATE = f"""

{SCISSORS}
Write the title on the first line, what the matter is below it.
Nothing from the dashes on is sent. Leave it all empty to send nothing.
"""
_REPLY_TEMPLATE = f"""

{SCISSORS}
Write your {{kind}} to ticket #{{number}} above the dashes. Leave it empty to send nothing.
"""


@dataclass(frozen=True)
class NewOptions:
    """What to open, and whether the AI answers at once.

    With `as_event` the ticket is one more event of the stream that ``--json`` prints.
    """

    title: str | None = None
    source: Source = field(default_factory=Source)
    priority: str | None = None
    tags: tuple[str, ...] = ()
    ai: bool = False
    as_event: bool = False


@dataclass(frozen=True)
class MessageOptions:
    """What to add to which ticket."""

    ticket_id: int
    source: Source = field(default_factory=Source)
    internal: bool = False


def run_new(options: NewOptions, context: Context) -> None:
    """Open a ticket."""
    title, description = _title_and_text(options, context)
    text = f"{title}\n\n{description}"
    with kept(context, text, "seedx ticket new", options.source) as keeping:
        ticket = context.api.tickets.new(
            title,
            description,
            priority=cast("PriorityName | None", options.priority),
            tags=options.tags,
            key=keeping.key,
        )
    _tell_opened(ticket, options, context)
    if options.ai:
        from seedx_cli.commands.ai import AiOptions, run_ai

        run_ai(AiOptions(ticket["id"]), context)


def run_message(options: MessageOptions, context: Context) -> None:
    """Add a message or a note to a ticket."""
    kind = "note" if options.internal else "reply"
    template = _REPLY_TEMPLATE.format(kind=kind, number=options.ticket_id)
    content = options.source.read(context, template)
    command = f"seedx ticket {kind} {options.ticket_id}"
    with kept(context, content, command, options.source) as keeping:
        message = context.api.tickets.reply(
            options.ticket_id, content, internal=options.internal, key=keeping.key
        )
    if context.io.json:
        context.io.document(message)
    else:
        context.io.note(f"Added to ticket #{options.ticket_id}.")


@app.command(
    "new",
    cls=Command,
    epilog="""
    seedx ticket new -t "Printer on fire" -b "It smokes since Monday." --priority high --ai
    journalctl -u web | seedx ticket new -t "The web server stops" -F -
    """,
)
def new(
    typer_context: typer.Context,
    *,
    title: Annotated[str | None, typer.Option("--title", "-t", help="One line.")] = None,
    body: Body = None,
    file: File = None,
    priority: Priority = None,
    tag: Tags = None,
    ai: Annotated[bool, typer.Option("--ai", help="Stream the AI's reply at once.")] = False,
    recover: Recover = None,
) -> None:
    """Open a ticket.

    Without --body and --file your editor opens. A text that cannot be sent is kept in a file.
    """
    source = Source(body, file, recover)
    run_new(NewOptions(title, source, priority, tuple(tag or ()), ai=ai), context_of(typer_context))


@app.command(
    "reply",
    cls=Command,
    epilog="""
    seedx ticket reply 42 -b "It works now, thank you."
    seedx ticket reply 42 -F answer.md
    """,
)
def reply(
    typer_context: typer.Context,
    number: Number,
    *,
    body: Body = None,
    file: File = None,
    recover: Recover = None,
) -> None:
    """Add a message; whoever sees the ticket sees it."""
    run_message(MessageOptions(number, Source(body, file, recover)), context_of(typer_context))


@app.command(
    "note",
    cls=Command,
    epilog="""
    seedx ticket note 42 -b "Waiting for the vendor."
    seedx ticket note 42 -F findings.md
    """,
)
def note(
    typer_context: typer.Context,
    number: Number,
    *,
    body: Body = None,
    file: File = None,
    recover: Recover = None,
) -> None:
    """Add a note that staff alone see."""
    source = Source(body, file, recover)
    run_message(MessageOptions(number, source, internal=True), context_of(typer_context))


def _title_and_text(options: NewOptions, context: Context) -> tuple[str, str]:
    """Ask for what is missing; an editor or a kept file holds the title on its first line."""
    source = options.source
    from_one_text = source.recover is not None or (
        options.title is None and source.body is None and source.file is None
    )
    if not from_one_text:
        title = options.title or ask(context.io, "Title", "--title")
        return title, source.read(context, _NEW_TEMPLATE)
    if source.recover is None:
        require_person(context.io, "Title and text", "--title, and --body or --file")
    written = source.read(context, _NEW_TEMPLATE)
    if options.title and source.recover is None:
        return options.title, written.strip()
    first, _, rest = written.partition("\n")
    title, description = options.title or first.strip(), rest.strip()
    if not description:
        with kept(context, written, "seedx ticket new", source):
            raise UsageError(
                "There is a title, but no text under it", hint="Give both on the command line"
            )
    return title, description


def _tell_opened(ticket: Ticket, options: NewOptions, context: Context) -> None:
    io, number = context.io, ticket["id"]
    if io.json and (options.as_event or options.ai):
        io.record({"event": "ticket", "id": None, "data": ticket})
    elif io.json:
        io.document(ticket)
    elif io.is_terminal:
        io.line(f"Opened ticket {io.style(f'#{number}', 'bold')}: {safe_line(ticket['title'])}")
        if not options.ai:
            hint = f"Ask the AI: seedx ai {number}\nLook at it: seedx ticket show {number}"
            io.note(context.shared.completed(hint), "dim")
    else:
        io.line(str(number))
