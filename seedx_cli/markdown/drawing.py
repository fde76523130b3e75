"""Markdown on a terminal: whole texts, and texts that are still being written."""

from __future__ import annotations

import io as io_module
from typing import TYPE_CHECKING, TextIO

from rich.console import Console

from seedx_cli.markdown.stream import MarkdownStream

if TYPE_CHECKING:
    from seedx_cli.terminal.terminal import Terminal


def live_markdown(io: Terminal) -> MarkdownStream:
    """Return a stream that draws Markdown on the terminal while it comes."""
    console = _console(io, io.stdout)
    return MarkdownStream(console, live=io.can_draw, hyperlinks=io.opens_links, reflows=io.reflows)


def markdown(text: str, io: Terminal, width: int) -> str:
    """Return Markdown as styled text for the terminal, to be printed or paged."""
    out = io_module.StringIO()
    stream = MarkdownStream(_console(io, out, width), live=False, hyperlinks=io.opens_links)
    stream.feed(text)
    stream.finish()
    return out.getvalue()


def _console(io: Terminal, file: TextIO, width: int | None = None) -> Console:
    """Return a Rich console that writes to a file as the terminal would show it."""
    has_color = io.has_color(io.stdout)
    return Console(
        file=file,
        markup=False,
        emoji=False,
        highlight=False,
        # If colour is forced on a pipe, Rich cannot find out how many colours it has.
        color_system="auto" if io.can_draw else "standard" if has_color else None,
        no_color=not has_color,
        force_terminal=True,
        width=width,
    )
