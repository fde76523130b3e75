"""Writes the table that completion reads: ``python -m seedx_cli.completion.build``.

A row has five columns, separated by tabs: a command's path (`ticket list`, `*` for every command),
what the row is (command, option or argument), its name, what it takes, and its description. An
option that takes nothing is a flag; `text` is a value without suggestions.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup, TyperOption

from seedx_cli.commands.help import TOPICS
from seedx_cli.completion.answer import TABLE
from seedx_cli.config import SETTINGS
from seedx_cli.main import app
from seedx_cli.parsing.arguments import PRIORITIES, ROLES, STATUSES
from seedx_cli.parsing.command import shared_options

_KINDS = {
    "ID": "ticket",
    "STATUS": "|".join(STATUSES),
    "PRIORITY": "|".join(PRIORITIES),
    "ROLE": "|".join(ROLES),
    "KEY": "|".join(SETTINGS),
    "[TOPIC | COMMAND...]": "|".join(TOPICS),
}

Row = tuple[str, str, str, str, str]


def rows() -> list[Row]:
    """Return the whole command line as rows."""
    shared = [row for option in shared_options() for row in _option_rows("*", option)]
    return [*shared, *_rows("", typer.main.get_command(app))]


def table() -> str:
    """Return the text of the table."""
    return "".join("\t".join(row) + "\n" for row in rows())


# Typer has no public name for what a command and its parameters are.
def _rows(path: str, command: Any) -> list[Row]:  # noqa: ANN401  # see above
    shared = {option.name for option in shared_options()}
    found: list[Row] = [(path, "option", "--help", "", "Show this message and exit.")]
    for parameter in command.params:
        if isinstance(parameter, TyperOption):
            if parameter.name not in shared:
                found += _option_rows(path, parameter)
        else:
            found.append((path, "argument", str(parameter.name), _kind(parameter), ""))
    if isinstance(command, TyperGroup):
        context = command.make_context(path, ["--help"], resilient_parsing=True)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None  # noqa: S101  # it is on the list
            found.append((path, "command", name, "", _first_line(child.help)))
            found += _rows(f"{path} {name}".strip(), child)
    return found


def _option_rows(path: str, option: TyperOption) -> list[Row]:
    takes = "" if option.is_flag else _kind(option)
    names = (*option.opts, *option.secondary_opts)
    return [(path, "option", name, takes, _first_line(option.help)) for name in names]


def _kind(parameter: Any) -> str:  # noqa: ANN401  # see above
    metavar = parameter.metavar or ""
    return _KINDS.get(metavar, metavar if metavar.islower() and "|" in metavar else "text")


def _first_line(text: str | None) -> str:
    return (text or "").split("\n", 1)[0]


if __name__ == "__main__":
    Path(TABLE).write_text(table(), "utf-8")
    sys.stdout.write(f"{TABLE}\n")
