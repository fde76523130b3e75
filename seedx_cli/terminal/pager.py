"""Long texts in the pager of the user's choice."""

from __future__ import annotations

import contextlib
import shlex
import signal
import subprocess
from collections.abc import Mapping
from typing import TextIO


def page(text: str, command: str, environment: Mapping[str, str], stdout: TextIO) -> None:
    """Show a text in a pager; print it if the pager cannot be started.

    Args:
        text: What to show.
        command: The pager's command line, as in ``PAGER``.
        environment: The process's environment; `LESS` and `LV` get defaults.
        stdout: Where to print without a pager.
    """
    stdout.flush()
    # As in git and gh: short text is not paged, colours are shown, the screen is not cleared.
    with_defaults = {"LESS": "FRX", "LV": "-c", **environment}
    try:
        words = shlex.split(command)
        process = subprocess.Popen(  # noqa: S603  # the user chose this program
            words, stdin=subprocess.PIPE, env=with_defaults, text=True, errors="backslashreplace"
        )
    except (IndexError, OSError, ValueError):
        stdout.write(text)
        return
    # Ctrl-C belongs to the pager while it runs.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        # A person may quit the pager before the end.
        with contextlib.suppress(BrokenPipeError):
            process.communicate(text)
    finally:
        signal.signal(signal.SIGINT, before)
