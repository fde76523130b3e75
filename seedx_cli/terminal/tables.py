"""Tables: fitted to a terminal, or tab-separated and whole for a pipe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from seedx_cli.terminal.safe_text import safe_line

_GAP = "  "
_NARROWEST = 8

Style = Callable[..., str]
T = TypeVar("T")


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        title: Its heading.
        flexible: Whether it gives way where the terminal is too narrow.
        optional: Whether it is left out where even that is not enough, the last one first.
        style: How its cells look, by the terminal's names of styles.
        right: Whether it is aligned to the right, for numbers.
    """

    title: str
    flexible: bool = False
    optional: bool = False
    style: str | None = None
    right: bool = False


def tab_separated(rows: Sequence[Sequence[str]]) -> str:
    """Rows as lines with a tab between cells; a cell is never cut and never breaks its line."""
    return "".join("\t".join(_plain(cell) for cell in row) + "\n" for row in rows)


def fitted(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int, style: Style
) -> str:
    """Rows under a heading, no line wider than `width` columns of the terminal.

    Flexible columns share what the others leave; what does not fit ends in an ellipsis.
    """
    cells = [[_plain(cell) for cell in row] for row in rows]
    while True:
        widths = _widths(columns, cells, width)
        optional = [index for index, column in enumerate(columns) if column.optional]
        if not optional or sum(widths) + len(_GAP) * (len(columns) - 1) <= width:
            break
        columns = _without(columns, optional[-1])
        cells = [_without(row, optional[-1]) for row in cells]
    lines = [_line(columns, [column.title for column in columns], widths, style, heading=True)]
    lines += [_line(columns, row, widths, style, heading=False) for row in cells]
    return "".join(f"{line}\n" for line in lines)


def display_width(text: str) -> int:
    """How many columns of a terminal a line takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def shortened(text: str, width: int) -> str:
    """A line cut to `width` columns, with an ellipsis where something is missing."""
    if display_width(text) <= width:
        return text
    if text.isascii():
        return text[: max(width - 1, 0)] + "…"
    from rich.cells import set_cell_size

    return set_cell_size(text, max(width - 1, 0)).rstrip() + "…"


def wrapped(line: str, width: int) -> list[str]:
    """A line cut into rows of at most `width` columns, between words where that is possible."""
    if display_width(line) <= width:
        return [line]
    if line.isascii():
        from textwrap import wrap

        return wrap(line, width, replace_whitespace=False, drop_whitespace=True) or [""]
    from rich.console import Console
    from rich.text import Text

    return [row.plain.rstrip() for row in Text(line).wrap(Console(width=width), width)]


def _plain(cell: str) -> str:
    return safe_line(cell).replace("\t", " ")


def _without(items: Sequence[T], index: int) -> list[T]:
    return [*items[:index], *items[index + 1 :]]


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> list[int]:
    wanted = [
        max([len(column.title), *(display_width(row[index]) for row in rows)])
        for index, column in enumerate(columns)
    ]
    over = sum(wanted) + len(_GAP) * (len(columns) - 1) - width
    flexible = [index for index, column in enumerate(columns) if column.flexible]
    while over > 0 and flexible:
        widest = max(flexible, key=lambda index: wanted[index])
        if wanted[widest] <= _NARROWEST:
            break
        wanted[widest] -= 1
        over -= 1
    return wanted


def _line(
    columns: Sequence[Column],
    cells: Sequence[str],
    widths: Sequence[int],
    style: Style,
    *,
    heading: bool,
) -> str:
    parts = []
    for index, (column, cell, width) in enumerate(zip(columns, cells, widths, strict=True)):
        text = shortened(cell, width)
        padding = " " * (width - display_width(text))
        is_last = index == len(columns) - 1
        name = "dim" if heading else column.style
        shown = style(text, name) if name else text
        parts.append(padding + shown if column.right else shown + ("" if is_last else padding))
    return _GAP.join(parts).rstrip()
