"""Makes the table that completion reads: ``python -m seedx_cli.completion.build``."""

from __future__ import annotations

import sys
from pathlib import Path
from pprint import pformat
from typing import TYPE_CHECKING

import typer

from seedx_cli.commands.help import TOPICS
from seedx_cli.config import GENERAL_KEYS, PROFILE_KEYS
from seedx_cli.main import app
from seedx_cli.parsing.arguments import PRIORITIES, ROLES, STATUSES

if TYPE_CHECKING:
    # What Typer builds has no public name.
    from typer._click import Command as ClickCommand
    from typer._click import Parameter

    from seedx_cli.completion.table import Node

FILE = Path(__file__).with_name("table.py")

_KINDS = {
    "ID": "ticket",
    "STATUS": "|".join(STATUSES),
    "PRIORITY": "|".join(PRIORITIES),
    "ROLE": "|".join(ROLES),
    "KEY": "|".join((*PROFILE_KEYS, *GENERAL_KEYS)),
    "up|down": "up|down",
    "[TOPIC | COMMAND...]": "|".join(TOPICS),
}
_HEAD = '''"""What may follow what on the command line; `completion.build` makes this file."""

# Type checkers take this name as true; importing typing would double the time completion takes.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import TypedDict

    class Node(TypedDict):
        """A command or a group: options with what they take, and what its arguments are."""

        help: str
        options: dict[str, tuple[str, str]]
        arguments: list[str]
        commands: dict[str, "Node"]


'''


def table() -> Node:
    """The whole command line as plain data."""
    return _node(typer.main.get_command(app))


def source() -> str:
    """The module that holds the table."""
    return f'{_HEAD}TABLE: "Node" = {pformat(table(), width=98, sort_dicts=False)}\n'


def _node(command: ClickCommand) -> Node:
    subcommands = getattr(command, "commands", {})
    options = {"--help": ("Show this message and exit.", "")}
    arguments = []
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            arguments.append(_kind(parameter))
        else:
            about = _first_sentence(getattr(parameter, "help", None))
            takes = "" if getattr(parameter, "is_flag", False) else _kind(parameter)
            names = (*parameter.opts, *parameter.secondary_opts)
            options |= dict.fromkeys(names, (about, takes))
    return {
        "help": _first_sentence(command.help),
        "options": options,
        "arguments": arguments,
        "commands": {name: _node(subcommands[name]) for name in subcommands},
    }


def _kind(parameter: Parameter) -> str:
    """What an option or argument takes; `file` where only the shell can help."""
    return _KINDS.get(parameter.metavar or "", "file")


def _first_sentence(text: str | None) -> str:
    return (text or "").split("\n", 1)[0]


if __name__ == "__main__":
    FILE.write_text(source(), "utf-8")
    sys.stdout.write(f"{FILE}\n")
