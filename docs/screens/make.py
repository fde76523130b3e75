"""Screenshots of the terminal, drawn from what real commands showed.

Run it with ``python -m docs.screens.make`` from the project's folder, with the names of scenes to
make only those. It starts a server of its own, runs each scene on a pseudo-terminal, lets a
terminal emulator read what came out, and writes an SVG of each beside itself. `demo` is a film of
`seedx demo`. Addresses and times in them are those of that run.
"""

# ruff: noqa: INP001  # a script, not a package

from __future__ import annotations

import io
import os
import re
import secrets
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import pexpect
import pyte
from rich.console import Console
from rich.style import Style
from rich.text import Text

from docs.screens.film import Frame, Row, film
from seedx_cli.local.entry import handbook
from seedx_cli.local.server import PROGRAM, free_port, importable, running

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
COLUMNS = 92
ROWS = 100
PATIENCE_SECONDS = 60


class Scene(NamedTuple):
    """A picture: its file's name, and the shell commands that it shows."""

    name: str
    commands: tuple[str, ...]


SCENES = (
    Scene("list", ("seedx ticket list",)),
    Scene("ai", ("seedx ai 1",)),
    Scene("show", ("seedx ticket show 1",)),
    Scene(
        "staff",
        ("seedx ticket list --status open", "seedx ticket claim", "seedx ai 2 --draft --send"),
    ),
    Scene("ask", ('cat build.log | seedx ask "how do I restore a backup?" --no-ticket',)),
    Scene("errors", ("seedx ticket list --status opne", "seedx ticket show 999", "seedx tickt")),
    Scene("help", ("seedx --help",)),
)
LOG = "pg_restore: error: no such file\nexport DB_PASSWORD=hunter2\n"

FILM = "demo"
FILM_COLUMNS = 84
FILM_BEGINS, FILM_ENDS = "3. Ada has a question", "5. What the database kept"
"""The rows of `seedx demo` between which the film is taken."""
# The emulator knows no dim text; this grey looks like it.
DIM, GREY = b"\x1b[2m", b"\x1b[38;5;245m"


def main() -> None:
    """Draw the scenes that are named, or all."""
    wanted = set(sys.argv[1:]) or {FILM, *(scene.name for scene in SCENES)}
    with tempfile.TemporaryDirectory(prefix="seedx-screens-") as name:
        folder = Path(name)
        # Started by root, the database runs as another user, who must be able to reach its data.
        folder.chmod(0o711)
        environment = _environment(folder)
        if FILM in wanted:
            _write(FILM, film(_cut(_record("seedx demo", environment)), "seedx demo"))
        scenes = [scene for scene in SCENES if scene.name in wanted]
        if not scenes:
            return
        with running(folder, environment, port := free_port()):
            environment["SEEDX_URL"] = f"http://127.0.0.1:{port}"
            _furnish(folder, environment)
            for scene in scenes:
                _write(scene.name, _svg(_screen_after(scene, folder, environment)))


def _write(name: str, picture: str) -> None:
    (HERE / f"{name}.svg").write_text(picture, "utf-8")
    sys.stdout.write(f"{name}.svg: {len(picture.encode()):,} bytes\n")


