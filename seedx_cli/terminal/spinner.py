"""A sign of life on stderr while something is awaited."""

from __future__ import annotations

import itertools
import threading
from typing import TextIO

from seedx_cli.terminal.safe_text import safe_line

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_PERIOD_SECONDS = 0.1


class Spinner:
    """Turns from the start until it is stopped, then leaves the line empty.

    Args:
        stream: A terminal.
        text: What is awaited.
    """

    def __init__(self, stream: TextIO, text: str) -> None:
        self._stream = stream
        self._text = safe_line(text)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._turn, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop turning and clear the line."""
        self._done.set()
        self._thread.join()
        self._stream.write("\r\x1b[K")
        self._stream.flush()

    def _turn(self) -> None:
        for frame in itertools.cycle(_FRAMES):
            self._stream.write(f"\r{frame} {self._text}\x1b[K")
            self._stream.flush()
            if self._done.wait(_PERIOD_SECONDS):
                return
