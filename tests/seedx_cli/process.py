"""The command line and the server as real processes."""

import json
import os
import subprocess
import sys
import termios
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pexpect
import pyte

from tests.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]
NO_KEYRING = "keyring.backends.null.Keyring"
PASSWORD = "two-lamps-and-a-stone"


def base_environment() -> dict[str, str]:
    """The environment of the tests without what would change a program's behaviour."""
    dropped = (
        *("SEEDX_", "GROK_", "GROQ_", "DATABASE_URL", "JWT_"),
        *(
            "PAGER",
            "LESS",
            "NO_COLOR",
            "CLICOLOR",
            "COLUMNS",
            "LINES",
            "VISUAL",
            "EDITOR",
            "ZDOTDIR",
        ),
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "PYTHON_KEYRING_BACKEND": NO_KEYRING,
        "TERM": "xterm-256color",
    }


@dataclass(frozen=True)
class Screen:
    """What a person saw: the raw bytes, and the rows of the terminal with its scrollback."""

    raw: bytes
    rows: list[str]
    exit_code: int | None

    @property
    def text(self) -> str:
        return "\n".join(self.rows).strip()


@dataclass
class Cli:
    """One user's command line: a configuration folder, a server, a profile."""

    folder: Path
    environment: dict[str, str] = field(default_factory=base_environment)

    def __post_init__(self) -> None:
        self.environment["SEEDX_CONFIG_DIR"] = str(self.folder / "config")

    def run(
        self, *words: str, stdin: str | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in pipes, with nobody to ask."""
        return subprocess.run(
            [sys.executable, "-m", "seedx_cli", *words],
            env={**self.environment, **environment},
            cwd=self.folder,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def ok(self, *words: str, stdin: str | None = None, **environment: str) -> str:
        """Run a command that must succeed, and return its stdout."""
        done = self.run(*words, stdin=stdin, **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *words: str, stdin: str | None = None) -> Any:
        """Run a command with ``--json``, and return the document it printed."""
        return json.loads(self.ok(*words, "--json", stdin=stdin))

    def spawn(
        self, *words: str, rows: int = 24, columns: int = 80, **environment: str
    ) -> "pexpect.spawn[bytes]":
        """Start a command on a terminal."""
        return pexpect.spawn(
            sys.executable,
            ["-m", "seedx_cli", *words],
            env={**self.environment, **environment},
            cwd=str(self.folder),
            dimensions=(rows, columns),
            # pexpect sets the size after the program has begun, which may be too late.
            preexec_fn=partial(termios.tcsetwinsize, 0, (rows, columns)),
            timeout=PATIENCE_SECONDS,
        )

    def shell(self, script: str) -> "pexpect.spawn[bytes]":
        """Start a shell script on a terminal; `$SEEDX` is the command line."""
        return pexpect.spawn(
            "bash",
            ["-c", script],
            env={**self.environment, "SEEDX": f"{sys.executable} -m seedx_cli"},
            cwd=str(self.folder),
            dimensions=(24, 80),
            timeout=PATIENCE_SECONDS,
        )

    def screen(
        self,
        *words: str,
        answers: Mapping[str, str] | None = None,
        rows: int = 24,
        columns: int = 80,
        **environment: str,
    ) -> Screen:
        """Run a command on a terminal, answering its prompts in order."""
        child = self.spawn(*words, rows=rows, columns=columns, **environment)
        raw = b""
        for prompt, answer in (answers or {}).items():
            raw += seen_until(child, prompt)
            child.send(answer)
        raw += rest_of(child)
        return Screen(raw, shown(raw, rows, columns), child.exitstatus)


def seen_until(child: "pexpect.spawn[bytes]", text: str) -> bytes:
    """Wait for a text, and give what was shown up to its end."""
    child.expect_exact(text)
    assert isinstance(child.before, bytes)
    return child.before + text.encode()


def interrupt(child: "pexpect.spawn[bytes]") -> None:
    """Press Ctrl-C at a prompt, then Enter: a signal just before a read begins does not end it."""
    child.send("\x03\r")


def rest_of(child: "pexpect.spawn[bytes]") -> bytes:
    """Wait for the end of a command, and give what it still showed."""
    child.expect(pexpect.EOF)
    assert isinstance(child.before, bytes)
    child.close()
    return child.before


def shown(raw: bytes, rows: int = 24, columns: int = 80) -> list[str]:
    """The rows that a terminal shows after these bytes, scrollback first."""
    screen = pyte.HistoryScreen(columns, rows, history=10_000)
    pyte.ByteStream(screen).feed(raw)
    gone = [
        "".join(line[column].data for column in range(columns)).rstrip()
        for line in screen.history.top
    ]
    return gone + [line.rstrip() for line in screen.display]
