"""Arguments and options that several commands take, with their checks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, get_args

import typer

from seedx_cli.client import documents
from seedx_cli.config import SETTINGS
from seedx_cli.parsing.command import did_you_mean

STATUSES: tuple[str, ...] = get_args(documents.Status)
PRIORITIES: tuple[str, ...] = get_args(documents.Priority)
ROLES: tuple[str, ...] = get_args(documents.Role)
# A PostgreSQL bigint has up to 19.
_MOST_DIGITS = 18


def ticket_number(text: str) -> int:
    """Read a ticket's number, with or without `#`."""
    digits = text.removeprefix("#")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > _MOST_DIGITS:
        raise typer.BadParameter(f"{text!r} is not a ticket number, such as 42 or '#42'")
    return int(digits)


def one_of(choices: Sequence[str], kind: str) -> Callable[[str], str]:
    """Return a parser of a word that must be one of `choices`; its error suggests the nearest."""

    def read(text: str) -> str:
        word = text.strip().lower().replace("-", "_")
        if word in choices:
            return word
        guess = did_you_mean(word, choices) or f"Choose one of {', '.join(choices)}."
        raise typer.BadParameter(f"{text!r} is not a {kind}. {guess}")

    return read


Number = Annotated[
    int, typer.Argument(parser=ticket_number, metavar="ID", help="The ticket's number.")
]
Body = Annotated[
    str | None, typer.Option("--body", "-b", metavar="TEXT", help="The text.", show_default=False)
]
File = Annotated[
    str | None,
    typer.Option("--file", "-F", metavar="FILE", help="Read the text from a file; - reads a pipe."),
]
Recover = Annotated[
    Path | None,
    typer.Option("--recover", metavar="FILE", help="Send the text that an earlier attempt kept."),
]
Status = Annotated[
    str | None,
    typer.Option(
        "--status", "-s", parser=one_of(STATUSES, "status"), metavar="STATUS",
        help=f"One of {', '.join(STATUSES)}.",
    ),
]  # fmt: skip
Priority = Annotated[
    str | None,
    typer.Option(
        "--priority", "-p", parser=one_of(PRIORITIES, "priority"), metavar="PRIORITY",
        help=f"One of {', '.join(PRIORITIES)}.",
    ),
]  # fmt: skip
Role = Annotated[
    str,
    typer.Argument(
        parser=one_of(ROLES, "role"), metavar="ROLE", help=f"One of {', '.join(ROLES)}."
    ),
]
Tags = Annotated[
    list[str] | None, typer.Option("--tag", metavar="TAG", help="A tag; can be repeated.")
]
Key = Annotated[str, typer.Argument(metavar="KEY", help=f"{', '.join(SETTINGS)}.")]
Email = Annotated[str | None, typer.Option("--email", metavar="EMAIL", help="Your e-mail address.")]
PasswordFromInput = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]
