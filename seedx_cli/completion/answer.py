"""Answers the shell's question what may come next, before anything else is imported.

The shell asks through the scripts that ``--install-completion`` installs, at each press of a key.
So this reads a table that was made when the package was built, and a file with the tickets seen
last; nothing is parsed and nobody is called.
"""

import sys
from collections.abc import Mapping

VARIABLE = "_SEEDX_COMPLETE"

_MOST_TICKETS = 50


def run(environment: Mapping[str, str]) -> int:
    """Answer one question on stdout.

    Args:
        environment: Holds the question, as Typer's scripts for bash, zsh and fish put it.

    Returns:
        The exit code; fish takes 1 as "complete file names".
    """
    shell = environment[VARIABLE].partition("_")[2]
    words, unfinished = _question(shell, environment)
    found = [
        (value, about)
        for value, about in candidates(words, unfinished, environment)
        if value.startswith(unfinished)
    ]
    if environment.get("_TYPER_COMPLETE_FISH_ACTION") == "is-args":
        return 0 if found else 1
    sys.stdout.write(_answer(shell, found))
    return 0


def candidates(
    words: list[str], unfinished: str, environment: Mapping[str, str]
) -> list[tuple[str, str]]:
    """What may come next, each with a word about it.

    Args:
        words: The words before, without the program's name.
        unfinished: The beginning of the word that is asked for.
        environment: Tells where the tickets seen last are.
    """
    from seedx_cli.completion.table import TABLE

    node, arguments, value_of = TABLE, 0, ""
    for word in words:
        if value_of:
            value_of = ""
        elif word.startswith("-"):
            takes = node["options"].get(word, ("", ""))[1]
            value_of = takes if "=" not in word else ""
        elif word in node["commands"]:
            node = node["commands"][word]
        else:
            arguments += 1
    if value_of:
        return _values(value_of, environment)
    if unfinished.startswith("-"):
        return [(name, about) for name, (about, _) in node["options"].items()]
    if node["commands"]:
        return [(name, command["help"]) for name, command in node["commands"].items()]
    expected = node["arguments"]
    return _values(expected[min(arguments, len(expected) - 1)], environment) if expected else []


def _values(kind: str, environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """The values of a kind: words, ticket numbers, or nothing, which means file names."""
    if kind == "ticket":
        return _recent_tickets(environment)
    return [(value, "") for value in kind.split("|") if value] if "|" in kind else []


def _recent_tickets(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    from seedx_cli.paths import recent_file

    try:
        file = recent_file(environment)
        with open(file, encoding="utf-8") as lines:  # noqa: PTH123  # pathlib is dear here
            pairs = [line.rstrip("\n").partition("\t") for line in lines]
    except OSError:
        return []
    return [(number, about) for number, _, about in pairs[:_MOST_TICKETS] if number.isdigit()]


def _question(shell: str, environment: Mapping[str, str]) -> tuple[list[str], str]:
    """The words before the cursor, and the word under it."""
    if shell == "bash":
        words = environment.get("COMP_WORDS", "").split()
        cursor = int(environment.get("COMP_CWORD", "0"))
        return words[1:cursor], words[cursor] if cursor < len(words) else ""
    line = environment.get("_TYPER_COMPLETE_ARGS", "")
    words = line.split()[1:]
    if words and not line.endswith(" "):
        return words[:-1], words[-1]
    return words, ""


def _answer(shell: str, found: list[tuple[str, str]]) -> str:
    if shell == "fish":
        return "".join(f"{value}\t{_harmless(about)}\n" for value, about in found)
    if shell != "zsh":
        return "".join(f"{value}\n" for value, _ in found)
    if not found:
        return "_files"
    described = "\n".join(f'"{value}":"{_harmless(about)}"' for value, about in found)
    return f"_arguments '*: :(({described}))'"


def _harmless(text: str) -> str:
    """A description that a shell may evaluate: zsh does, and a ticket's title is anybody's."""
    kept = (letter if letter.isalnum() or letter in " .,-" else " " for letter in text)
    return "".join(kept).strip() or "-"
