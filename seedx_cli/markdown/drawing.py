"""Markdown drawn for a terminal as a whole, with the drawing that streams use."""

from __future__ import annotations

import io as io_module
from typing import TYPE_CHECKING

from seedx_cli.markdown.stream import MarkdownStream

if TYPE_CHECKING:
    from typing import TextIO

    from rich.console import Console

    from seedx_cli.terminal.console import Terminal


def console_of(io: Terminal, file: TextIO | None = None, width: int | None = None) -> Console:
    """A Rich console on stdout, or on another file as if it were a terminal of that width."""
    from rich.console import Console

    return Console(
        file=file or io.stdout,
        markup=False,
        emoji=False,
        highlight=False,
        color_system="auto" if io.can_draw else None,
        no_color=not io.has_color(io.stdout),
        force_terminal=True,
        width=width,
    )


def markdown(text: str, io: Terminal, width: int) -> str:
    """Markdown as styled text for the terminal, ready to be printed or paged."""
    out = io_module.StringIO()
    stream = MarkdownStream(console_of(io, out, width))
    stream.feed(text)
    stream.finish()
    return out.getvalue()
