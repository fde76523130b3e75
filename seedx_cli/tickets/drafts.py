"""AI drafts: a person sends one, edits it first, or discards it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedx_cli.errors import SeedXError, UsageError
from seedx_cli.terminal.prompts import ask, write_text
from seedx_cli.tickets.conversation import sources
from seedx_cli.tickets.texts import Source, keep_until_sent

if TYPE_CHECKING:
    from seedx_cli.context import Context
    from seedx_cli.tickets.streaming import Reply

_ANSWERS = {"s": "send", "e": "edit", "d": "discard"}


def review(draft: Reply, number: int, context: Context) -> None:
    """Ask a person what to do with a draft, until it is sent or discarded.

    Args:
        draft: What the AI wrote.
        number: The ticket that it replies to.
        context: The terminal, the API and the settings.
    """
    text = _ask_for_decision(draft, number, context)
    if text is None:
        context.io.note("Discarded; nothing was sent.")
    else:
        _send(text, number, context)


def send(draft: Reply, number: int, context: Context) -> None:
    """Send a draft as the staff member's own reply; it is kept if that fails.

    Raises:
        SeedXError: The draft only says that a person has to answer.
    """
    if draft.handoff:
        raise SeedXError(
            f"The draft was not sent, because a person has to answer: {draft.handoff}",
            hint=f"Write the reply yourself: seedx ticket reply {number}",
            code="handed_off",
        )
    _send(_with_sources(draft), number, context)


def _ask_for_decision(draft: Reply, number: int, context: Context) -> str | None:
    """Return the text to send, None to discard it; an edited text survives an interrupt."""
    text, is_edited = _with_sources(draft), False
    try:
        while True:
            # A draft that only hands off is not a reply until a person has edited it.
            can_send = is_edited or not draft.handoff
            question = "[s]end, [e]dit or [d]iscard" if can_send else "[e]dit or [d]iscard"
            answer = _ANSWERS.get(ask(context.io, question, "--send")[:1].lower())
            if answer == "send" and can_send:
                return text
            if answer == "discard":
                return None
            if answer == "edit":
                text, is_edited = _edit(text, context), True
    except BaseException:
        if is_edited:
            with keep_until_sent(context, text, f"seedx ticket reply {number}", Source()):
                raise
        raise


def _edit(text: str, context: Context) -> str:
    try:
        return write_text(context.io, text, "--send", context.config.editor)
    except UsageError as error:
        context.io.warn(f"{error}; the draft is unchanged.")
        return text


def _with_sources(draft: Reply) -> str:
    """Return a draft with the articles that its text refers to by number."""
    cited = "".join(f"- {line}\n" for line in sources(draft.citations))
    return f"{draft.text.rstrip()}\n\n{cited}" if cited else draft.text


def _send(text: str, number: int, context: Context) -> None:
    with keep_until_sent(context, text, f"seedx ticket reply {number}", Source()) as unsent:
        message = context.api.tickets.reply(number, text, key=unsent.key)
    if context.io.json:
        context.io.record({"event": "sent", "id": None, "data": message})
    else:
        context.io.note(f"Sent to ticket #{number} as your reply.")
