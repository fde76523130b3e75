"""The end of a terminal's screen, which is redrawn while text comes; what is above it stays.

Each frame is one write between the marks of synchronized output (DEC private mode 2026). The
cursor is hidden only within a frame, so that it is visible whatever ends the process between two.
Rows that will be erased are drawn without automatic wrapping (DECAWM), so that their number is
right even if the terminal considers a character wider than Rich does.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from rich.console import COLOR_SYSTEMS, Console
from rich.segment import Segment

from seedx_cli.markdown.row import Row, cells

_BEGIN = "\x1b[?2026h\x1b[?25l"
_END = "\x1b[?25h\x1b[?2026l"
_NO_WRAP, _WRAP = "\x1b[?7l", "\x1b[?7h"
# Not "erase below" (ED): at the top of the screen, tmux would move the rows into its history.
_ERASE_LINE, _UP = "\x1b[K", "\x1b[A"
# Undoes what a frame that was cut short may have left behind.
_RESTORE = f"\x1b[0m{_WRAP}{_END}\n"

_HIGHEST_TAIL = 12


class Screen:
    """Prints final rows once, and draws the unfinished ones below them again and again.

    Args:
        console: The terminal.
        live: Whether unfinished rows are drawn at all.
        reflows: Whether the terminal rewraps its rows when it becomes narrower.
            If it cuts them off, going up further would erase final rows.
    """

    def __init__(self, console: Console, *, live: bool, reflows: bool) -> None:
        self._console = console
        self._live = live
        self._reflows = reflows
        self._tail: list[Row] = []
        self._drawn = ("", 0)
        self._cut_short = False

    @property
    def width(self) -> int:
        """The current columns of the terminal."""
        return self._console.width

    @property
    def tail_height(self) -> int:
        """The rows that the unfinished end may take; it never fills the screen."""
        return max(0, min(_HIGHEST_TAIL, self._console.height - 2)) if self._live else 0

    def draw(self, rows: Sequence[Row], tail: Sequence[Row] = ()) -> None:
        """Print final rows, and draw unfinished ones below them until the next call.

        Args:
            rows: Final rows; longer ones are wrapped by the terminal, so that they copy whole.
            tail: Unfinished rows, each of which fits, `tail_height` at most.
        """
        width = self.width
        end = self._text(tail).removesuffix("\n")
        if not rows and (end, width) == self._drawn:
            return
        text = self._text(rows)
        if self._live:
            text = f"{self._back(width)}{text}{_NO_WRAP}{end}{_WRAP}"
            text = f"{_BEGIN}{text}{_END}"
        self._cut_short = True
        self._console.file.write(text)
        self._console.file.flush()
        self._tail, self._drawn, self._cut_short = list(tail), (end, width), False

    def leave(self) -> None:
        """Show the cursor below the drawing; safe within a frame, from a signal handler."""
        os.write(self._console.file.fileno(), _RESTORE.encode())

    def _back(self, width: int) -> str:
        """Return what moves to the first unfinished row and erases down to here."""
        if self._cut_short:
            # The cursor may be anywhere: showing rows twice is better than erasing final ones.
            return _RESTORE
        if not self._tail:
            return ""
        height = sum(self._height(row, width) for row in self._tail)
        return "\r" + _ERASE_LINE + (_UP + _ERASE_LINE) * (height - 1)

    def _height(self, row: Row, width: int) -> int:
        return max(1, -(-cells(row) // width)) if self._reflows else 1

    def _text(self, rows: Sequence[Row]) -> str:
        system = COLOR_SYSTEMS.get(self._console.color_system or "")
        segments = [segment for row in rows for segment in (*row, Segment.line())]
        if self._console.no_color:
            segments = list(Segment.remove_color(segments))
        return "".join(
            style.render(text, color_system=system) if style else text
            for text, style, _ in segments
        )
