"""AI drafts: a person sends one, edits it first, or discards it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedx_cli.errors import UsageError
from seedx_cli.terminal.prompts import ask, write_text
from seedx_cli.tickets.texts import Source, kept

if TYPE_CHECKING:
    from seedx_cli.context import Context

_ANSWERS = {"s": "send", "e": "edit", "d": "discard"}


def settle(draft: str, number: int, context: Context) -> None:
    """Ask what to do with a draft until it is sent or discarded.

    Args:
        draft: The draft's Markdown.
        number: The ticket it answers.
        context: The terminal, the API and the settings.
    """
    io = context.io
    while True:
        answer = _ANSWERS.get(ask(io, "[s]end, [e]dit or [d]iscard", "--send")[:1].lower())
        if answer == "send":
            send(draft, number, context)
            return
        if answer == "edit":
            draft = _edited(draft, context)
        elif answer == "discard":
            io.note("Discarded; nothing was sent.")
            return


def send(draft: str, number: int, context: Context) -> None:
    """Send a draft as the staff member's own reply; if that fails its text is kept."""
    with kept(context, draft, f"seedx ticket reply {number}", Source()) as keeping:
        message = context.api.tickets.reply(number, draft, key=keeping.key)
    context.io.note(f"Sent to ticket #{message['ticket_id']} as your reply.")


def _edited(draft: str, context: Context) -> str:
    try:
        return write_text(context.io, draft, "--send", context.config.get("editor"))
    except UsageError as error:
        context.io.warn(f"{error}; the draft is unchanged.")
        return draft
