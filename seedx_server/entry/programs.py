"""Runs PostgreSQL's own programs, such as pg_dump, on a database or a backup."""

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from seedx_server.entry.errors import EntryError
from seedx_server.infrastructure.embedded.server import binary

Program = subprocess.Popen[bytes]


class ProgramError(EntryError):
    """A program failed.

    Attributes:
        cause: The cause in one line, from the program's output.

    Args:
        program: Its name.
        status: Its exit status; the negative number of a signal that ended it.
        output: Its output on stderr.
    """

    def __init__(self, program: str, status: int, output: str) -> None:
        self.cause = _first_error(output) or _describe_status(status)
        super().__init__(f"{program} failed: {self.cause}")


def run(program: str, *arguments: str, address: str | None = None) -> str:
    """Run a program to its end and return its output.

    Args:
        program: Its name, such as `pg_dump`.
        arguments: Its arguments.
        address: The database that it connects to, `postgresql://…`.

    Raises:
        ProgramError: It failed.
    """
    with running(program, *arguments, address=address) as process:
        return process.communicate()[0].decode("utf-8", "replace")


@contextmanager
def running(program: str, *arguments: str, address: str | None = None) -> Iterator[Program]:
    """Start a program with pipes for its input and output; wait for its end after the block.

    An exception in the block kills the program.

    Raises:
        ProgramError: It failed.
    """
    # The system's own programs may be older: an old pg_dump refuses a newer server.
    command = [str(binary(program)), *arguments]
    # Dates are to be in UTC, errors in English.
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    if address is not None:
        parameters = conninfo_to_dict(address)
        # Everybody on the machine can read a command line.
        if password := parameters.pop("password", None):
            environment["PGPASSWORD"] = str(password)
        command += ["--no-password", f"--dbname={make_conninfo('', **parameters)}"]
    with tempfile.TemporaryFile() as errors:
        with subprocess.Popen(  # noqa: S603  # a program of the wheel
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
        ) as process:
            try:
                yield process
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            errors.seek(0)
            text = errors.read().decode("utf-8", "replace")
            raise ProgramError(program, process.returncode, text)


def _first_error(output: str) -> str:
    """Return the first error that a program wrote, without its name; "" if it wrote nothing."""
    found = re.search(r"\b(?:error|ERROR): +(.+)", output)
    return found[1] if found else output.strip().partition("\n")[0]


def _describe_status(status: int) -> str:
    return f"ended by {signal.Signals(-status).name}" if status < 0 else f"exit code {status}"
