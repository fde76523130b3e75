"""The AI's reply to a ticket, streamed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from seedx_cli.client.documents import Purpose
from seedx_cli.context import Context
from seedx_cli.errors import SeedXError, UsageError
from seedx_cli.parsing.arguments import Number, one_of
from seedx_cli.parsing.command import Command, command_group, context_of
from seedx_cli.tickets.drafts import send as send_draft
from seedx_cli.tickets.drafts import settle
from seedx_cli.tickets.streaming import follow
from seedx_cli.tickets.texts import Source, kept

app = command_group("AI replies.")


Rating = Annotated[
    str | None,
    typer.Option(
        "--rate",
        parser=one_of(("up", "down"), "rating"),
        metavar="up|down",
        help="Say whether the newest AI reply helped, and stream nothing.",
    ),
]


@dataclass(frozen=True)
class AiOptions:
    """What to ask the AI about which ticket."""

    ticket_id: int
    message: str | None = None
    purpose: Purpose = "reply"
    instructions: str | None = None
    send: bool = False


@dataclass(frozen=True)
class RateOptions:
    """What somebody thinks of the newest AI reply of a ticket."""

    ticket_id: int
    rating: str
    reason: str | None = None


def run_ai(options: AiOptions, context: Context) -> None:
    """Stream a reply, a draft or a summary."""
    number = options.ticket_id
    if options.message is not None:
        with kept(context, options.message, f"seedx ticket reply {number}", Source()) as keeping:
            context.api.tickets.reply(number, options.message, key=keeping.key)
    run = context.api.ai.stream(number, purpose=options.purpose, instructions=options.instructions)
    reply = follow(run, context, go_on=f"seedx ai {number}")
    io = context.io
    if options.send:
        send_draft(reply.text, number, context)
    elif options.purpose == "draft" and io.is_terminal and io.can_prompt and not io.json:
        settle(reply.text, number, context)


def run_rate(options: RateOptions, context: Context) -> None:
    """Rate the newest AI reply of a ticket."""
    ticket = context.api.tickets.show(options.ticket_id)
    replies = [message["id"] for message in ticket.get("messages", []) if message["is_ai"]]
    if not replies:
        raise SeedXError(
            f"Ticket #{options.ticket_id} has no AI reply", hint=f"seedx ai {options.ticket_id}"
        )
    context.api.ai.rate(replies[-1], options.rating, reason=options.reason)
    io = context.io
    if io.json:
        rated = {"rating": options.rating, "reason": options.reason}
        io.document({"message_id": replies[-1], **rated})
    else:
        io.note("Thank you; that is kept.")


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
        str | None, typer.Option("--message", "-m", help="Add this message first.")
    ] = None,
    draft: Annotated[
        bool, typer.Option("--draft", help="A reply for you to check; only you see it (staff).")
    ] = False,
    summary: Annotated[bool, typer.Option("--summary", help="Sum the ticket up (staff).")] = False,
    instructions: Annotated[
        str | None, typer.Option("--instructions", help="What a draft or summary shall heed.")
    ] = None,
    send: Annotated[bool, typer.Option("--send", help="Send the draft as your reply.")] = False,
    rate: Rating = None,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Why, together with --rate.")
    ] = None,
) -> None:
    """Stream the AI's reply to a ticket.

    Joins the reply that is being written, or starts one. Ctrl-C stops reading only; the reply is
    saved on the ticket all the same. A draft is yours to send, edit or discard.
    """
    context = context_of(typer_context)
    if rate:
        run_rate(RateOptions(number, rate, reason), context)
        return
    if draft and summary:
        raise UsageError("--draft and --summary are two different things; give one")
    if send and not draft:
        raise UsageError("--send sends a draft", hint=f"seedx ai {number} --draft --send")
    if message is not None and (draft or summary):
        raise UsageError(
            "-m adds a message for a reply", hint="Tell a draft what to heed with --instructions"
        )
    purpose: Purpose = "draft" if draft else "summary" if summary else "reply"
    run_ai(AiOptions(number, message, purpose, instructions, send), context)
