"""The examples of JSON output in docs/json.md, taken from real output.

Run ``python docs/examples.py`` from the project's folder to write them again, and with ``--check``
to learn whether they still say what the program prints. It starts a server of its own, and an AI
service that gives a short answer. Times are all set to one moment.
"""

# ruff: noqa: INP001  # a script, not a package

from __future__ import annotations

import argparse
import contextlib
import os
import re
import secrets
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from difflib import unified_diff
from pathlib import Path

from seedx_cli.local.server import PROGRAM, free_port, importable, running

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "json.md"
FENCE = "```\n"
ANSWER = "Update to 2.1, which writes larger files. [1]"
ARTICLE = "---\ntitle: Exports\ntags: [export]\n---\nAn export stops at 2 GB. Update to 2.1.\n"
MOMENT = "2026-11-23T09:30:00Z"

EXAMPLES = (
    'ticket new -t "The export stops" -b "It stops at 2 GB." --json',
    "ai 1 --json",
    "ticket show 7 --json",
)
"""The commands that the document shows, each as the first line of a block, in this order."""


def main() -> int:
    """Write the examples, or compare them.

    Returns:
        The exit code: 1 if ``--check`` found a difference.
    """
    parser = argparse.ArgumentParser(description="The examples of docs/json.md.")
    parser.add_argument("--check", action="store_true", help="change nothing; tell what differs")
    check = parser.parse_args().check
    before = after = DOCUMENT.read_text("utf-8")
    for command, output in _examples():
        after = _with_example(after, command, output)
    if not check:
        DOCUMENT.write_text(after, "utf-8")
        return 0
    difference = unified_diff(before.splitlines(), after.splitlines(), DOCUMENT.name, "real output")
    sys.stdout.write("".join(f"{line}\n" for line in difference))
    return int(before != after)


def _with_example(text: str, command: str, output: str) -> str:
    """Put a command's output into the block that begins with the command."""
    head, begins, rest = text.partition(f"{FENCE}$ {command}\n")
    if not begins:
        raise SystemExit(f"{DOCUMENT.name} has no block that begins with: $ {command}")
    return f"{head}{begins}{output}{FENCE}{rest.partition(FENCE)[2]}"


def _examples() -> Iterator[tuple[str, str]]:
    """Yield each command with what it printed."""
    with tempfile.TemporaryDirectory(prefix="seedx-examples-") as name:
        folder = Path(name)
        # Started by root, the database runs as another user, who must be able to reach its data.
        folder.chmod(0o711)
        with _ai_service(folder) as upstream:
            environment = _environment(folder, upstream)
            with running(folder, environment, port := free_port()):
                environment["SEEDX_URL"] = f"http://127.0.0.1:{port}"
                _furnish(folder, environment)
                for line in EXAMPLES:
                    if line.startswith("ai "):
                        # A reader of a finished reply gets its text in one piece, every time.
                        _seedx(environment, *shlex.split(line))
                    printed = _seedx(environment, *shlex.split(line))
                    yield f"seedx {line}", _timeless(printed)


def _furnish(folder: Path, environment: Mapping[str, str]) -> None:
    """Make an account and an article to cite."""
    article = folder / "exports.md"
    article.write_text(ARTICLE)
    signup = ("signup", "--name", "Ada", "--email", "ada@example.com", "--password-stdin")
    _seedx(environment, *signup, stdin=secrets.token_urlsafe(16))
    _seedx(environment, "user", "role", "ada@example.com", "admin", "--local")
    _seedx(environment, "kb", "import", str(article))


def _seedx(environment: Mapping[str, str], *words: str, stdin: str | None = None) -> str:
    """What a command prints, on stdout or, if it fails, on stderr."""
    done = subprocess.run(  # noqa: S603  # this program itself
        [*PROGRAM, *words],
        env=environment,
        input=stdin,
        text=True,
        capture_output=True,
        check=False,
    )
    return done.stdout or done.stderr


@contextlib.contextmanager
def _ai_service(folder: Path) -> Iterator[str]:
    """The address of an AI service that always gives the same answer."""
    process = subprocess.Popen(  # noqa: S603  # this program itself
        [
            *(sys.executable, "-m", "tests.fake_upstream"),
            *("--port-file", str(folder / "port"), "--text", ANSWER),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None  # noqa: S101  # it was asked for
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def _environment(folder: Path, upstream: str) -> dict[str, str]:
    """Settings that touch nothing of the user's own."""
    dropped = ("SEEDX_", "GROK_", "GROQ_", "DATABASE_URL", "JWT_", "CLICOLOR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return importable(
        {
            **kept,
            "GROK_API_KEY": "gsk-of-an-example",
            "GROK_API_URL": upstream,
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "SEEDX_CONFIG_DIR": str(folder / "config"),
            "SEEDX_DATA_DIR": str(folder / "data"),
        }
    )


def _timeless(text: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+Z", MOMENT, text)


if __name__ == "__main__":
    raise SystemExit(main())
