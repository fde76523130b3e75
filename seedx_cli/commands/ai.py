"""seedx ai: stream the AI's reply to a ticket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from seedx_cli.context import Context
from seedx_cli.errors import SeedXError, UsageError
from seedx_cli.parsing.arguments import Number, one_of
from seedx_cli.parsing.command import Command, command_app, context_of
from seedx_cli.tickets.streaming import follow
from seedx_cli.tickets.texts import Source, kept

if TYPE_CHECKING:
    from seedx_cli.client.documents import Purpose


@dataclass(frozen=True)
class AiOptions:
    """What to ask the AI about which ticket, or with `rate` and `last` about its newest reply."""

    number: int
    message: str | None = None
    draft: bool = False
    summary: bool = False
    instructions: str | None = None
    send: bool = False
    last: bool = False
    rate: str | None = None
    reason: str | None = None

    @property
    def purpose(self) -> Purpose:
        """What the text is for."""
        return "draft" if self.draft else "summary" if self.summary else "reply"


def run(options: AiOptions, context: Context) -> None:
    """Stream a reply, a draft or a summary, or rate or show the newest one."""
    _check(options)
    if options.rate:
        _rate(options, context)
    elif options.last:
        _show_last(options.number, context)
    else:
        _stream(options, context)


app = command_app()


@app.command(
    "ai",
    cls=Command,
    epilog="""
    seedx ai 42
    seedx ai 42 -m "It still smokes. What now?" > reply.md
    seedx ai 42 --draft --send
    """,
)
def ai(
    typer_context: typer.Context,
    number: Number,
    *,
    message: Annotated[
        str | None,
        typer.Option("--message", "-m", metavar="TEXT", help="Add this message first."),
    ] = None,
    draft: Annotated[
        bool, typer.Option("--draft", help="A reply for you to check; only you see it (staff).")
    ] = False,
    summary: Annotated[bool, typer.Option("--summary", help="Sum the ticket up (staff).")] = False,
    instructions: Annotated[
        str | None,
        typer.Option("--instructions", metavar="TEXT", help="What a draft or summary must heed."),
    ] = None,
    send: Annotated[bool, typer.Option("--send", help="Send the draft as your reply.")] = False,
    last: Annotated[
        bool, typer.Option("--last", help="Show the newest text again, posted or not.")
    ] = False,
    rate: Annotated[
        str | None,
        typer.Option(
            "--rate",
            parser=one_of(("up", "down"), "rating"),
            metavar="up|down",
            help="Say whether the newest AI reply helped, and stream nothing.",
        ),
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="Why, together with --rate.")
    ] = None,
) -> None:
    """Stream the AI's reply to a ticket.

    Joins the reply that is being written, or starts one. Ctrl-C only stops reading; the reply is
    saved on the ticket all the same. A draft is yours to send, edit or discard.
    """
    run(
        AiOptions(number, message, draft, summary, instructions, send, last, rate, reason),
        context_of(typer_context),
    )


def _check(options: AiOptions) -> None:
    """Refuse options that do not go together.

    Raises:
        UsageError: Some would be ignored.
    """
    number = options.number
    streams = options.message is not None or options.instructions is not None
    streams = streams or options.draft or options.summary or options.send
    if (options.rate or options.last) and (streams or (options.rate and options.last)):
        name = "--rate" if options.rate else "--last"
        raise UsageError(f"{name} is about the newest reply; leave the other options out")
    if options.reason is not None and not options.rate:
        raise UsageError(
            "--reason goes with --rate", hint=f"seedx ai {number} --rate down --reason …"
        )
    if options.draft and options.summary:
        raise UsageError("--draft and --summary are two different things; give one")
    if options.send and not options.draft:
        raise UsageError("--send sends a draft", hint=f"seedx ai {number} --draft --send")
    if options.message is not None and options.purpose != "reply":
        raise UsageError(
            "-m adds a message for a reply", hint="Tell a draft what to heed with --instructions"
        )
    if options.message is not None and not options.message.strip():
        raise UsageError("The message is empty, so nothing was sent")


def _stream(options: AiOptions, context: Context) -> None:
    number = options.number
    if options.message is not None:
        with kept(context, options.message, f"seedx ticket reply {number}", Source()) as keeping:
            context.api.tickets.reply(number, options.message, key=keeping.key)
    events = context.api.ai.stream(
        number, purpose=options.purpose, instructions=options.instructions
    )
    reply = follow(events, context, go_on=f"seedx ai {number}")
    if options.draft:
        from seedx_cli.tickets.drafts import send, settle

        if options.send:
            send(reply, number, context)
        elif context.io.is_terminal and context.io.can_prompt and not context.io.json:
            settle(reply, number, context)


def _show_last(number: int, context: Context) -> None:
    from seedx_cli.tickets.watching import newest_run

    run_id = newest_run(number, context)
    if run_id is None:
        raise _no_reply(number)
    follow(context.api.ai.follow(run_id), context, go_on=f"seedx ai {number} --last")


def _rate(options: AiOptions, context: Context) -> None:
    ticket = context.api.tickets.show(options.number)
    replies = [message["id"] for message in ticket.get("messages", []) if message["is_ai"]]
    if not replies or options.rate is None:
        raise _no_reply(options.number)
    context.api.ai.rate(replies[-1], options.rate, reason=options.reason)
    if context.io.json:
        rated = {"rating": options.rate, "reason": options.reason}
        context.io.document({"message_id": replies[-1], **rated})
    else:
        context.io.note("Thank you; your rating is saved.")


def _no_reply(number: int) -> SeedXError:
    return SeedXError(f"Ticket #{number} has no AI reply", hint=f"seedx ai {number}")
