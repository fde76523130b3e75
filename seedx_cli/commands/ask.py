"""seedx ask: ask the AI before a ticket is opened."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

import typer

from seedx_cli.context import Context
from seedx_cli.errors import UsageError
from seedx_cli.parsing.command import Command, command_app, context_of
from seedx_cli.terminal.prompts import confirm
from seedx_cli.tickets.opening import NewTicket, open_ticket, show_opened, suggest_next
from seedx_cli.tickets.redaction import Redaction, redact
from seedx_cli.tickets.streaming import follow
from seedx_cli.tickets.texts import Source, decoded

_LONGEST_CONTEXT = 45_000
_LONGEST_READ = 10 * _LONGEST_CONTEXT
_LONGEST_TITLE = 200


@dataclass(frozen=True)
class AskOptions:
    """What to ask; with `ticket` None, the person is asked afterwards whether to open one."""

    question: str
    ticket: bool | None = None
    redact_emails: bool = False


def run(options: AskOptions, context: Context) -> None:
    """Stream the answer to a question about the piped text, then offer to open a ticket."""
    io = context.io
    question, in_question = redact(options.question.strip(), emails=options.redact_emails)
    if not question:
        raise UsageError("There is no question", hint='seedx ask "why does this fail?"')
    piped = "" if io.stdin.isatty() else decoded(io.read_input(), "Standard input")
    # Secrets are removed before the text is cut: half a key would not be recognised.
    piped, in_piped = redact(piped[-_LONGEST_READ:], emails=options.redact_emails)
    piped = _end_of(piped, context)
    _tell_redactions([*in_question, *in_piped], context)
    events = context.api.ai.ask(question, piped or None)
    answer = follow(events, context, go_on=None)
    if _wants_ticket(options, context):
        if not (io.json or io.is_terminal) and not answer.text.endswith("\n"):
            # The number of the ticket gets a line of its own.
            io.line()
        _open_ticket(question, piped, context)


app = command_app()


@app.command(
    "ask",
    cls=Command,
    epilog="""
    make 2>&1 | seedx ask "why does this fail?"
    seedx ask "how do I restore a backup?" --no-ticket
    """,
)
def ask(
    typer_context: typer.Context,
    question: Annotated[
        list[str], typer.Argument(metavar="QUESTION...", help="What you want to know.")
    ],
    *,
    ticket: Annotated[
        bool | None,
        typer.Option(
            "--ticket/--no-ticket",
            help="Open a ticket with the question and the piped text, or do not.",
            show_default="asks on a terminal",
        ),
    ] = None,
    redact_emails: Annotated[
        bool, typer.Option("--redact-emails", help="Also remove e-mail addresses.")
    ] = False,
) -> None:
    """Ask the AI, then open a ticket if that did not help.

    The answer comes from the knowledge base. Piped text is sent along with the question. Passwords,
    keys and tokens are removed before anything leaves this machine.
    """
    run(AskOptions(" ".join(question), ticket, redact_emails), context_of(typer_context))


def _end_of(text: str, context: Context) -> str:
    """Return the end of a long text, where errors are, and say so if something is left out."""
    text = text.replace("\x00", "").strip("\n")
    if len(text) <= _LONGEST_CONTEXT:
        return text
    context.io.note(f"Only the last {_LONGEST_CONTEXT:,} characters of the piped text are sent.")
    return text[-_LONGEST_CONTEXT:].partition("\n")[2] or text[-_LONGEST_CONTEXT:]


def _tell_redactions(redactions: list[Redaction], context: Context) -> None:
    if not redactions:
        return
    io = context.io
    plural = "" if len(redactions) == 1 else "s"
    io.note(f"{len(redactions)} secret{plural} removed before sending.")
    if io.is_terminal:
        for redaction in redactions:
            io.note(f"  line {redaction.line}: {redaction.text}"[: io.width], "dim")


def _wants_ticket(options: AskOptions, context: Context) -> bool:
    if options.ticket is not None:
        return options.ticket
    io = context.io
    if io.json or io.quiet or not io.is_terminal or not io.can_prompt_beside_pipe:
        return False
    return confirm(io, "Open a ticket with this?", "--ticket", beside_pipe=True)


def _open_ticket(question: str, piped: str, context: Context) -> None:
    title = question.partition("\n")[0][:_LONGEST_TITLE]
    description = _description(question, piped)
    ticket = open_ticket(NewTicket(title, description, Source(body=description)), context)
    show_opened(ticket, context, as_event=True)
    suggest_next(ticket, context)


def _description(question: str, piped: str) -> str:
    """Return the question with the piped text below it, in a fence that the text cannot end."""
    if not piped:
        return question
    longest = max((len(backticks) for backticks in re.findall(r"`{3,}", piped)), default=2)
    fence = "`" * (longest + 1)
    return f"{question}\n\n{fence}text\n{piped}\n{fence}"
