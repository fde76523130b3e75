"""Tells a shell what may come next on the command line, before anything else is imported.

The shell asks at each press of Tab, through the scripts that `seedx completion` prints. So this
only reads a table that was made from the commands, and a file of recent tickets; it loads no
command and sends no request.
"""

import os
import sys
from collections.abc import Mapping

VARIABLE = "_SEEDX_COMPLETE"
# Without pathlib: importing it takes longer than everything else here.
TABLE = f"{__file__.rpartition('/')[0]}/table.tsv"

_MOST_TICKETS = 50


def run(environment: Mapping[str, str]) -> int:
    """Print the candidates for one command line.

    Args:
        environment: Holds the shell's name and, in ``COMP_LINE``, the command line; for bash,
            with the position of the cursor in ``COMP_POINT``.

    Returns:
        The exit code.
    """
    shell = environment[VARIABLE]
    try:
        line = _before_cursor(environment)
    except ValueError:
        return 0
    words, unfinished = split(line)
    before = ""
    if unfinished.startswith("-") and "=" in unfinished:
        option, _, unfinished = unfinished.partition("=")
        words.append(option)
        # bash treats what comes after `=` as a word of its own; the others do not.
        before = "" if shell == "bash" else f"{option}="
    for name, description in candidates(words[1:], unfinished, environment):
        if name.startswith(unfinished):
            sys.stdout.write(_line(shell, before + name, description))
    return 0


def candidates(
    words: list[str], unfinished: str, environment: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Return what may come next, each with its description.

    Args:
        words: The words before, without the program's name.
        unfinished: The beginning of the word to complete.
        environment: Tells where the file of recent tickets is.
    """
    table = _table()
    path, arguments, value_of = "", 0, ""
    for word in words:
        if value_of:
            value_of = ""
        elif word.startswith("-"):
            value_of = _value_kind(word, path, table)
        elif any(row[:3] == [path, "command", word] for row in table):
            path = f"{path} {word}".strip()
        else:
            arguments += 1
    if value_of:
        return _values(value_of, environment)
    rows = [row for row in table if row[0] == path]
    commands = [(name, description) for _, kind, name, _, description in rows if kind == "command"]
    if unfinished.startswith("-"):
        shared = [] if commands else [row for row in table if row[0] == "*"]
        return [(row[2], row[4]) for row in [*rows, *shared] if row[1] == "option"]
    expected = [takes for _, kind, _, takes, _ in rows if kind == "argument"]
    if commands or not expected:
        return commands
    return _values(expected[min(arguments, len(expected) - 1)], environment)


def split(line: str) -> tuple[list[str], str]:
    """Split a command line as shells do, into its finished words and the unfinished last one."""
    words: list[str] = []
    word: str | None = None
    quote, is_escaped = "", False
    for letter in line:
        if is_escaped:
            word, is_escaped = (word or "") + letter, False
        elif letter == "\\" and quote != "'":
            is_escaped = True
        elif letter == quote:
            quote = ""
        elif quote:
            word = (word or "") + letter
        elif letter in "'\"":
            word, quote = word or "", letter
        elif not letter.isspace():
            word = (word or "") + letter
        elif word is not None:
            words.append(word)
            word = None
    return words, word or ""


def _before_cursor(environment: Mapping[str, str]) -> str:
    """Return the command line up to the cursor, whose position is in bytes.

    Raises:
        ValueError: The line is not in UTF-8, or the position is not a number or inside a letter.
    """
    line = os.fsencode(environment.get("COMP_LINE", ""))
    return line[: int(environment.get("COMP_POINT", len(line)))].decode()


def _value_kind(option: str, path: str, table: list[list[str]]) -> str:
    """Return the kind of value that an option takes; empty for a flag."""
    here = [row for row in table if row[0] in {path, "*"}]
    return next((row[3] for row in here if row[1:3] == ["option", option]), "")


def _table() -> list[list[str]]:
    with open(TABLE, encoding="utf-8") as lines:  # noqa: PTH123  # as above
        return [line.rstrip("\n").split("\t") for line in lines]


def _values(kind: str, environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the values of a kind: words, ticket numbers, or none, which means file names."""
    if kind == "ticket":
        return _recent_tickets(environment)
    return [(value, "") for value in kind.split("|")] if "|" in kind else []


def _recent_tickets(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    from seedx_cli.paths import recent_file

    try:
        with open(recent_file(environment), encoding="utf-8") as lines:  # noqa: PTH123  # as above
            pairs = [line.rstrip("\n").partition("\t") for line in lines]
    except OSError:
        return []
    return [(number, about) for number, _, about in pairs[:_MOST_TICKETS] if number.isdigit()]


def _line(shell: str, name: str, description: str) -> str:
    """Format a candidate for the shell; only zsh and fish show descriptions."""
    if shell == "fish" and description:
        return f"{name}\t{description}\n"
    if shell == "zsh":
        escaped = name.replace(":", "\\:")
        return f"{escaped}:{description}\n" if description else f"{escaped}\n"
    return f"{name}\n"
