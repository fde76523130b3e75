"""Markdown drawn while it is being written, at a cost that is linear in its length.

Final rows are printed once, into the scrollback. The unfinished end, a few rows at most, is redrawn
several times a second.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

from rich.console import Console
from rich.segment import Segment

from seedx_cli.markdown.document import Document
from seedx_cli.markdown.row import Row
from seedx_cli.markdown.screen import Screen
from seedx_cli.markdown.style import NOTICE

FRAMES_PER_SECOND = 12
# A slow frame, on a slow machine or for an odd text, delays the next one by this many times its
# own duration.
_REST = 9

_RESTARTED = "── The reply was restarted; the text above is discarded."


class MarkdownStream:
    """Draws Markdown that comes in pieces.

    However a text is cut into pieces, the rows are the same in the end. So a link whose definition
    comes in a later block stays as it was written. As a context manager it finishes the text or,
    after an error, keeps what was shown; the cursor is left visible even if SIGTERM ends the
    process.

    Args:
        console: The terminal, or a file for the finished text alone.
        live: Whether to draw what is unfinished, on a terminal that can move its cursor.
        hyperlinks: Whether the terminal opens links by itself (OSC 8); else whole addresses are
            shown.
        reflows: Whether the terminal rewraps rows when it becomes narrower.
        clock: A monotonic clock, in seconds; at most `FRAMES_PER_SECOND` frames are drawn in one.
    """

    def __init__(
        self,
        console: Console,
        *,
        live: bool,
        hyperlinks: bool,
        reflows: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._hyperlinks = hyperlinks
        self._clock = clock
        self._screen = Screen(console, live=live, reflows=reflows)
        self._document = Document(console, hyperlinks=self._hyperlinks)
        # Only the main thread of a Python program handles signals.
        self._guards = live and threading.current_thread() is threading.main_thread()
        self._handler = signal.getsignal(signal.SIGTERM)
        self._due = float("-inf")
        self._rows: list[Row] = []
        self._closed = False

    def __enter__(self) -> Self:
        if self._guards:
            signal.signal(signal.SIGTERM, self._terminated)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self.finish()
            else:
                self.abort()
        finally:
            if self._guards:
                signal.signal(signal.SIGTERM, self._handler)

    def feed(self, text: str) -> None:
        """Add a piece of untrusted Markdown; it appears with the next frame.

        Raises:
            ValueError: The stream is finished or aborted.
        """
        if self._closed:
            raise ValueError("This stream of Markdown has ended already.")
        self._document.feed(text)
        if self._clock() >= self._due:
            self.refresh()

    def refresh(self) -> None:
        """Draw a frame now, fitted to the terminal's current size."""
        began = self._clock()
        width = self._screen.width
        self._rows += self._document.commit(width)
        self._print(self._document.tail(width, self._screen.tail_height))
        ended = self._clock()
        self._due = ended + max(1 / FRAMES_PER_SECOND, (ended - began) * _REST)

    def restart(self) -> None:
        """Discard the text so far; if some of it is already printed, say so below it."""
        if self._document.has_rows:
            self._rows += [[], [Segment(_RESTARTED, NOTICE)], []]
        self._print([])
        self._document = Document(self._console, hyperlinks=self._hyperlinks)
        self._due = float("-inf")

    def finish(self) -> None:
        """Print the rest; the text is complete."""
        if self._closed:
            return
        self._closed = True
        self._rows += self._document.commit(self._screen.width, complete=True)
        self._print([])

    def abort(self) -> None:
        """Print what has come; the text is incomplete."""
        # Report the error that ended the stream, not that the terminal is gone as well.
        with contextlib.suppress(OSError):
            self.finish()

    def _print(self, tail: list[Row]) -> None:
        self._screen.draw(self._rows, tail)
        self._rows = []

    def _terminated(self, number: int, _frame: FrameType | None) -> None:
        self._screen.leave()
        signal.signal(number, self._handler)
        signal.raise_signal(number)
