"""Fitting text into the columns of a terminal: measuring, shortening, wrapping at words."""

from __future__ import annotations

import re

# A command in a hint is at the end of its line.
_COMMAND = re.compile(r"\bseedx \S.*$")
_WIDEST_CHARACTER = 2
_NARROWEST = 10


def display_width(text: str) -> int:
    """Return how many columns of a terminal a line takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def shortened(text: str, width: int) -> str:
    """Cut a line to `width` columns, with an ellipsis if something is cut off."""
    if _fits(text, width):
        return text
    if text.isascii():
        return text[: max(width - 1, 0)] + "…"
    from rich.cells import set_cell_size

    return set_cell_size(text, max(width - 1, 0)).rstrip() + "…"


def wrapped(line: str, width: int) -> list[str]:
    """Cut a line into rows of at most `width` columns, at words where that is possible."""
    if _fits(line, width):
        return [line]
    if line.isascii():
        from textwrap import wrap

        return wrap(line, width, replace_whitespace=False, break_on_hyphens=False) or [""]
    from rich.console import Console
    from rich.text import Text

    return [row.plain.rstrip() for row in Text(line).wrap(Console(width=width), width)]


def prose(text: str, width: int) -> str:
    """Wrap sentences at words, each row indented like its line.

    A command at the end of a line stays whole, so that it can be copied: it gets a row of its own,
    which the terminal may break.
    """
    return "\n".join(row for line in text.split("\n") for row in _prose_rows(line, width))


def _prose_rows(line: str, width: int) -> list[str]:
    if _fits(line, width):
        return [line]
    command = _COMMAND.search(line)
    sentence = line[: command.start()] if command else line
    indent = sentence[: len(sentence) - len(sentence.lstrip(" "))]
    rows = (
        wrapped(sentence.strip(), max(width - len(indent), _NARROWEST)) if sentence.strip() else []
    )
    if command:
        rows.append(command.group())
    return [indent + row for row in rows]


def _fits(text: str, width: int) -> bool:
    # Measuring what is not ASCII imports Rich.
    return len(text) * _WIDEST_CHARACTER <= width or display_width(text) <= width
