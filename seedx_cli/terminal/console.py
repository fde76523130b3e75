"""The one place that knows the terminal: streams, width, colour, paging, waiting and prompting.

People's output goes to stdout; hints, progress and errors go to stderr. What other people, the AI
or a server wrote passes through `safe_text` before it is shown.
"""

from __future__ import annotations

import json as json_module
import os
import stat
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

from seedx_cli.errors import SeedXError
from seedx_cli.terminal.safe_text import safe

if TYPE_CHECKING:
    from datetime import datetime

    from seedx_cli.terminal.spinner import Spinner
    from seedx_cli.terminal.tables import Column

# Colours that can be read on a light and on a dark background.
_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "magenta": "35", "cyan": "36"}
_DEFAULT_WIDTH = 80
# Below this nothing can be laid out; the terminal breaks the lines.
_NARROWEST = 10


class Terminal:
    """Where a command reads and writes.

    Args:
        stdin: Where typed or piped text comes from.
        stdout: Where people's output goes.
        stderr: Where everything else goes.
        environment: The process's environment.
        json: Whether documents are wanted instead of words.
        quiet: Whether hints and progress are unwanted.
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
    ) -> None:
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.environment = environment
        self.json = json
        self.quiet = quiet
        self._is_mid_line = False

    @cached_property
    def is_terminal(self) -> bool:
        """Whether a person looks at stdout."""
        return self.stdout.isatty()

    @cached_property
    def can_prompt(self) -> bool:
        """Whether somebody is there to answer a question."""
        return self.stdin.isatty() and self.stderr.isatty()

    @cached_property
    def can_prompt_beside_pipe(self) -> bool:
        """Whether somebody is there to answer although stdin may be a pipe."""
        return self.can_prompt or (self.stderr.isatty() and _has_keyboard())

    @property
    def can_draw(self) -> bool:
        """Whether a person looks at stdout, on a terminal that can move its cursor."""
        return self.is_terminal and not self._is_dumb

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows of the terminal, as they are now."""
        import shutil

        return shutil.get_terminal_size((_DEFAULT_WIDTH, 24))

    @property
    def width(self) -> int:
        """Columns of the terminal."""
        return max(self.size[0], _NARROWEST)

    def read_input(self) -> bytes:
        """Everything on standard input, to its end."""
        return self.stdin.buffer.read()

    def has_color(self, stream: TextIO) -> bool:
        """Whether colour is wanted there (no-color.org, bixense.com/clicolors)."""
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

    def line(self, text: str = "") -> None:
        """Print a line for people."""
        self.stdout.write(f"{text}\n")

    def raw(self, text: str) -> None:
        """Print a piece of a text, which is not empty, at once; its last line may go on."""
        self.stdout.write(text)
        self.stdout.flush()
        self._is_mid_line = not text.endswith("\n")

    def end_line(self) -> None:
        """Let stderr go on below a `raw` text, where both show on one screen."""
        if self._is_mid_line and self._shares_a_screen:
            self.stderr.write("\n")
        self._is_mid_line = False

    @property
    def _shares_a_screen(self) -> bool:
        """Whether stdout ends where stderr does; a pipe that begins on a screen may lead back."""
        try:
            out, err = (os.fstat(stream.fileno()) for stream in (self.stdout, self.stderr))
        except OSError:
            return False
        return os.path.samestat(out, err) or (self.stderr.isatty() and stat.S_ISFIFO(out.st_mode))

    def document(self, value: object) -> None:
        """Print a JSON document; ASCII alone, so that nothing in it can move the cursor."""
        self.stdout.write(json_module.dumps(value, indent=2) + "\n")

    def record(self, value: object) -> None:
        """Print one object of an NDJSON stream, at once."""
        self.stdout.write(json_module.dumps(value, separators=(",", ":")) + "\n")
        self.stdout.flush()

    def note(self, text: str, *styles: str) -> None:
        """Tell something by the way, on stderr; nothing with ``--quiet``."""
        if not self.quiet:
            self._tell(safe(text), styles)

    def warn(self, text: str) -> None:
        """Tell something that must not be missed, on stderr."""
        self._tell(safe(text), ("magenta",))

    def error(self, error: SeedXError) -> None:
        """Tell an error, in one or two lines, or as one JSON object."""
        if self.json:
            told = {"code": error.code, "message": error.message, "hint": error.hint}
            self.stderr.write(json_module.dumps(told) + "\n")
            self.stderr.flush()
            return
        label = self._styled("Error:", ("red", "bold"), self.stderr)
        hint = "".join(f"  {line}\n" for line in safe(error.hint or "").splitlines())
        self.stderr.write(f"{label} {safe(error.message)}\n{hint}")
        self.stderr.flush()

    def table(
        self, columns: Sequence[Column], rows: Sequence[Sequence[str]], *, empty: str = "Nothing."
    ) -> None:
        """Print rows: fitted to a terminal, whole and tab-separated in a pipe.

        That there are none is told on stderr.
        """
        from seedx_cli.terminal.tables import fitted, tab_separated

        if not rows:
            self.note(empty)
        elif self.is_terminal:
            self.stdout.write(fitted(columns, rows, self.width, self.style))
        else:
            self.stdout.write(tab_separated(rows))

    def time(self, moment: str, now: datetime) -> str:
        """A time for people: relative on a terminal, RFC 3339 as the server gave it in a pipe."""
        if not self.is_terminal:
            return moment
        from seedx_cli.terminal.times import relative

        return relative(moment, now)

    def until(self, moment: str, now: datetime) -> str:
        """A time to come, for people, as `time`."""
        if not self.is_terminal:
            return moment
        from seedx_cli.terminal.times import until

        return until(moment, now)

    def page(self, text: str, pager: str | None = None) -> None:
        """Print text, through a pager where it is longer than the terminal."""
        if not self.is_terminal or text.count("\n") < self.size[1]:
            self.stdout.write(text)
            return
        command = self.environment.get("SEEDX_PAGER", pager or self.environment.get("PAGER", ""))
        from seedx_cli.terminal.pager import page

        page(text, command or "less", self.environment, self.stdout)

    def wait(self, seconds: float, reason: str) -> None:
        """Wait before something is tried again, counting down where a person can see it."""
        import time

        ends = time.monotonic() + seconds
        live = self.stderr.isatty() and not self.quiet and not self._is_dumb
        if seconds >= 1 and not live:
            self.note(f"{reason}; waiting {seconds:.0f} s")
        try:
            while (left := ends - time.monotonic()) > 0:
                if live and seconds >= 1:
                    self._over(f"{reason}; {left:.0f} s ")
                time.sleep(min(left, 1.0))
        finally:
            if live and seconds >= 1:
                self._over("")

    def spinner(self, text: str) -> Spinner | None:
        """A sign of life on stderr, turning until it is stopped; None where nobody would see it."""
        if not self.stderr.isatty() or self.quiet or self._is_dumb:
            return None
        from seedx_cli.terminal.spinner import Spinner

        return Spinner(self.stderr, text)

    def _tell(self, text: str, styles: Sequence[str]) -> None:
        self.end_line()
        self.stderr.write(f"{self._styled(text, styles, self.stderr)}\n")
        self.stderr.flush()

    def _over(self, text: str) -> None:
        self.stderr.write(f"\r{safe(text)}\x1b[K")
        self.stderr.flush()

    def _styled(self, text: str, names: Sequence[str], stream: TextIO) -> str:
        if not names or not self.has_color(stream):
            return text
        return f"\x1b[{';'.join(_STYLES[name] for name in names)}m{text}\x1b[0m"


def _has_keyboard() -> bool:
    """Whether the process has a terminal, although its stdin may be a pipe."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
