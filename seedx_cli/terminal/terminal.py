"""The one object that knows the terminal: streams, width, colour, paging, waiting.

Results go to stdout; hints, progress and errors go to stderr. Text from other people, the AI or a
server passes through `safe_text` before it is shown.
"""

from __future__ import annotations

import json as json_module
import os
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

from seedx_cli.errors import SeedXError
from seedx_cli.terminal.fitting import prose, shortened
from seedx_cli.terminal.safe_text import safe

if TYPE_CHECKING:
    from datetime import datetime

    from seedx_cli.terminal.spinner import Spinner
    from seedx_cli.terminal.tables import Column

# Colours that are readable on both light and dark backgrounds.
_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "magenta": "35", "cyan": "36"}
_DEFAULT_WIDTH = 80
# Below this nothing can be laid out; the terminal breaks the lines.
_NARROWEST = 10


class Terminal:
    """Where a command reads and writes.

    Args:
        stdin: Where typed or piped text comes from.
        stdout: Where results go.
        stderr: Where everything else goes.
        environment: The process's environment.
        json: Whether to print JSON documents instead of text.
        quiet: Whether to leave out hints and progress.
        sleep: Waits for a number of seconds.

    Attributes:
        is_drawing: Whether the last rows of stdout are still being drawn, with the cursor in them.
    """

    def __init__(
        self,
        stdin: TextIO,
        stdout: TextIO,
        stderr: TextIO,
        *,
        environment: Mapping[str, str] = os.environ,
        json: bool = False,
        quiet: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.environment = environment
        self.json = json
        self.quiet = quiet
        self.is_drawing = False
        self._sleep = sleep
        self._is_mid_line = False
        self._spinner: Spinner | None = None

    @cached_property
    def is_terminal(self) -> bool:
        """Whether stdout is a terminal, so that a person reads it."""
        return self.stdout.isatty()

    @cached_property
    def can_prompt(self) -> bool:
        """Whether somebody is there to answer a question."""
        return self.stdin.isatty() and self.stderr.isatty()

    @cached_property
    def can_prompt_beside_pipe(self) -> bool:
        """Whether somebody is there to answer a question, even if stdin is a pipe."""
        return self.can_prompt or (self.stderr.isatty() and _has_keyboard())

    @property
    def can_draw(self) -> bool:
        """Whether stdout is a terminal that can move its cursor."""
        return self.is_terminal and not self._is_dumb

    @property
    def size(self) -> tuple[int, int]:
        """The current columns and rows of the terminal."""
        import shutil

        return shutil.get_terminal_size((_DEFAULT_WIDTH, 24))

    @property
    def width(self) -> int:
        """The columns of the terminal, or the least that text is laid out for."""
        return max(self.size[0], _NARROWEST)

    @property
    def reflows(self) -> bool:
        """Whether the terminal rewraps rows when it is resized, as nearly all do.

        xterm and GNU screen cut them off.
        """
        in_screen = "STY" in self.environment and "TMUX" not in self.environment
        return "XTERM_VERSION" not in self.environment and not in_screen

    @property
    def opens_links(self) -> bool:
        """Whether the terminal opens links that are hidden behind a label (OSC 8).

        If it does not, the address itself has to be shown.
        """
        term = self.environment.get("TERM", "")
        in_multiplexer = "TMUX" in self.environment or term.startswith(("screen", "tmux"))
        is_apple = self.environment.get("TERM_PROGRAM") == "Apple_Terminal"
        return not (in_multiplexer or is_apple or self._is_dumb or term == "linux")

    def read_input(self) -> bytes:
        """Read standard input to its end."""
        return self.stdin.buffer.read()

    def has_color(self, stream: TextIO) -> bool:
        """Whether a stream gets colour (no-color.org, bixense.com/clicolors)."""
        if self.environment.get("NO_COLOR"):
            return False
        if self.environment.get("CLICOLOR_FORCE", "0") not in {"", "0"}:
            return True
        return stream.isatty() and not self._is_dumb

    @property
    def _is_dumb(self) -> bool:
        return self.environment.get("TERM", "") in {"", "dumb", "unknown"}

    def style(self, text: str, *names: str) -> str:
        """Style text for stdout, if colour is wanted. The text must be safe already."""
        return self._styled(text, names, self.stdout)

    def line(self, text: str = "", *styles: str) -> None:
        """Print a line for people; on a terminal it is wrapped, unless it is styled already."""
        if self.is_terminal and "\x1b" not in text:
            text = prose(text, self.width)
        self.stdout.write(f"{self._styled(text, styles, self.stdout)}\n")

    def raw(self, text: str) -> None:
        """Print a piece of text at once; it may end in the middle of a line."""
        self.stdout.write(text)
        self.stdout.flush()
        self._is_mid_line = not text.endswith("\n")

    def end_line(self) -> None:
        """Start a new line on stderr after `raw` text, if both streams share a screen."""
        if self._is_mid_line and self._shares_a_screen:
            self.stderr.write("\n")
        self._is_mid_line = False

    @property
    def _shares_a_screen(self) -> bool:
        """Whether stdout and stderr appear on one screen; a piped stdout may lead back to it."""
        try:
            out, err = (os.fstat(stream.fileno()) for stream in (self.stdout, self.stderr))
        except OSError:
            return False
        return os.path.samestat(out, err) or (self.stderr.isatty() and stat.S_ISFIFO(out.st_mode))

    def document(self, value: object) -> None:
        """Print a JSON document in ASCII, so that nothing in it can move the cursor."""
        self.stdout.write(json_module.dumps(value, indent=2) + "\n")

    def record(self, value: object) -> None:
        """Print one object of an NDJSON stream, at once."""
        self.stdout.write(json_module.dumps(value, separators=(",", ":")) + "\n")
        self.stdout.flush()

    def note(self, text: str, *styles: str) -> None:
        """Print a hint or progress on stderr, unless ``--quiet`` is given."""
        if not self.quiet:
            self._print_to_stderr(safe(text), styles)

    def warn(self, text: str) -> None:
        """Print a warning on stderr, even with ``--quiet``."""
        self._print_to_stderr(safe(text), ("magenta",))

    def error(self, error: SeedXError) -> None:
        """Print an error on stderr, in a few lines or as one JSON object."""
        if self.json:
            told = {"code": error.code, "message": error.message, "hint": error.hint}
            self.stderr.write(json_module.dumps(told) + "\n")
            self.stderr.flush()
            return
        label = self._styled("Error:", ("red", "bold"), self.stderr)
        message = self._wrapped(f"Error: {safe(error.message)}").removeprefix("Error:")
        hint = "".join(
            f"{self._wrapped(f'  {line}')}\n" for line in safe(error.hint or "").split("\n") if line
        )
        self.stderr.write(f"{label}{message}\n{hint}")
        self.stderr.flush()

    def table(
        self, columns: Sequence[Column], rows: Sequence[Sequence[str]], *, empty: str = "Nothing."
    ) -> None:
        """Print rows: fitted to a terminal, uncut and tab-separated in a pipe.

        If there are none, `empty` says so on stderr.
        """
        from seedx_cli.terminal.tables import fitted, tab_separated

        if not rows:
            self.note(empty)
        elif self.is_terminal:
            self.stdout.write(fitted(columns, rows, self.width, self.style))
        else:
            self.stdout.write(tab_separated(columns, rows, self.style))

    def time(self, moment: str, now: datetime) -> str:
        """Return a time for people: relative on a terminal, the server's RFC 3339 in a pipe."""
        if not self.is_terminal:
            return moment
        from seedx_cli.terminal.times import relative

        return relative(moment, now)

    def until(self, moment: str, now: datetime) -> str:
        """Return a future time for people, as `time` does."""
        if not self.is_terminal:
            return moment
        from seedx_cli.terminal.times import until

        return until(moment, now)

    def page(self, text: str, pager: str | None = None) -> None:
        """Print a text, through a pager if it is longer than the terminal."""
        if not self.is_terminal or text.count("\n") < self.size[1]:
            self.stdout.write(text)
            return
        command = self.environment.get("SEEDX_PAGER", pager or self.environment.get("PAGER", ""))
        from seedx_cli.terminal.pager import page

        page(text, command or "less", self.environment, self.stdout)

    def wait(self, seconds: float, reason: str) -> None:
        """Wait before a retry, with a countdown if a person can see it."""
        if seconds < 1:
            self._sleep(seconds)
        elif self._shows_progress:
            self._count_down(seconds, reason)
        else:
            self.note(f"{reason}; trying again in {seconds:.0f} s")
            self._sleep(seconds)

    def spinner(self, text: str) -> Spinner | None:
        """Start a spinner on stderr; None if nobody would see it."""
        if not self._shows_progress:
            return None
        from seedx_cli.terminal.spinner import Spinner

        self._spinner = Spinner(self.stderr, text)
        return self._spinner

    @property
    def _shows_progress(self) -> bool:
        return self.stderr.isatty() and not self.quiet and not self._is_dumb

    def _count_down(self, seconds: float, reason: str) -> None:
        """Count the seconds down on a line of their own, or in the spinner's."""
        is_spinning = self._spinner is not None and self._spinner.is_turning
        is_below_drawing = self.is_drawing and not is_spinning
        show = self._spinner.show if self._spinner and is_spinning else self._overwrite
        self.end_line()
        if is_below_drawing:
            self.stderr.write("\n")
        try:
            while seconds > 0:
                show(f"{reason}; trying again in {seconds:.0f} s")
                self._sleep(min(seconds, 1.0))
                seconds -= 1.0
        finally:
            show("")
            if is_below_drawing:
                # The next drawing expects the cursor in the row where it left it.
                self.stderr.write("\x1b[A")
                self.stderr.flush()

    def _overwrite(self, text: str) -> None:
        self.stderr.write(f"\r{shortened(safe(text), self.width - 1)}\x1b[K")
        self.stderr.flush()

    def _print_to_stderr(self, text: str, styles: Sequence[str]) -> None:
        self.end_line()
        self.stderr.write(f"{self._styled(self._wrapped(text), styles, self.stderr)}\n")
        self.stderr.flush()

    def _wrapped(self, text: str) -> str:
        """Wrap a text for stderr, if that is a terminal."""
        return prose(text, self.width) if self.stderr.isatty() else text

    def _styled(self, text: str, names: Sequence[str], stream: TextIO) -> str:
        if not names or not self.has_color(stream):
            return text
        return f"\x1b[{';'.join(_STYLES[name] for name in names)}m{text}\x1b[0m"


def _has_keyboard() -> bool:
    """Whether the process has a terminal, even if its stdin is a pipe."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
