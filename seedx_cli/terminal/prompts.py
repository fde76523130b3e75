"""Questions to a person: lines, passwords, yes or no, and longer texts in an editor.

If nobody is there to answer, nothing is asked: the error names the option to give instead.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from seedx_cli.errors import SeedXError, UsageError
from seedx_cli.terminal.safe_text import safe

if TYPE_CHECKING:
    from seedx_cli.terminal.terminal import Terminal

SCISSORS = "-" * 24 + " >8 " + "-" * 24
_EDITORS = ("sensible-editor", "nano", "vi")


def require_person(io: Terminal, label: str, option: str) -> None:
    """Make sure that somebody is there to answer.

    Args:
        io: The terminal.
        label: The name of what is needed.
        option: The option that gives it instead.

    Raises:
        UsageError: Nobody is there.
    """
    if not io.can_prompt:
        raise UsageError(
            f"{label} is missing, and there is no terminal to ask on", hint=f"Give {option}"
        )


def ask(io: Terminal, label: str, option: str) -> str:
    """Ask for a line that is not empty.

    Raises:
        UsageError: Nobody is there to answer.
    """
    require_person(io, label, option)
    while True:
        answer = _read_line(io, f"{label}: ")
        if answer.strip():
            return answer.strip()


def ask_password(io: Terminal, *, repeat: bool = False) -> str:
    """Ask for a password without showing it.

    Args:
        io: The terminal.
        repeat: Whether it must be typed twice, because it is new.

    Raises:
        UsageError: Nobody is there to answer.
    """
    import getpass

    require_person(io, "Password", "--password-stdin")
    while True:
        password = getpass.getpass("Password: ", stream=io.stderr)
        if not repeat or getpass.getpass("Repeat the password: ", stream=io.stderr) == password:
            return password
        io.warn("The two passwords are different; try again.")


def confirm(io: Terminal, question: str, option: str, *, beside_pipe: bool = False) -> bool:
    """Ask a yes-or-no question; the default is no.

    Args:
        io: The terminal.
        question: The question.
        option: The option that answers it instead.
        beside_pipe: Whether to ask on the terminal itself if stdin is a pipe.

    Raises:
        UsageError: Nobody is there to answer.
    """
    prompt = f"{question} [y/N] "
    if beside_pipe and io.can_prompt_beside_pipe and not io.can_prompt:
        io.stderr.write(safe(prompt))
        io.stderr.flush()
        with Path("/dev/tty").open(encoding="utf-8", errors="replace") as keyboard:
            answer = keyboard.readline()
    else:
        require_person(io, "Confirmation", option)
        answer = _read_line(io, prompt)
    return answer.strip().lower() in {"y", "yes"}


def write_text(io: Terminal, template: str, option: str, editor: str | None = None) -> str:
    """Let a person write a longer text in an editor.

    Args:
        io: The terminal.
        template: What the editor begins with; what is below `SCISSORS` is not kept.
        option: The option that gives the text instead.
        editor: The editor in the settings, if any.

    Returns:
        The text above the scissors, stripped.

    Raises:
        UsageError: Nobody is there to write, or nothing was written.
        SeedXError: The editor could not be started or failed; what was written is kept.
    """
    require_person(io, "Text", option)
    environment = io.environment
    chosen = environment.get("VISUAL") or environment.get("EDITOR") or editor
    chosen = chosen or next((name for name in _EDITORS if shutil.which(name)), None)
    text = _write_in_editor(chosen, template) if chosen else _read_to_end(io)
    kept = text.split(SCISSORS, 1)[0].strip()
    if not kept:
        raise UsageError("Nothing was written, so nothing was sent")
    return kept


def _write_in_editor(editor: str, template: str) -> str:
    descriptor, name = tempfile.mkstemp(prefix="seedx-", suffix=".md")
    file = Path(name)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(template)
    try:
        words = [*shlex.split(editor), name]
        ended = subprocess.run(words, check=False).returncode  # noqa: S603  # the user's choice
    except (OSError, ValueError) as error:
        file.unlink(missing_ok=True)
        raise SeedXError(
            f"The editor {editor!r} could not be started: {error}",
            hint="Set VISUAL or EDITOR, or give the text with --body or --file",
        ) from error
    if ended != 0:
        raise SeedXError(
            f"The editor exited with code {ended}, so nothing was sent",
            hint=f"What you wrote is in {name}; send it with --file {name}",
        )
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise SeedXError(
            f"What the editor wrote cannot be read: {reason}",
            hint=f"If the file is still there, send it with --file {name}",
        ) from error
    file.unlink()
    return text


def _read_to_end(io: Terminal) -> str:
    io.note("Write your text; end it with Ctrl-D on an empty line.")
    return io.stdin.read()


def _read_line(io: Terminal, prompt: str) -> str:
    """Read a line; if stdout is the terminal too, it can be edited with readline."""
    if io.stdin is sys.stdin and io.is_terminal:
        import readline  # noqa: F401  # importing it makes input() editable

        try:
            return input(safe(prompt))
        except EOFError:
            raise KeyboardInterrupt from None
    io.stderr.write(safe(prompt))
    io.stderr.flush()
    line = io.stdin.readline()
    if not line:
        raise KeyboardInterrupt
    return line
