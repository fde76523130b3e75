"""The command line and the server as real processes."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pexpect
import pyte

from seedx_cli.client import Client

ROOT = Path(__file__).parents[2]
PASSWORD = "two-lamps-and-a-stone"
PATIENCE = 30

Environment = Mapping[str, str]


def base_environment() -> dict[str, str]:
    """The environment of the tests without what would change a program's behaviour."""
    dropped = ("SEEDX_", "GROK_", "GROQ_", "DATABASE_URL", "JWT_", "PAGER", "LESS", "NO_COLOR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
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
            timeout=PATIENCE,
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
            timeout=PATIENCE,
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
            child.expect_exact(prompt)
            raw += child.before + child.after
            child.send(answer)
        child.expect(pexpect.EOF)
        raw += child.before
        child.close()
        return Screen(raw, shown(raw, rows, columns), child.exitstatus)


def shown(raw: bytes, rows: int = 24, columns: int = 80) -> list[str]:
    """The rows that a terminal shows after these bytes, scrollback first."""
    screen = pyte.HistoryScreen(columns, rows, history=10_000)
    pyte.ByteStream(screen).feed(raw)
    gone = [
        "".join(line[column].data for column in range(columns)).rstrip()
        for line in screen.history.top
    ]
    return gone + [line.rstrip() for line in screen.display]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(environment: Environment, folder: Path) -> Iterator[str]:
    """Run `seedx serve` until the block ends, and give its address."""
    port = free_port()
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "seedx_cli", "serve", "--port", str(port)],
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        with Client(url) as client:
            while not client.is_ready():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.05)
                assert process.returncode is None, log.read_text()
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE)
        finally:
            process.kill()
