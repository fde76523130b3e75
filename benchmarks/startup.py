"""How long short commands take, as multiples of `python -c pass`.

Run it with ``python -m benchmarks.startup``. In each round every command runs once, so that
a machine that is busy for a while slows all of them down; the medians are compared. The goals:
`--version` at most 1.5 times bare Python, completion 3 times, `--help` 7 times, and `ticket list`
against a server on this machine 12 times.
"""

from __future__ import annotations

import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from seedx_cli.client import Client
from seedx_cli.local.server import free_port, importable, running

ROUNDS = 15
COLD_ROUNDS = 2
TICKETS = 30


class Subject(NamedTuple):
    """A command to measure, with its goal as a multiple of bare Python."""

    name: str
    words: tuple[str, ...]
    goal: float
    environment: dict[str, str]


def subjects(environment: dict[str, str]) -> list[Subject]:
    """Return the commands to measure."""
    # The same as the console script, which need not be installed.
    seedx = ("-c", "import sys; from seedx_cli.__main__ import main; sys.exit(main())")
    completing = {
        **environment,
        "_SEEDX_COMPLETE": "bash",
        "COMP_LINE": "seedx ticket show ",
    }
    return [
        Subject("python -c pass", ("-c", "pass"), 1.0, environment),
        Subject("seedx --version", (*seedx, "--version"), 1.5, environment),
        Subject("completion", seedx, 3.0, completing),
        Subject("seedx --help", (*seedx, "--help"), 7.0, environment),
        Subject("seedx ticket list", (*seedx, "ticket", "list"), 12.0, environment),
    ]


def seconds(subject: Subject) -> float:
    """Run a command once and return how long it took."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, *subject.words],
        env=subject.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - began


def measure(measured: list[Subject]) -> dict[str, float]:
    """Return the median time of each command, in seconds."""
    for _ in range(COLD_ROUNDS):
        for subject in measured:
            seconds(subject)
    rounds = [[seconds(subject) for subject in measured] for _ in range(ROUNDS)]
    medians = [statistics.median(times) for times in zip(*rounds, strict=True)]
    return {subject.name: time for subject, time in zip(measured, medians, strict=True)}


def report(environment: dict[str, str]) -> int:
    """Measure and print; return 1 if a goal is missed."""
    measured = subjects(environment)
    times = measure(measured)
    bare = times["python -c pass"]
    missed = False
    for subject in measured:
        ratio = times[subject.name] / bare
        missed = missed or ratio > subject.goal
        print(
            f"{subject.name:<20} {times[subject.name] * 1000:7.1f} ms {ratio:6.2f} x"
            f"   goal {subject.goal:4.1f} x   {'missed' if ratio > subject.goal else 'met'}"
        )
    return int(missed)


def settings(folder: Path) -> dict[str, str]:
    """Return the environment of the server and the commands, without the user's own settings.

    Modules are compiled once, as in an installed package.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SEEDX_", "DATABASE_URL", "JWT_", "PYTHONDONTWRITEBYTECODE"))
    }
    own = {"SEEDX_DATA_DIR": str(folder / "data"), "SEEDX_CONFIG_DIR": str(folder / "config")}
    return importable({**kept, **own})


def main() -> int:
    """Start a server with some tickets and measure against it."""
    with tempfile.TemporaryDirectory(prefix="seedx-bench-") as name:
        folder = Path(name)
        # Started by root, the database runs as another user, who must be able to reach its data.
        folder.chmod(0o711)
        environment = settings(folder)
        with running(folder, environment, free_port()) as url:
            with Client(url) as client:
                password = secrets.token_urlsafe(16)
                client.auth.signup("Ada", "ada@example.com", password)
                client.auth.login("ada@example.com", password)
                for number in range(TICKETS):
                    client.tickets.new(f"Ticket {number}", "Something is wrong.")
                tokens = client.session.tokens()
            token = tokens.access_token if tokens else ""
            return report({**environment, "SEEDX_URL": url, "SEEDX_TOKEN": token})


if __name__ == "__main__":
    sys.exit(main())
