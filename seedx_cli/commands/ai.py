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
from seedx_cli.tickets.texts import Source, keep_until_sent

if TYPE_CHECKING:
    from seedx_cli.client.documents import Purpose


@dataclass(frozen=True)
class AiOptions:
    """The ticket, and what the AI is to write; `rate` and `last` are about its newest reply."""

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
        bool, typer.Option("--draft", help="Write a draft reply that only you see (staff).")
    ] = False,
    summary: Annotated[
        bool, typer.Option("--summary", help="Summarise the ticket (staff).")
    ] = False,
    instructions: Annotated[
        str | None,
        typer.Option(
            "--instructions",
            metavar="TEXT",
            help="Tell the AI what to consider in a draft or summary.",
        ),
    ] = None,
    send: Annotated[bool, typer.Option("--send", help="Send the draft as your reply.")] = False,
    last: Annotated[
        bool, typer.Option("--last", help="Show the AI's newest text again, posted or not.")
    ] = False,
    rate: Annotated[
        str | None,
        typer.Option(
            "--rate",
            parser=one_of(("up", "down"), "rating"),
            metavar="up|down",
            help="Rate the newest AI reply; nothing is streamed.",
        ),
    ] = None,
    reason: Annotated[
        str | None,
        typer.Option("--reason", metavar="TEXT", help="The reason for the rating, with --rate."),
    ] = None,
) -> None:
    """Stream the AI's reply to a ticket.

    Joins the reply that is being written, or starts one. Ctrl-C only stops reading; the reply is
    still saved on the ticket. You can send, edit or discard a draft.
    """
    run(
        AiOptions(number, message, draft, summary, instructions, send, last, rate, reason),
        context_of(typer_context),
    )


def _check(options: AiOptions) -> None:
    """Refuse options that cannot be combined.

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
        raise UsageError("--draft and --summary cannot be combined; give one of them")
    if options.send and not options.draft:
        raise UsageError("--send sends a draft", hint=f"seedx ai {number} --draft --send")
    if options.message is not None and options.purpose != "reply":
        raise UsageError(
            "-m adds a message for a reply",
            hint="Give instructions for a draft with --instructions",
        )
    if options.message is not None and not options.message.strip():
        raise UsageError("The message is empty, so nothing was sent")


def _stream(options: AiOptions, context: Context) -> None:
    number = options.number
    if options.message is not None:
        with keep_until_sent(
            context,
            options.message,
            f"seedx ticket reply {number}",
            Source(),
            then=f"Then ask the AI: seedx ai {number}",
        ) as unsent:
            context.api.tickets.reply(number, options.message, key=unsent.key)
    events = context.api.ai.stream(
        number, purpose=options.purpose, instructions=options.instructions
    )
    reply = follow(events, context, go_on=f"seedx ai {number}")
    if options.draft:
        from seedx_cli.tickets.drafts import review, send

        if options.send:
            send(reply, number, context)
        elif context.io.is_terminal and context.io.can_prompt and not context.io.json:
            review(reply, number, context)


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
