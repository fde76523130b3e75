"""Tables: fitted to a terminal, or tab-separated and uncut for a pipe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from seedx_cli.terminal.fitting import display_width, shortened
from seedx_cli.terminal.safe_text import safe_line

_GAP = "  "
_NARROWEST = 8

Style = Callable[..., str]
T = TypeVar("T")


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        title: Its heading.
        flexible: Whether it may shrink if the terminal is too narrow.
        optional: Whether it may be left out if that is not enough; the last one goes first.
        style: The name of the terminal style of its cells.
        right: Whether it is right-aligned, for numbers.
    """

    title: str
    flexible: bool = False
    optional: bool = False
    style: str | None = None
    right: bool = False


def tab_separated(columns: Sequence[Column], rows: Sequence[Sequence[str]], style: Style) -> str:
    """Write rows as lines with a tab between cells; a cell is never cut or broken over lines."""
    return "".join(
        "\t".join(
            _styled(_plain(cell), column.style, style)
            for column, cell in zip(columns, row, strict=True)
        )
        + "\n"
        for row in rows
    )


def fitted(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int, style: Style
) -> str:
    """Write rows under a heading, no line wider than `width` columns of the terminal.

    Flexible columns share the width that the others leave; cut cells end in an ellipsis.
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


def _plain(cell: str) -> str:
    return safe_line(cell).replace("\t", " ")


def _styled(text: str, name: str | None, style: Style) -> str:
    return style(text, name) if name else text


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
        shown = _styled(text, "dim" if heading else column.style, style)
        parts.append(padding + shown if column.right else shown + ("" if is_last else padding))
    return _GAP.join(parts).rstrip()