def _record(command: str, environment: Mapping[str, str]) -> list[Frame]:
    """Run a command on a terminal, and give what the terminal showed after each piece of output."""
    child: pexpect.spawn[bytes] = pexpect.spawn(
        command,
        env=dict(environment),
        cwd=str(ROOT),
        dimensions=(ROWS, FILM_COLUMNS),
        timeout=PATIENCE_SECONDS,
    )
    screen = pyte.Screen(FILM_COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    began = time.monotonic()
    frames: list[Frame] = []
    while True:
        try:
            shown = child.read_nonblocking(65_536, PATIENCE_SECONDS)
        except pexpect.EOF:
            child.close()
            return frames
        stream.feed(shown.replace(DIM, GREY))
        rows = [_cells(screen, number) for number in range(ROWS)]
        frames.append(Frame(time.monotonic() - began, rows))


def _cells(screen: pyte.Screen, number: int) -> Row:
    return tuple(screen.buffer[number][column] for column in range(screen.columns))


def _cut(frames: list[Frame]) -> list[Frame]:
    """Keep the rows between the two headings, from the moment when the first one is shown."""
    last = [_plain(row) for row in frames[-1].rows]
    first, end = last.index(FILM_BEGINS), last.index(FILM_ENDS) - 1
    return [
        Frame(frame.moment, frame.rows[first:end])
        for frame in frames
        if _plain(frame.rows[first]) == FILM_BEGINS
    ]


def _plain(row: Row) -> str:
    return "".join(cell.data for cell in row).rstrip()


def _environment(folder: Path) -> dict[str, str]:
    """Settings that touch nothing of the user's own, with `seedx` as a command."""
    program = folder / "bin" / "seedx"
    program.parent.mkdir()
    words = " ".join(f"'{word}'" for word in PROGRAM)
    program.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    program.chmod(0o755)
    dropped = ("SEEDX_", "GROK_", "GROQ_", "DATABASE_URL", "JWT_", "NO_COLOR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return importable(
        {
            **kept,
            "PATH": f"{program.parent}{os.pathsep}{kept['PATH']}",
            "TERM": "xterm-256color",
            "SEEDX_PAGER": "cat",
            "SEEDX_CONFIG_DIR": str(folder / "config"),
            "SEEDX_DATA_DIR": str(folder / "data"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        }
    )


def _furnish(folder: Path, environment: Mapping[str, str]) -> None:
    """Make an account and some tickets, load the handbook, and leave a log to ask about."""

    def seedx(*words: str, stdin: str | None = None) -> None:
        subprocess.run(  # noqa: S603  # this program itself
            [*PROGRAM, *words],
            env=dict(environment),
            cwd=folder,
            input=stdin,
            text=True,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    (folder / "build.log").write_text(LOG)
    signup = ("signup", "--name", "Ada", "--email", "ada@example.com", "--password-stdin")
    seedx(*signup, stdin=secrets.token_urlsafe(16))
    seedx("user", "role", "ada@example.com", "admin", "--local")
    seedx("kb", "import", str(handbook()))
    seedx("ticket", "new", "-t", "Backups", "-b", "How do I make a backup?")
    title, question = (
        "Nobody reaches the desk",
        "Our server cannot be reached from another computer.",
    )
    seedx("ticket", "new", "-t", title, "-b", question, "--priority", "urgent")
    seedx("ticket", "new", "-t", "Bitte um Rückruf 📞", "-b", "Danke!", "--tag", "phone")
    seedx("ticket", "close", "3")


def _screen_after(scene: Scene, folder: Path, environment: Mapping[str, str]) -> pyte.Screen:
    """Run a scene's commands on a terminal, and return its screen at the end."""
    script = "\n".join(
        f"printf '\\033[1m$ %s\\033[0m\\n' {shlex.quote(command)}; {command}; echo"
        for command in scene.commands
    )
    child: pexpect.spawn[bytes] = pexpect.spawn(
        "bash",
        ["-c", script],
        env=dict(environment),
        cwd=str(folder),
        dimensions=(ROWS, COLUMNS),
        timeout=PATIENCE_SECONDS,
    )
    shown = child.read()
    child.close()
    screen = pyte.Screen(COLUMNS, ROWS)
    # Where this checkout lies is nobody's business.
    pyte.ByteStream(screen).feed(shown.replace(f"{ROOT}/".encode(), b""))
    return screen


def _svg(screen: pyte.Screen) -> str:
    """Draw the rows of a screen."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    rows = [_row(screen, number) for number in range(ROWS)]
    while rows and not rows[-1].plain.strip():
        rows.pop()
    for row in rows:
        console.print(row, no_wrap=True)
    picture = console.export_svg(title="seedx")
    # A picture loads nothing from other hosts, not even a font, and names none.
    return re.sub(r"@font-face {.*?}\s*|<!--.*?-->\s*", "", picture, flags=re.DOTALL)


def _row(screen: pyte.Screen, number: int) -> Text:
    row = Text()
    cells = (screen.buffer[number][column] for column in range(COLUMNS))
    for style, run in groupby(cells, key=_style):
        text = "".join(cell.data for cell in run)
        # Some viewers drop spaces at the beginning of an element, so they get one of their own.
        indent = len(text) - len(text.lstrip())
        row.append(text[:indent]).append(text[indent:], style)
    row.rstrip()
    return row


def _style(cell: pyte.screens.Char) -> Style:
    color = None if cell.fg == "default" else _color(cell.fg)
    return Style(color=color, bold=cell.bold, italic=cell.italics, underline=cell.underscore)


def _color(name: str) -> str:
    """Rich's name of an emulator's colour, which is a name or six hexadecimal digits."""
    if re.fullmatch("[0-9a-f]{6}", name):
        return f"#{name}"
    return name.replace("brown", "yellow").replace("bright", "bright_")


if __name__ == "__main__":
    main()
