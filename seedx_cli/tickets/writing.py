"""Adding a message to a ticket, for `ticket reply` and `ticket note`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from seedx_cli.terminal.prompts import SCISSORS
from seedx_cli.tickets.texts import Source, keep_until_sent

if TYPE_CHECKING:
    from seedx_cli.context import Context

_TEMPLATE = f"""

{SCISSORS}
Write your {{kind}} to ticket #{{number}} above the dashes. Leave it empty to send nothing.
"""


def add_message(
    number: int, source: Source, context: Context, kind: Literal["reply", "note"]
) -> None:
    """Add a reply, or a note for staff only, to a ticket; the text is kept if that fails."""
    content = source.read(context, _TEMPLATE.format(kind=kind, number=number))
    with keep_until_sent(context, content, f"seedx ticket {kind} {number}", source) as unsent:
        message = context.api.tickets.reply(
            number, content, internal=kind == "note", key=unsent.key
        )
    if context.io.json:
        context.io.document(message)
    else:
        context.io.note(f"Added to ticket #{number}.")
