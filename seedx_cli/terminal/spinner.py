"""A spinner on stderr while the program waits for something."""

from __future__ import annotations

import itertools
import threading
from typing import TextIO

from seedx_cli.terminal.safe_text import safe_line

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_PERIOD_SECONDS = 0.1


class Spinner:
    """A spinner that turns until it is stopped, then clears its line.

    Args:
        stream: A terminal.
        text: What the program is waiting for.

    Attributes:
        is_turning: Whether it has not been stopped.
    """

    def __init__(self, stream: TextIO, text: str) -> None:
        self._stream = stream
        self._text = self._shown = safe_line(text)
        self._stopped = threading.Event()
        self.is_turning = True
        self._thread = threading.Thread(target=self._turn, daemon=True)
        self._thread.start()

    def show(self, text: str) -> None:
        """Show another text for now; an empty one brings the first one back."""
        self._shown = safe_line(text) or self._text

    def stop(self) -> None:
        """Stop turning and clear the line."""
        self.is_turning = False
        self._stopped.set()
        self._thread.join()
        self._stream.write("\r\x1b[K")
        self._stream.flush()

    def _turn(self) -> None:
        for frame in itertools.cycle(_FRAMES):
            self._stream.write(f"\r{frame} {self._shown}\x1b[K")
            self._stream.flush()
            if self._stopped.wait(_PERIOD_SECONDS):
                return
